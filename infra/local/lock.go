package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A Busy command is the error of [Claim] while another command has the directory.
type Busy struct {
	Command string // as somebody typed it
	process
}

func (b *Busy) Error() string {
	return fmt.Sprintf("%s is running here already, as process %d", b.Command, b.ID)
}

// End ends the other command, and waits for its end. It is asked to end first, and killed 10 seconds later.
func (b *Busy) End(ctx context.Context) error { return b.end(ctx, b.ID) }

// A process that has just ended may hold its files for a moment more.
const claimPatience = 500 * time.Millisecond

// Claim has the directory for one command alone until release, or until this process ends. It waits for nobody: the
// error is a [*Busy] if another command has it.
func Claim(dir, command string) (release func(), err error) {
	limit, tick := time.NewTimer(claimPatience), time.NewTicker(20*time.Millisecond)
	defer limit.Stop()
	defer tick.Stop()
	for {
		release, err := claim(dir, command)
		var busy *Busy
		if !errors.As(err, &busy) {
			return release, err
		}
		select {
		case <-limit.C:
			return nil, busy
		case <-tick.C:
		}
	}
}

func claim(dir, command string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "demo.lock")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		busy := &Busy{Command: "another command"}
		_ = json.NewDecoder(file).Decode(busy) // it may just be writing its name
		return nil, busy
	}
	if err == nil {
		err = writeClaim(file, command)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}

func writeClaim(file *os.File, command string) error {
	started, err := startOf(os.Getpid())
	if err != nil {
		return err
	}
	text, err := json.Marshal(Busy{command, process{ID: os.Getpid(), Started: started}})
	if err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt(text, 0)
	return err
}

// lock waits until this process holds the lock file alone, or ctx ends. It says so on out if it has to wait.
func lock(ctx context.Context, path string, out io.Writer) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for waits := false; ; {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		if !waits {
			waits = true
			fmt.Fprintln(out, "waiting for another command that installs")
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("waiting for another installation: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
