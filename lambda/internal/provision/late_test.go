package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

const laterHasCome = "CloudFormation no longer waits for this event: a later one has come"

// lastEvents are the times on user, bucket and secret.
func (w *bench) lastEvents() [3]string {
	now := w.AWS.Snapshot()
	return [3]string{now.Users["clickhouse"].Tags[spec.TagLastEvent], now.Buckets["my-data"].Tags[spec.TagLastEvent],
		now.Secrets["clickhouse/s3"].Tags[spec.TagLastEvent]}
}

func TestSetSaysWhenItsLastEventCame(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		created := w.sent.signer.Last.Format(time.RFC3339)
		if diff := cmp.Diff([3]string{created, created, created}, w.lastEvents()); diff != "" {
			t.Error(diff)
		}
		w.history(update(named, with("Tags", []any{map[string]any{"Key": "a", "Value": "1"}}), named))
		if diff := cmp.Diff([3]string{created, created, w.sent.signer.Last.Format(time.RFC3339)}, w.lastEvents()); diff != "" {
			t.Errorf("after an Update: %s", diff)
		}
	})
}

// Whatever CloudFormation says, or does not: an event that comes again after a later one
// changes nothing of the set that this has ensured.
func TestLateEventsOfASetThatALaterOneHasEnsured(t *testing.T) {
	id, purge := "", with("OnDelete", "Purge")
	for _, state := range []string{"", "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_FAILED", "DELETE_IN_PROGRESS"} {
		t.Run(state, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				id = w.idOf(named)
				w.history(create(named), update(named, purge, named), remove(purge), create(named), update(named, with("Access", "Full"), named))
				w.AWS.PutObject("my-data", "data/x", "1")
				w.AWS.SetResourceStatus(stackID, sim.LogicalID, state)
				w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, id)
				was := w.AWS.Snapshot()
				for _, late := range []event{create(named), update(named, purge, named), remove(purge)} {
					from := id
					if late.kind == "Create" {
						from = ""
					}
					w.refused(w.deliverLate(late.kind, from, late.p, late.old), "CloudFormation no longer waits for this event")
					w.unchanged(was)
				}
			})
		})
	}
}

// Each part protects itself where the others were taken away.
func TestLateDeleteOfWhatIsLeftOfASet(t *testing.T) {
	purge := with("OnDelete", "Purge")
	for kept, takeAway := range map[string]func(*bench){
		"secret": func(w *bench) { w.AWS.DeleteUser("clickhouse"); w.AWS.DeleteBucket("my-data") },
		"user":   func(w *bench) { w.AWS.DeleteSecret("clickhouse/s3", 0); w.AWS.DeleteBucket("my-data") },
		"bucket": func(w *bench) { w.AWS.DeleteSecret("clickhouse/s3", 0); w.AWS.DeleteUser("clickhouse") },
	} {
		t.Run(kept, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(purge), remove(purge), create(purge))
				takeAway(w)
				was := w.AWS.Snapshot()
				w.refused(w.deliverLate("Delete", w.idOf(purge), purge, nil), "")
				w.unchanged(was)
			})
		})
	}
}

// What belongs to another resource says nothing of ours.
func TestLastEventOfAnotherResource(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.TagBucket("my-data", map[string]string{"bucketuser:owner": "other", spec.TagLastEvent: "2000-01-01T00:02:00Z"})
		w.refused(w.update(w.idOf(named), with("Access", "Full"), named), "bucket my-data: exists in this account and does not belong to this resource")
		w.refused(w.delete(w.idOf(named), named), "bucket my-data: exists in this account and does not belong to this resource")
		w.succeeded(w.delete(w.idOf(named), named))
		if now := w.AWS.Snapshot(); len(now.Users)+len(now.Secrets) > 0 || len(now.Buckets) != 1 {
			t.Errorf("left: %+v", now)
		}
	})
}

// The bucket's own tag protects it where the secret is gone already.
func TestLatePurgeBesideADeleteThatRetains(t *testing.T) {
	inWorld(t, func(w *bench) {
		purge, retain := with("OnDelete", "Purge"), with("OnDelete", "Retain")
		w.history(create(purge), remove(purge), create(retain))
		w.AWS.PutObject("my-data", "data/x", "1")
		w.killedAfter("DeleteUser", remove(retain))
		was := w.AWS.Snapshot()
		w.refused(w.deliverLate("Delete", w.idOf(purge), purge, nil), laterHasCome)
		w.unchanged(was)
	})
}

