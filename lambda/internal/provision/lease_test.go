package provision_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// Two keys that are young may be those of two deliveries at work: the third waits for
// what becomes of them.
func TestKeyThatAnotherDeliveryIsAboutToCommitStays(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.withoutKey()
		id, secret := w.AWS.AddKey("clickhouse")
		w.AWS.AddKey("clickhouse")
		start, over := time.Now(), false
		w.AWS.Before = oneByOne(func(context.Context, awsfake.Call) awsfake.Decision {
			if !over && time.Since(start) > time.Minute {
				over = true
				w.AWS.PutSecretValue("clickhouse/s3", `{"AWS_ACCESS_KEY_ID":"`+id+`","AWS_SECRET_ACCESS_KEY":"`+secret+`"}`)
			}
			return awsfake.Decision{}
		})
		updated := w.succeeded(w.update(created.PhysicalResourceId, named, named))
		if w.credentials(updated); updated.Data["AccessKeyId"] != id {
			t.Errorf("key %s, want %s", updated.Data["AccessKeyId"], id)
		}
	})
}

// A key is not committed when others may have taken it away; another takes its place.
func TestKeyThatTakesTooLongIsReplaced(t *testing.T) {
	inWorld(t, func(w *bench) {
		var looks, minted atomic.Int32
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			switch c.Operation {
			case "GetObject":
				if looks.Add(1) == 1 {
					time.Sleep(5 * time.Minute)
				}
			case "CreateAccessKey":
				minted.Add(1)
			}
			return awsfake.Decision{}
		}
		w.credentials(w.created(named))
		if minted.Load() != 2 {
			t.Errorf("%d keys were made", minted.Load())
		}
	})
}

// Nobody waits for a commit longer than that.
func TestCommitEndsWithTheTimeOfItsKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		first := true
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if first && c.Operation == "PutSecretValue" {
				first = false
				return awsfake.Refuse(awsfake.Hang)
			}
			return awsfake.Decision{}
		})
		start := time.Now()
		w.refused(w.create(named), "the outcome of the commit is unknown")
		if took := time.Since(start); took > 6*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

// What counts is how old a key was when nothing was committed.
func TestKeyIsTooOldOnlyByTheLookAtTheSecret(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.withoutKey()
		w.AWS.AddKey("clickhouse")
		w.AWS.AddKey("clickhouse")
		time.Sleep(5*time.Minute + 10*time.Second)
		var looks atomic.Int32
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			switch c.Operation {
			case "GetSecretValue":
				looks.Add(1)
			case "ListAccessKeys":
				time.Sleep(time.Minute)
			case "DeleteAccessKey":
				if looks.Load() < 2 {
					t.Error("a key is deleted without another look")
				}
			}
			return awsfake.Decision{}
		}
		w.succeeded(w.update(created.PhysicalResourceId, named, named))
	})
}
