package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
)

// cleanUp is make live CLEAN=1: it lists what runs have left, asks, and removes it.
func cleanUp(ctx context.Context, a *account, base string, o options) error {
	l := &live{account: a, out: os.Stdout, isTerminal: isatty.IsTerminal(os.Stdout.Fd()), started: time.Now()}
	found, err := a.inventory(ctx, o.name)
	if err != nil {
		return err
	}
	names := runsOf(found)
	if o.name != "" {
		names = []string{o.name} // its cdk CLI may be about to make something
	}
	if len(found) > 0 {
		fmt.Fprintf(l.out, "These are of earlier runs, or of some that run elsewhere now, in %s:%s\n\n", a.Caller, lines(found))
		if err := confirm(o.yes); err != nil {
			return err
		}
	}
	var failed []error
	for _, name := range names {
		failed = append(failed, l.cleanRun(ctx, base, name))
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if len(names) == 0 {
		l.say("%s: nothing is left of any run: no %s", a.Caller, kindNames())
	}
	return nil
}

// cleanRun waits for what the run has started on this machine, and then removes what the run has made.
func (l *live) cleanRun(ctx context.Context, base, name string) error {
	one := &live{account: l.account, name: name, dir: filepath.Join(base, name), out: l.out, isTerminal: l.isTerminal, started: l.started}
	unlock, err := one.hold(ctx, base)
	if err != nil {
		return err
	}
	defer unlock()
	return one.leaveNothing(ctx)
}

// orphanLimit is how long the cdk CLI of a run that was killed may go on.
const orphanLimit = 5 * time.Minute

// hold makes the run its own on this machine. Its cdk CLI inherits the lock: after a kill of the run it goes on for a while, and
// may still deploy something.
func (l *live) hold(ctx context.Context, base string) (unlock func(), err error) {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(base, l.name+".lock")
	if l.lock, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	isSaid := false
	// Not by a call that waits: nothing would interrupt that.
	err = await(ctx, orphanLimit, func() error {
		err := syscall.Flock(int(l.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return final{err}
		case !isSaid:
			isSaid = true
			l.say("waiting for the end of the run %s, or of the cdk CLI that it has started", l.name)
		}
		return fmt.Errorf("run %s: goes on; end it first", l.name)
	})
	if err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	return func() {
		_ = os.Remove(path)
		_ = l.lock.Close()
	}, nil
}
