package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	shortPause = 100 * time.Millisecond // before the second look
	longPause  = time.Second            // between later ones, at most
	lagLimit   = 3 * time.Minute        // for what AWS says it knows everywhere within seconds
	stackLimit = 70 * time.Minute       // CloudFormation waits an hour for an answer of the function
)

// A final error ends a wait: looking again does not help.
type final struct{ error }

// await looks until look finds nothing wrong, and returns what it found last if that takes longer than limit.
func await(ctx context.Context, limit time.Duration, look func() error) error {
	ends := time.Now().Add(limit)
	for wait := shortPause; ; wait = min(wait*5/4, longPause) {
		err := look()
		var end final
		switch {
		case err == nil:
			return nil
		case errors.As(err, &end):
			return end.error
		}
		if time.Now().Add(wait).After(ends) {
			return fmt.Errorf("after %s: %w", limit, err)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// pause returns after a time, or with the reason why ctx has ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
