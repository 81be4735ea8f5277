package provision_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/keyring"
)

// Taking a key away must not take the time for the answer.
func TestAnswerComesAlsoIfAKeyCannotBeTakenAway(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.withoutKey()
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "PutBucketPolicy" || c.Operation == "DeleteAccessKey" {
				return awsfake.Refuse(awsfake.Hang)
			}
			return awsfake.Decision{}
		}
		w.refused(w.update(created.PhysicalResourceId, with("Access", "Full"), named), "out of time")
	})
}

func TestKeyThatCannotBeSweptIsAFailure(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		w.AWS.AddKey("clickhouse")
		time.Sleep(keyring.Forsaken)
		w.AWS.Before = deny("DeleteAccessKey")
		w.refused(w.update(created.PhysicalResourceId, named, named), "access key")
	})
}

// Somebody deletes the key between its commit and the answer.
func TestKeyThatIsGoneAfterItsCommitIsReplaced(t *testing.T) {
	inWorld(t, func(w *bench) {
		committed := false
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if committed && c.Operation == "ListAccessKeys" {
				committed = false
				w.AWS.DeleteKey(w.keys()[0])
			}
			committed = committed || c.Operation == "PutSecretValue" && c.OperationN == 1
			return awsfake.Decision{}
		})
		created := w.created(named)
		if fields := w.credentials(created); fields["AWS_ACCESS_KEY_ID"] != created.Data["AccessKeyId"] {
			t.Errorf("answer: %v", created.Data)
		}
	})
}

// IAM may not list a key that was made seconds ago.
func TestKeyThatIsNotListedYetStays(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		start := time.Now()
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "ListAccessKeys" && time.Since(start) < 5*time.Second {
				return awsfake.Refuse(&awsfake.Error{Status: 404, Code: "NoSuchEntity", Message: "not yet"})
			}
			return awsfake.Decision{}
		}
		if updated := w.succeeded(w.update(created.PhysicalResourceId, named, named)); updated.Data["AccessKeyId"] != created.Data["AccessKeyId"] {
			t.Error("the key has changed")
		}
	})
}

// Other deliveries have made two keys since room was made.
func TestThirdKeyIsTriedAgain(t *testing.T) {
	for _, isNew := range []bool{true, false} {
		inWorld(t, func(w *bench) {
			if !isNew {
				w.withoutKey()
			}
			w.at("CreateAccessKey", func() { w.AWS.AddKey("clickhouse"); w.AWS.AddKey("clickhouse") })
			if isNew {
				w.credentials(w.created(named))
			} else {
				w.credentials(w.succeeded(w.update(w.idOf(named), named, named)))
			}
		})
	}
}

// IAM may not know the user of a key that it lists (L3), also long after the event has begun.
func TestSweepIsRepeatedWhereIAMDoesNotKnowTheUser(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.KeyPropagation = time.Minute // no right is late by then
		var first time.Time
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			switch {
			case c.Operation == "CreateAccessKey":
				w.AWS.AddKey("clickhouse") // of a delivery that is dead
			case c.Operation == "DeleteAccessKey" && first.IsZero():
				first = time.Now()
			}
			if c.Operation == "DeleteAccessKey" && time.Since(first) < 8*time.Second {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			return awsfake.Decision{}
		})
		w.credentials(w.created(named))
	})
}

// Room is made only where there is none: by an inactive key, or else by the older.
func TestRoomForAKey(t *testing.T) {
	for _, test := range []struct{ keys, inactive, goes int }{{1, -1, -1}, {2, -1, 0}, {2, 0, 0}, {2, 1, 1}} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				want := w.makeKeys(test.keys, test.inactive)
				want = slices.Delete(want, max(test.goes, 0), test.goes+1) // -1: none
				mayWait := test.keys == 2 && test.inactive < 0
				start := time.Now()
				w.at("CreateAccessKey", func() {
					if waited := time.Since(start) > time.Minute; waited != mayWait {
						t.Errorf("waited %s", time.Since(start))
					}
					if diff := cmp.Diff(want, w.keys()); diff != "" {
						t.Errorf("keys (-want +got)\n%s", diff)
					}
				})
				w.credentials(w.succeeded(w.update(w.idOf(named), named, named)))
			})
		})
	}
}

// makeKeys makes a set whose recorded key is gone and whose user has n others, each a
// minute younger, one of them inactive unless that is below 0.
func (w *bench) makeKeys(n, inactive int) []string {
	w.t.Helper()
	w.withoutKey()
	time.Sleep(awscall.Propagation) // the value is so old that the key is gone, and not unseen
	for range n {
		w.AWS.AddKey("clickhouse")
		time.Sleep(time.Minute)
	}
	keys := w.keys()
	if inactive >= 0 {
		w.AWS.SetKeyActive(keys[inactive], false)
	}
	return keys
}

func TestSecretWithoutTheSecretAccessKeyGetsANewKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		fields := w.credentials(created)
		delete(fields, "AWS_SECRET_ACCESS_KEY")
		text, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		w.AWS.PutSecretValue("clickhouse/s3", string(text))
		w.credentials(w.succeeded(w.update(created.PhysicalResourceId, named, named)))
	})
}
