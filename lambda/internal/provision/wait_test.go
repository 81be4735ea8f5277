package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// The policy behind a new key takes its time too.
func TestProofWaitsForThePolicy(t *testing.T) {
	inWorld(t, func(w *bench) {
		var first time.Time
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if !strings.HasPrefix(c.Caller, "user/") {
				return awsfake.Decision{}
			}
			if first.IsZero() {
				first = time.Now()
			}
			if time.Since(first) < 20*time.Second {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			return awsfake.Decision{}
		})
		w.created(named)
	})
}

// Waiting ends before the deadline, so that the answer says what was waited for.
func TestWaitingEndsBeforeTheDeadline(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.UserPropagation = time.Hour
		w.at("CreateUser", func() { time.Sleep(13*time.Minute + 50*time.Second) }) // of 15 minutes
		w.refused(w.create(named), "Invalid principal in policy")
		w.empty()
	})
}

// One event may repeat many calls: nothing is given up because others were repeated.
func TestEachCallMayBeRepeated(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.UserPropagation = 90 * time.Second
		attempts := map[string]int{}
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if attempts[c.Name()]++; attempts[c.Name()] < 9 &&
				c.Operation != "CreateAccessKey" && c.Operation != "GetBucketTagging" {
				return awsfake.Refuse(awsfake.Unavailable)
			}
			return awsfake.Decision{}
		})
		w.created(named)
	})
}

func TestLookAtTheBucketIsRepeated(t *testing.T) {
	for _, fault := range []awsfake.Fault{awsfake.Throttled, awsfake.Unavailable, awsfake.ConnectionReset} {
		inWorld(t, func(w *bench) {
			w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
				if c.Operation == "GetBucketTagging" && c.OperationN%2 == 1 {
					return awsfake.Refuse(fault)
				}
				return awsfake.Decision{}
			}
			w.created(named)
			w.succeeded(w.delete(w.idOf(named), named))
		})
	}
}

func TestConflictsAreWaitedFor(t *testing.T) {
	inWorld(t, func(w *bench) {
		var first, last time.Time
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation != "CreateBucket" {
				return awsfake.Decision{}
			}
			if last = time.Now(); first.IsZero() {
				first = last
			}
			return awsfake.Refuse(awsfake.Conflict)
		})
		w.refused(w.create(named), "OperationAborted")
		if took := last.Sub(first); took < 40*time.Second {
			t.Errorf("given up after %s", took)
		}
	})
}

func TestCreateWaitsForIAM(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.RolePropagation = 20 * time.Second
		start := time.Now()
		w.credentials(w.succeeded(w.create(nil)))
		if took := time.Since(start); took < 32*time.Second || took > 38*time.Second {
			t.Errorf("took %s; role and principal are known after 20 + 12 s, the key meanwhile", took)
		}
	})
}

// Only a principal that S3 does not know yet is worth waiting for.
func TestMalformedPolicyIsNotRepeated(t *testing.T) {
	inWorld(t, func(w *bench) {
		attempts := 0
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation != "PutBucketPolicy" {
				return awsfake.Decision{}
			}
			attempts++
			return awsfake.Refuse(&awsfake.Error{Status: 400, Code: "MalformedPolicy", Message: "Policy has invalid action"})
		}
		w.refused(w.create(named), "MalformedPolicy: Policy has invalid action")
		if attempts != 1 {
			t.Errorf("%d attempts", attempts)
		}
		w.empty()
	})
}
