package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const stopTimeout = 10 * time.Second // then it is killed

// process is one process, recognised by its id and its start together: an id
// alone may meanwhile belong to another.
type process struct {
	ID      int    `json:"id"`
	Started string `json:"started"`

	ended <-chan struct{} // closed when a process started here has ended; nil for another's
	stdin io.Closer       // its end asks the process to end; nil if it does not listen to that
}

// watch takes over a command that was just started.
func watch(cmd *exec.Cmd, stdin io.Closer) (process, error) {
	ended := make(chan struct{})
	p := process{ID: cmd.Process.Pid, ended: ended, stdin: stdin}
	started, err := startOf(p.ID)
	p.Started = started
	go func() {
		_ = cmd.Wait() // the log says why it ended
		close(ended)
	}()
	return p, err
}

// running reports whether the very process still runs.
func (p process) running() bool {
	if p.ended != nil {
		select {
		case <-p.ended:
			return false
		default:
			return true
		}
	}
	started, err := startOf(p.ID)
	return err == nil && started == p.Started
}

// stop asks the process to end, kills it after 10 seconds, and in either case
// ends what it left in its process group. A process that has ended is left alone.
func (p process) stop(ctx context.Context) error { return p.end(ctx, -p.ID) }

// end is stop where what is killed, after the process was asked to end, is a group or itself alone.
func (p process) end(ctx context.Context, killed int) error {
	if p.stdin != nil {
		defer p.stdin.Close()
	}
	if !p.running() {
		return nil
	}
	if err := syscall.Kill(p.ID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	asked, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	p.await(asked)
	return p.finish(ctx, killed)
}

// kill ends the process and its group without asking. A process that has ended is left alone.
func (p process) kill(ctx context.Context) error {
	if !p.running() {
		return nil
	}
	return p.finish(ctx, -p.ID)
}

// finish kills, also what a signal has stopped, and waits for the end although ctx may have ended.
func (p process) finish(ctx context.Context, target int) error {
	if err := syscall.Kill(target, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if !p.await(limit) {
		return fmt.Errorf("process %d does not end", p.ID)
	}
	return nil
}

// await reports whether the process ended before ctx did.
func (p process) await(ctx context.Context) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for p.running() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// startOf identifies the start of process id: the kernel's start time where
// there is /proc, else what ps says. It fails if there is no such process; one
// that has ended and was not yet collected by its parent counts as none.
func startOf(id int) (string, error) {
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id)); err == nil {
		// The second field, in parentheses, may hold spaces; state is the 3rd, start time the 22nd.
		_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')'):]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 20 || fields[0] == "Z" {
			return "", fmt.Errorf("process %d has ended", id)
		}
		return fields[19], nil
	}
	out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(id)).Output()
	if started := strings.TrimSpace(string(out)); err == nil && started != "" {
		return started, nil
	}
	return "", fmt.Errorf("no process %d", id)
}
