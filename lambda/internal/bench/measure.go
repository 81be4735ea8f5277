package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"bucketuser/lambda/internal/s3model"
)

// measurement is what one program did with one bucket.
type measurement struct {
	wall    time.Duration // of all deliveries, without the waits between
	cpu     time.Duration // of the program, from its start
	peak    int64         // bytes that it had in memory, at most
	answer  string
	answers int
	runs    int
	cut     int // entries that were listed and not deleted when a run ended without an answer, at most
	stats   s3model.Stats
	left    []string
	server  time.Duration // CPU of the model
}

// isSuccess reports whether the program says that it has emptied the bucket.
func (m measurement) isSuccess() bool { return len(m.answer) >= 7 && m.answer[:7] == "SUCCESS" }

// verdict says what is wrong about an answer, or nothing. The function must fail where the case has a cause, and say it.
func (m measurement) verdict(s scene, tool string) string {
	isEmpty := m.stats.Left == 0 && m.stats.Uploads == 0
	switch {
	case m.isSuccess() && !isEmpty:
		return "says success"
	case tool != us:
		return ""
	case m.answers != 1:
		return fmt.Sprintf("%d answers", m.answers)
	case s.cause == "" && !m.isSuccess():
		return "failed"
	case m.isSuccess() && !m.stats.IsGone:
		return "left the bucket"
	case s.cause != "" && !regexp.MustCompile(s.cause).MatchString(m.answer):
		return "does not say the cause"
	}
	return ""
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakOf is how much memory a process that is alive has had at most.
func peakOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := highWater.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("process %d has ended by itself", pid)
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	return kilobytes << 10, err
}
