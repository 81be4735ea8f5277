package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
)

var errNotYet = errors.New("not yet")

func TestAwaitLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		err := await(t.Context(), time.Minute, func() error {
			if looks++; looks < 4 {
				return errNotYet
			}
			return nil
		})
		if err != nil || looks != 4 {
			t.Errorf("%v after %d looks", err, looks)
		}
	})
}

func TestAwaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if err := await(t.Context(), time.Minute, func() error { return errNotYet }); !errors.Is(err, errNotYet) || time.Since(begun) > time.Minute {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		looks := 0
		err := await(t.Context(), time.Minute, func() error { looks++; return final{errNotYet} })
		if err != errNotYet || looks != 1 {
			t.Errorf("a final error: %v after %d looks", err, looks)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errInterrupted) })
		if err := await(ctx, time.Hour, func() error { return errNotYet }); err != errInterrupted {
			t.Errorf("interrupted: %v", err)
		}
	})
}

// A question takes the code that it waits for, with those before it, and never waits for ever.
func TestUntilTellsWhatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := &smithy.GenericAPIError{Code: "AccessDenied"}
		begun := time.Now()
		lagging := func(context.Context) error {
			if time.Since(begun) < 10*time.Second {
				return denied
			}
			return nil
		}
		if text, err := until(t.Context(), &calls{}, lagging, "ok"); err != nil || !strings.HasPrefix(text, "ok after 1") || !strings.HasSuffix(text, "s of [AccessDenied]") {
			t.Errorf("%q, %v", text, err)
		}
		if text, err := until(t.Context(), &calls{}, lagging, "ok"); err != nil || text != "ok at once" {
			t.Errorf("%q, %v", text, err)
		}
		if text, err := until(t.Context(), &calls{}, func(context.Context) error { return denied }, "ok"); err == nil {
			t.Errorf("%q for what never comes", text)
		}
	})
}

func TestSightsAreThoseThatDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		seen, err := observe(t.Context(), func(context.Context) sight {
			if time.Since(begun) < 2*time.Second {
				return sight{what: "CREATE_IN_PROGRESS", at: time.Now(), set: begun}
			}
			return sight{what: "CREATE_COMPLETE", at: time.Now()}
		}, func() error { time.Sleep(5 * time.Second); return nil })
		text := describeSights(seen, begun.Add(time.Second))
		if err != nil || !strings.HasPrefix(text, "CREATE_IN_PROGRESS from -0.97 s (set at -1.00 s), CREATE_COMPLETE from +1.0") {
			t.Errorf("%s, %v", text, err)
		}
	})
}
