package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// progress prints a line for each step, with the seconds from the beginning of the command to that of the step. On a
// terminal the line of the step that goes on counts its seconds.
type progress struct {
	out      io.Writer
	began    time.Time
	terminal bool

	mutex sync.Mutex
	line  string    // of the step that goes on, which has no end yet; empty if nothing is counted
	since time.Time // the beginning of that step
}

// countedEvery is how often the line of a step is written anew.
const countedEvery = time.Second

// widest is what fits into the narrowest terminal that is usual: a line that wraps cannot be written anew.
const widest = 79

// count counts the seconds of steps until stop.
func (p *progress) count() (stop func()) {
	if !p.terminal {
		return func() {}
	}
	tick, over := time.NewTicker(countedEvery), make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				p.again()
			case <-over:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(over); p.end() }
}

// again writes the line of the step that goes on with its seconds.
func (p *progress) again() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.line == "" {
		return
	}
	counted := fmt.Sprintf(" … %.0f s", time.Since(p.since).Seconds())
	fmt.Fprintf(p.out, "\r\033[K%s%s", shortened(p.line, widest-len([]rune(counted))), counted)
}

func shortened(line string, width int) string {
	if letters := []rune(line); len(letters) > width {
		return string(letters[:width])
	}
	return line
}

// step begins a step, which ends the one before.
func (p *progress) step(format string, args ...any) {
	p.end()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	line := fmt.Sprintf("%4.0fs  %s", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		return
	}
	p.line, p.since = line, time.Now()
	fmt.Fprint(p.out, shortened(line, widest))
}

// end leaves the line of the last step as it began. What follows is printed below it.
func (p *progress) end() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.line != "" {
		fmt.Fprintf(p.out, "\r\033[K%s\n", p.line)
		p.line = ""
	}
}

// Write makes a step of each line that a package prints while it works.
func (p *progress) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		p.step("%s", strings.TrimSpace(line))
	}
	return len(text), nil
}
