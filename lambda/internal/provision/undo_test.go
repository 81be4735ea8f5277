package provision_test

import (
	"maps"
	"strings"
	"testing"

	"bucketuser/lambda/internal/sim"
)

func TestFailedCreateIsUndoneWhereCloudFormationDoesNotSay(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = deny("PutSecretValue", "DescribeStackResource")
		w.refused(w.create(named), "AccessDenied")
		w.empty()
	})
}

// Whatever OnDelete says: nobody asked for a Delete.
func TestFailedCreateReleasesABucketThatHoldsData(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		t.Run(onDelete, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.at("PutSecretValue", func() { w.AWS.PutObject("my-data", "data/x", "1") }, "PutSecretValue")
				w.refused(w.create(with("OnDelete", onDelete)), "AccessDenied")
				now := w.AWS.Snapshot()
				b := now.Buckets["my-data"]
				if len(now.Users)+len(now.Secrets) > 0 || b.Tags["bucketuser:owner"] != "released" || len(b.Objects["data/x"]) != 1 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

// The set that a rollback goes back to is the live one, and its data are the user's,
// also if the rollback fails when somebody has taken its credentials away.
func TestFailedRollbackRemovesNothing(t *testing.T) {
	for _, asked := range []string{"", "DescribeStackResource"} {
		for _, isWrittenOver := range []bool{true, false} {
			inWorld(t, func(w *bench) {
				p := other(named)
				w.history(create(named), update(named, p, named))
				if isWrittenOver {
					w.AWS.PutSecretValue("clickhouse/s3", "nonsense")
				} else {
					w.AWS.DeleteSecret("clickhouse/s3", 0)
				}
				w.AWS.Before = deny("CreateAccessKey", asked)
				w.refused(w.update(w.idOf(p), named, p), "AccessDenied")
				if now := w.AWS.Snapshot(); len(now.Users) != 2 || len(now.Buckets) != 2 || now.Buckets["my-data"].Tags["bucketuser:owner"] != w.idOf(named) {
					t.Errorf("left: %+v", now)
				}
			})
		}
	}
}

// The same for an Update in place, also if CloudFormation calls it a rollback.
func TestFailedUpdateInPlaceRemovesNothing(t *testing.T) {
	for _, state := range []string{"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_FAILED", "A_STATE_OF_THE_FUTURE"} {
		t.Run(state, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				w.AWS.DeleteSecret("clickhouse/s3", 0)
				w.AWS.Before = deny("CreateAccessKey")
				w.AWS.SetResourceStatus(stackID, sim.LogicalID, state)
				w.refused(w.deliver(w.AWS.Session("provider"), "Update", w.idOf(named), named, named), "")
				if now := w.AWS.Snapshot(); len(now.Users) != 1 || len(now.Buckets) != 1 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

// What a late Update makes for a set that is being deleted, or gone, goes away again.
func TestUpdateOfWhatIsBeingDeletedLeavesNothing(t *testing.T) {
	for _, state := range []string{"DELETE_IN_PROGRESS", "DELETE_COMPLETE"} {
		t.Run(state, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.at("CreateAccessKey", func() { w.becomes(state) })
				w.refused(w.update(w.idOf(named), named, named), "CloudFormation no longer waits for this event")
				w.empty()
			})
		})
	}
}

// Nobody will send a Delete for what such an Update makes when the resource is gone.
func TestUpdateOfWhatIsGoneReleasesABucketThatHoldsData(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := other(named)
		w.history(create(named))
		w.at("CreateAccessKey", func() {
			w.becomes("DELETE_COMPLETE")
			w.AWS.PutObject("my-data-2", "data/x", "1")
		})
		w.refused(w.update(w.idOf(named), p, named), "CloudFormation no longer waits for this event")
		now := w.AWS.Snapshot()
		b := now.Buckets["my-data-2"]
		if len(now.Users) != 1 || b.Tags["bucketuser:owner"] != "released" || len(b.Objects["data/x"]) != 1 {
			t.Errorf("left: %+v", now)
		}
	})
}