// CloudFormation goes back while a replacement is on its way: whenever the replacement
// notices, nothing of it stays, although CloudFormation waits for an Update.
func TestReplacementThatIsOvertakenByItsRollback(t *testing.T) {
	p := other(named)
	for _, operation := range []string{"CreateUser", "CreateAccessKey", "PutBucketLifecycleConfiguration", "GetObject", "PutSecretValue"} {
		t.Run("at "+operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(named))
				was := w.AWS.Snapshot()
				id := w.idOf(named)
				url := w.begin("Update", id, p, named)
				w.at(operation, func() { w.history(update(named, named, p)) })
				w.refused(w.answered(w.AWS.Session("provider"), url, "Update", id, p, named), "")
				w.same(was)
			})
		})
	}
	t.Run("again after it", func(t *testing.T) {
		inWorld(t, func(w *bench) {
			w.history(create(named))
			was := w.AWS.Snapshot()
			w.killedAfter("CreateAccessKey", update(named, p, named))
			w.history(update(named, named, p))
			w.refused(w.deliverLate("Update", w.idOf(named), p, named), laterHasCome)
			w.same(was)
		})
	})
}

// No Delete will come for what the new bucket holds by then.
func TestReplacementThatIsOvertakenReleasesABucketThatHoldsData(t *testing.T) {
	for _, state := range []string{"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"} {
		t.Run(state, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := other(named)
				w.history(create(named))
				url := w.begin("Update", w.idOf(named), p, named)
				w.history(update(named, named, p))
				w.AWS.SetResourceStatus(stackID, sim.LogicalID, "")
				w.AWS.TagSecret("clickhouse/s3", map[string]string{spec.TagLastEvent: ""})
				w.at("PutBucketPolicy", func() {
					w.AWS.TagSecret("clickhouse/s3", map[string]string{spec.TagLastEvent: w.sent.signer.Last.Format(time.RFC3339)})
					w.AWS.SetResourceStatus(stackID, sim.LogicalID, state)
					w.AWS.PutObject("my-data-2", "data/x", "1")
				})
				w.refused(w.answered(w.AWS.Session("provider"), url, "Update", w.idOf(named), p, named), "CloudFormation no longer waits for this event")
				now := w.AWS.Snapshot()
				b := now.Buckets["my-data-2"]
				if len(now.Users)+len(now.Secrets) != 2 || b.Tags["bucketuser:owner"] != "released" || len(b.Objects["data/x"]) != 1 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

// The Update of an earlier rollback takes nothing away from what came after it.
func TestLateRollbackLeavesTheSetInUse(t *testing.T) {
	p := other(named)
	for _, isTold := range []bool{true, false} {
		inWorld(t, func(w *bench) {
			w.history(create(named))
			w.killedAfter("CreateAccessKey", update(named, p, named))
			w.history(update(named, named, p), update(named, p, named))
			w.begin("Update", w.idOf(p), with("BucketName", "x"), p) // another one is under way
			want := "left by the failed replacement: " + laterHasCome
			if isTold {
				want = "the resource is " + w.idOf(p) + " by now"
			} else {
				w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, "")
			}
			was := w.AWS.Snapshot()
			w.refused(w.deliverLate("Update", w.idOf(named), named, p), want)
			w.unchanged(was)
		})
	}
}

// What was undone may have been made by a delivery before, for which nobody waits.
func TestUndoLeavesTheSetOfALaterEvent(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(named), update(named, with("Access", "Full"), named))
		w.AWS.DeleteSecret("clickhouse/s3", 0)
		w.AWS.TagBucket("my-data", map[string]string{spec.TagLastEvent: w.sent.signer.Last.Format(time.RFC3339)})
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "")
		was := w.AWS.Snapshot()
		w.refused(w.deliverLate("Create", "", named, nil), laterHasCome)
		w.unchanged(was)
		if len(w.Errors()) > 0 {
			t.Errorf("Lambda is to deliver it again: %v", w.Errors())
		}
	})
}

// A secret that may not be read stands in the way of no replacement, least of all of a
// rollback: patterns may have been narrowed, and a fresh role may nothing yet.
func TestReplacementWhereTheOtherSecretMayNotBeRead(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := other(named)
		w.history(create(named), update(named, p, named))
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "DescribeSecret" && strings.Contains(c.Target, p["SecretName"].(string)) {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			return awsfake.Decision{}
		}
		w.history(update(p, named, p))
	})
	inWorld(t, func(w *bench) {
		w.history(create(named))
		start := time.Now()
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if time.Since(start) < 10*time.Second && (c.Operation == "DescribeSecret" || c.Operation == "GetUser") {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			return awsfake.Decision{}
		}
		w.history(update(named, other(named), named))
	})
}

// Only a hand sets a time in the future.
func TestLastEventInTheFutureIsNoReason(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.TagSecret("clickhouse/s3", map[string]string{spec.TagLastEvent: "2100-01-01T00:00:00Z"})
		w.history(update(named, with("Access", "Full"), named), remove(named))
		w.empty()
	})
}
