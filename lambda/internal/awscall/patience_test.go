package awscall_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"bucketuser/lambda/internal/awscall"
)

var (
	denied   = &smithy.GenericAPIError{Code: "AccessDenied"}
	noBucket = &smithy.GenericAPIError{Code: "NoSuchBucket"}
	final    = &smithy.GenericAPIError{Code: "AccessDenied", Message: "User: x is not authorized to perform: s3:CreateBucket with an explicit deny in a service control policy"}
	broken   = &smithy.GenericAPIError{Code: "InternalError"}
)

// attempts makes a call that always fails, as the SDK does, and returns how often and for how
// long.
func attempts(t *testing.T, r aws.Retryer, err error) (n int, took time.Duration) {
	t.Helper()
	start := time.Now()
	for n = 1; n < r.MaxAttempts() && r.IsErrorRetryable(err); n++ {
		d, delayErr := r.RetryDelay(n, err)
		if delayErr != nil {
			t.Fatal(delayErr)
		}
		time.Sleep(d)
	}
	return n, time.Since(start)
}

func inBubble(t *testing.T, test func(t *testing.T, p *awscall.Patience, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		test(t, awscall.NewPatience(slog.New(slog.NewTextHandler(&log, nil))), &log)
	})
}

// Each kind of lag is waited for as long as it may last, and nothing else is.
func TestLagsAreRepeatedForTheirTime(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		lags []awscall.Lag
		want time.Duration
	}{
		"late rights":            {denied, []awscall.Lag{awscall.LateRights}, awscall.RightsPropagation},
		"new bucket":             {noBucket, []awscall.Lag{awscall.NewBucket}, awscall.Propagation},
		"the longer of two":      {denied, []awscall.Lag{awscall.LateRights, awscall.NewUser}, awscall.Propagation},
		"a lag of another kind":  {noBucket, []awscall.Lag{awscall.LateRights}, 0},
		"no lag":                 {denied, nil, 0},
		"an object under a lock": {&smithy.GenericAPIError{Code: "AccessDenied", Message: "Access Denied because object protected by object lock."}, []awscall.Lag{awscall.LateRights}, 0},
		"a second factor":        {&smithy.GenericAPIError{Code: "AccessDenied", Message: "Mfa Authentication must be used for this request"}, []awscall.Lag{awscall.LateRights}, 0},
		"a final denial":         {final, []awscall.Lag{awscall.LateRights, awscall.NewUser, awscall.OutOfPath, awscall.NewKey}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *awscall.Patience, _ *bytes.Buffer) {
				if _, took := attempts(t, p.Retryer(test.lags...), test.err); took.Round(time.Second) != test.want {
					t.Errorf("took %s, want %s", took, test.want)
				}
			})
		})
	}
}

// What one call has waited another does not wait again, unless something was changed since.
func TestCallsShareOnePatience(t *testing.T) {
	inBubble(t, func(t *testing.T, p *awscall.Patience, log *bytes.Buffer) {
		bucket := p.Retryer(awscall.NewBucket)
		attempts(t, bucket, noBucket)
		if n, took := attempts(t, bucket, noBucket); n != 1 || took > 0 || !p.IsOver() {
			t.Errorf("the second call made %d attempts in %s", n, took)
		}
		if p.Changed(); p.IsOver() {
			t.Error("what was changed now is known already")
		}
		if _, took := attempts(t, bucket, noBucket); took.Round(time.Second) != awscall.Propagation {
			t.Errorf("after a change it took %s", took)
		}
		if n := strings.Count(log.String(), "began to wait"); n != 1 {
			t.Errorf("%d lines in the log: %s", n, log)
		}
	})
}

// Waiting ends before the deadline of the event, with an attempt after it.
func TestWaitingEndsWithTheEvent(t *testing.T) {
	inBubble(t, func(t *testing.T, p *awscall.Patience, _ *bytes.Buffer) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p.EndsWith(ctx)
		if n, took := attempts(t, p.Retryer(awscall.NewBucket), noBucket); took != 9*time.Second || n < 5 || ctx.Err() != nil {
			t.Errorf("%d attempts in %s, %v", n, took, ctx.Err())
		}
	})
}

// A call that must not take effect twice is not repeated after an answer that leaves it open.
func TestIfNothingHappened(t *testing.T) {
	inBubble(t, func(t *testing.T, p *awscall.Patience, _ *bytes.Buffer) {
		once := p.IfNothingHappened(awscall.LateRights)
		if n, _ := attempts(t, once, broken); n != 1 {
			t.Errorf("%d attempts after a server error", n)
		}
		if n, _ := attempts(t, once, denied); n < 5 {
			t.Errorf("%d attempts after a refusal", n)
		}
		if n, _ := attempts(t, p.Retryer(), &smithy.GenericAPIError{Code: "OperationAborted"}); n != p.Retryer().MaxAttempts() {
			t.Errorf("%d attempts where another change is under way", n)
		}
	})
}

// An error says for how long it was waited for in vain, and what for.
func TestExplain(t *testing.T) {
	inBubble(t, func(t *testing.T, p *awscall.Patience, _ *bytes.Buffer) {
		if err := p.Explain(denied); err != denied || p.Explain(nil) != nil {
			t.Errorf("nothing was waited for: %v", err)
		}
		attempts(t, p.Retryer(awscall.LateRights), denied)
		if err := p.Explain(denied); !errors.Is(err, denied) || !strings.HasSuffix(err.Error(), "; waited 45s in vain until the role has its rights") {
			t.Error(err)
		}
	})
}

// Repeat returns what the last attempt returned, also where it was a lag to the end.
func TestRepeat(t *testing.T) {
	inBubble(t, func(t *testing.T, p *awscall.Patience, _ *bytes.Buffer) {
		n := 0
		got, err := awscall.Repeat(t.Context(), p, "it is so", func() (int, bool, error) { n++; return n, n < 3, nil })
		if got != 3 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		got, err = awscall.Repeat(t.Context(), p, "it is so", func() (int, bool, error) { n++; return n, true, denied })
		if got < 10 || !errors.Is(err, denied) || !p.IsOver() {
			t.Errorf("%d, %v", got, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.Changed()
		if _, err = awscall.Repeat(ctx, p, "it is so", func() (int, bool, error) { return 0, true, nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("given up with %v", err)
		}
	})
}