// What holds data is left to the Delete that CloudFormation sends for it.
func TestReplacementThatIsGivenUpKeepsData(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		t.Run(onDelete, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				old := with("OnDelete", onDelete)
				w.history(create(old))
				w.at("CreateAccessKey", func() {
					w.becomes("UPDATE_COMPLETE")
					w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(old))
					w.AWS.PutObject("my-data-2", "data/x", "1")
				})
				w.refused(w.update(w.idOf(old), other(old), old), "undo: bucket my-data-2: is not empty")
				now := w.AWS.Snapshot()
				b := now.Buckets["my-data-2"]
				if len(now.Users) != 1 || b.Tags["bucketuser:owner"] != w.idOf(other(old)) || len(b.Objects["data/x"]) != 1 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

// A leftover goes away last, only while CloudFormation waits, and not silently.
func TestLeftoverGoesAwayAfterTheSetIsRight(t *testing.T) {
	for name, test := range map[string]struct {
		arrange func(*bench)
		reason  string
	}{
		"the rollback fails": {func(w *bench) { w.AWS.Before = deny("GetBucketPolicy") }, "AccessDenied"},
		"nobody waits": {func(w *bench) {
			w.at("GetBucketPolicy", func() { w.becomes("UPDATE_COMPLETE") })
		}, "CloudFormation no longer waits"},
		"it cannot be removed": {func(w *bench) { w.AWS.Before = deny("DeleteSecret") }, "left by the failed replacement: secret"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := other(named)
				w.history(create(named))
				w.killedAfter("PutSecretValue", update(named, p, named))
				was := w.AWS.Snapshot()
				test.arrange(w)
				w.refused(w.update(w.idOf(named), named, p), test.reason)
				if name == "it cannot be removed" { // the secret: the user goes in any case
					delete(was.Users, "clickhouse-2")
					b := was.Buckets["my-data-2"]
					b.Policy = w.AWS.Snapshot().Buckets["my-data-2"].Policy // S3 shows the id of a user who is gone
					was.Buckets["my-data-2"] = b
				}
				w.same(was)
				w.AWS.Before = nil
				w.AWS.SetResourceStatus(stackID, sim.LogicalID, "UPDATE_IN_PROGRESS")
				w.history(update(named, named, p))
				if now := w.AWS.Snapshot(); len(now.Users)+len(now.Buckets)+len(now.Secrets) != 3 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

// A rollback comes from whatever was refused before it.
func TestRollbackFromPropertiesThatWereNeverAccepted(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(named))
		was := w.AWS.Snapshot()
		w.succeeded(w.update(w.idOf(named), named, sim.Properties{"BucketName": "NOT A NAME"}))
		w.same(was)
	})
}

// The names of the old set may be outside of patterns that were narrowed since.
func TestReplacementOutOfNarrowedPatternsIsChecked(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(named))
		w.AWS.PutObject("my-data", "data/x", "1")
		id, was := w.idOf(named), w.AWS.Snapshot()
		w.Provider.BucketNamePattern, w.Provider.SecretNamePattern = "my-data-*", "clickhouse/s3-*"
		w.refused(w.update(id, renamed, named), "replacement: bucket my-data: is not empty")
		mixed := maps.Clone(renamed)
		mixed["UserName"] = strings.ToUpper(named["UserName"].(string)) // IAM's names differ in more than case
		w.refused(w.update(id, mixed, named), "UserName CLICKHOUSE: must change too")
		w.same(was)
	})
}

// A rollback is not refused for what the new set holds by now.
func TestRollbackLeavesDataToTheDeleteOfTheNewSet(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := other(named)
		w.history(create(named), update(named, p, named))
		w.AWS.PutObject("my-data-2", "data/x", "1")
		w.history(update(p, named, p))
		if now := w.AWS.Snapshot(); len(now.Buckets["my-data-2"].Objects["data/x"]) != 1 {
			t.Errorf("left: %+v", now)
		}
	})
}

// What holds the old name is not ours, and nobody can tell what it is: the replacement is refused
// unless it keeps data in any case. A bucket that is gone is no reason.
func TestReplacementWhereTheOldBucketIsGone(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(named))
		w.AWS.DeleteBucket("my-data")
		w.history(update(named, renamed, named))
	})
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		inWorld(t, func(w *bench) {
			old := with("OnDelete", onDelete)
			w.history(create(old))
			w.AWS.DeleteBucket("my-data")
			w.AWS.AddBucket("my-data", nil)
			w.AWS.PutObject("my-data", "x", "1")
			if onDelete == "Retain" {
				w.history(update(old, other(old), old))
				return
			}
			w.refused(w.update(w.idOf(old), other(old), old), "replacement: bucket my-data: exists in this account and does not belong to this resource")
		})
	}
}

// Whoever must grant rights wants to know all that are missing, as far as it was tried.
func TestReasonNamesAllThatFailed(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = deny("CreateUser", "CreateBucket")
		a := w.create(named)
		for _, right := range []string{"iam:CreateUser", "s3:CreateBucket"} {
			w.refused(a, right)
		}
	})
}

func TestFailedRollbackRemovesNothingWhateverItIsCalled(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := other(named)
		w.history(create(named), update(named, p, named))
		w.AWS.PutSecretValue("clickhouse/s3", "nonsense")
		w.AWS.Before = deny("CreateAccessKey")
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "UPDATE_ROLLBACK_IN_PROGRESS")
		w.refused(w.deliver(w.AWS.Session("provider"), "Update", w.idOf(p), named, p), "AccessDenied")
		if now := w.AWS.Snapshot(); len(now.Users) != 2 || len(now.Buckets) != 2 {
			t.Errorf("left: %+v", now)
		}
	})
}
