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

// Where the time ends before S3 must show what is ours in a bucket (L4), the bucket stays ours, and the next Delete lets
// go of it.
func TestReleaseDoesNotTrustAnOldReadAtItsDeadline(t *testing.T) {
	for operation, part := range map[string]string{"GetBucketPolicy": "policy", "GetBucketLifecycleConfiguration": "lifecycle rules"} {
		t.Run(part, func(t *testing.T) {
			inWorld(t, func(w *bench) { w.letsGoLater(operation, part) })
		})
	}
}

// letsGoLater has a Delete read a setting of the bucket as of before its last write until the time ends.
func (w *bench) letsGoLater(operation, part string) {
	w.t.Helper()
	w.AWS.History = time.Hour
	w.history(create(retain))
	w.AWS.PutObject("my-data", "data/x", "1")
	w.isShortOfTime(func(c awsfake.Call) awsfake.Decision {
		if behind := w.Writes(c); c.Operation == operation && len(behind) > 0 {
			return awsfake.Stale(behind[0])
		}
		return awsfake.Decision{}
	})
	w.refused(w.play(remove(retain), nil).answer, part+" of bucket my-data: stays until S3 shows whether it is there")
	if owner := w.AWS.Snapshot().Buckets["my-data"].Tags["bucketuser:owner"]; owner != w.idOf(retain) {
		w.t.Errorf("owner %s", owner)
	}
	w.AWS.Before = nil
	w.history(remove(retain))
	is := w.AWS.Snapshot().Buckets["my-data"]
	if is.Policy != "" || len(is.Lifecycle) > 0 || is.Tags["bucketuser:owner"] != "released" {
		w.t.Errorf("left: %+v", is)
	}
}

// isShortOfTime leaves a Delete a minute of its 15 for what follows DeleteUser, and has other calls be decided.
func (w *bench) isShortOfTime(decide func(awsfake.Call) awsfake.Decision) {
	w.at("DeleteUser", func() { <-time.After(13*time.Minute + 50*time.Second) })
	at := w.AWS.Before
	w.AWS.Before = func(ctx context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation == "DeleteUser" {
			return at(ctx, c)
		}
		return decide(c)
	}
}

// Where it ends before S3 must count what was deleted as gone (L8), an empty bucket of ours is not let go of.
func TestReleaseDoesNotTrustAnOldCountAtItsDeadline(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(retain))
		w.isShortOfTime(func(c awsfake.Call) awsfake.Decision {
			if c.Operation == "DeleteBucket" {
				return awsfake.Refuse(&awsfake.Error{Status: 409, Code: "BucketNotEmpty", Message: "The bucket you tried to delete is not empty"})
			}
			return awsfake.Decision{}
		})
		w.refused(w.play(remove(retain), nil).answer, "S3 may still count what was deleted")
		w.AWS.Before = nil
		w.history(remove(retain))
		w.isGone(retain, "bucket")
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
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation != "PutBucketPolicy" {
				return awsfake.Decision{}
			}
			attempts++
			return awsfake.Refuse(&awsfake.Error{Status: 400, Code: "MalformedPolicy", Message: "Policy has invalid action"})
		})
		w.refused(w.create(named), "MalformedPolicy: Policy has invalid action")
		if attempts != 1 {
			t.Errorf("%d attempts", attempts)
		}
		w.empty()
	})
}
