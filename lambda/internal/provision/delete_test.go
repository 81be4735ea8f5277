package provision_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

func TestDeleteOfAnEmptyBucketLeavesNothing(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		for _, versioning := range []string{"false", "true"} {
			t.Run(onDelete+" versioning "+versioning, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("OnDelete", onDelete, "Versioning", versioning)
					created := w.succeeded(w.create(p))
					w.AWS.PutObject("my-data", "data/.bucketuser-probe", "") // left by a proof that was cut off
					w.succeeded(w.delete(created.PhysicalResourceId, p))
					w.empty()
					w.succeeded(w.delete(created.PhysicalResourceId, p))
					w.empty()
				})
			})
		}
	}
}

func TestDeleteOfAFilledBucket(t *testing.T) {
	fill := func(a *awsfake.AWS) {
		a.PutObject("my-data", "data/x", "1")
		a.PutObject("my-data", "data/x", "2")
		a.DeleteObject("my-data", "data/x")
		a.PutObject("my-data", "odd \x01\u00e4+%/key", "3")
		a.AddUpload("my-data", "data/unfinished")
	}
	for _, versioning := range []string{"false", "true"} {
		t.Run("DeleteIfEmpty changes nothing, versioning "+versioning, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := with("Versioning", versioning)
				created := w.succeeded(w.create(p))
				fill(w.AWS)
				was := w.AWS.Snapshot()
				a := w.refused(w.delete(created.PhysicalResourceId, p), "bucket my-data: is not empty: ")
				if a.PhysicalResourceId != created.PhysicalResourceId || !strings.Contains(a.Reason, "--retain-resources Disk") {
					t.Errorf("answer: %+v", a)
				}
				w.same(was)
			})
		})
		t.Run("Purge leaves nothing, versioning "+versioning, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := with("Versioning", versioning, "OnDelete", "Purge")
				created := w.succeeded(w.create(p))
				fill(w.AWS)
				w.succeeded(w.delete(created.PhysicalResourceId, p))
				w.empty()
			})
		})
		t.Run("Retain releases the bucket, versioning "+versioning, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := with("Versioning", versioning, "OnDelete", "Retain")
				created := w.succeeded(w.create(p))
				fill(w.AWS)
				objects := len(w.AWS.Snapshot().Buckets["my-data"].Objects)
				w.succeeded(w.delete(created.PhysicalResourceId, p))
				now := w.AWS.Snapshot()
				b := now.Buckets["my-data"]
				if len(now.Users)+len(now.Secrets) > 0 || len(b.Tags) != 1 || b.Tags["bucketuser:owner"] != "released" || b.Policy != "" || len(b.Objects) != objects {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

func TestPurgeSaysWhichObjectIsLocked(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge", "Versioning", "true")
		created := w.succeeded(w.create(p))
		version := w.AWS.PutObject("my-data", "data/locked", "1")
		w.AWS.LockObject("my-data", "data/locked", version, true)
		w.refused(w.delete(created.PhysicalResourceId, p), `object "data/locked"`)
		w.AWS.LockObject("my-data", "data/locked", version, false)
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		w.empty()
	})
}

func TestDeleteLeavesWhatIsNotOurs(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.AddBucket("my-data", nil)
		w.AWS.AddUser("clickhouse", "/bucketuser/", map[string]string{"bucketuser:owner": "Other-v1-x"})
		w.AWS.AddSecret("clickhouse/s3", "theirs", nil)
		was := w.AWS.Snapshot()
		w.succeeded(w.delete("whatever", with("OnDelete", "Purge")))
		w.same(was)
	})
}

func TestDeleteOfForeignBucketSucceedsAndOfAForbiddenOneFails(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.AddForeignBucket("my-data", "999999999999")
		w.succeeded(w.delete("whatever", named))
	})
	inWorld(t, func(w *bench) {
		created := w.succeeded(w.create(named))
		was := w.AWS.Snapshot()
		w.AWS.Before = deny("GetBucketTagging")
		w.refused(w.delete(created.PhysicalResourceId, named), "bucket my-data: AccessDenied")
		w.onlyBucketIsLeft(was)
	})
}

// onlyBucketIsLeft fails the test unless all access was revoked, and the bucket is as it was.
func (w *bench) onlyBucketIsLeft(was awsfake.Snapshot) {
	w.t.Helper()
	now, b := w.AWS.Snapshot(), was.Buckets["my-data"]
	if b.Policy = now.Buckets["my-data"].Policy; len(now.Users)+len(now.Secrets) > 0 { // S3 shows the id of a user who is gone
		w.t.Errorf("left: %+v", now)
	}
	if diff := cmp.Diff(b, now.Buckets["my-data"]); diff != "" {
		w.t.Errorf("bucket\n%s", diff)
	}
}

func TestDeleteUnderAnInventedID(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.succeeded(w.create(nil))
		w.succeeded(w.delete("analytics-Disk-1ABCDEFGHIJKL", nil))
		w.empty()
	})
}

func TestDeleteOfPropertiesThatWereNeverAccepted(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.succeeded(w.delete("nothing-was-made", sim.Properties{"BucketName": "NOT A NAME"}))
		if calls := w.AWS.Calls(); len(calls) > 0 {
			t.Errorf("calls: %v", calls)
		}
	})
}

func TestDeleteSaysWhatKeepsTheUser(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.succeeded(w.create(named))
		w.AWS.Attach("clickhouse", awsfake.InlinePolicy)
		w.refused(w.delete(created.PhysicalResourceId, named), "user clickhouse: remove what was attached to it by hand")
	})
}

func TestLateCreateDoesNothing(t *testing.T) {
	const comesLate = "CloudFormation no longer waits for this event"
	for _, status := range []string{"CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"} {
		t.Run(status, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.succeeded(w.create(named))
				w.AWS.SetResourceStatus(stackID, sim.LogicalID, status)
				w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, created.PhysicalResourceId)
				was := w.AWS.Snapshot()
				w.refused(w.deliver(w.AWS.Session("provider"), "Create", "", named, nil), comesLate)
				w.same(was)
				// Even where somebody has taken the credentials away: an Update repairs that.
				w.AWS.DeleteSecret("clickhouse/s3", 0)
				was = w.AWS.Snapshot()
				w.refused(w.deliver(w.AWS.Session("provider"), "Create", "", named, nil), comesLate)
				w.same(was)
			})
		})
	}
	t.Run("DELETE_COMPLETE", func(t *testing.T) {
		inWorld(t, func(w *bench) {
			w.sign("Create", "", named, nil)
			w.becomes("DELETE_COMPLETE")
			w.refused(w.deliver(w.AWS.Session("provider"), "Create", "", named, nil), comesLate+": the resource is DELETE_COMPLETE")
			w.empty()
		})
	})
}

// The role has no right to names outside the provider's patterns. A Create of one is
// refused, and the Delete that follows must not fail for want of the right to look.
func TestNamesOutsideTheProvidersPatterns(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.Provider.BucketNamePattern, w.Provider.SecretNamePattern = "theirs-*", "theirs/*"
		w.AWS.Before = deny("GetBucketTagging", "DescribeSecret")
		a := w.refused(w.create(named), "BucketName: my-data does not match the provider's parameter BucketNamePattern theirs-*")
		w.succeeded(w.delete(a.PhysicalResourceId, named))
	})
	inWorld(t, func(w *bench) { // narrowed while the resource exists
		created := w.succeeded(w.create(named))
		was := w.AWS.Snapshot()
		w.Provider.BucketNamePattern, w.Provider.SecretNamePattern = "theirs-*", "theirs/*"
		w.AWS.Before = deny("GetBucketTagging", "DescribeSecret")
		for range 2 {
			w.refused(w.delete(created.PhysicalResourceId, named), "the provider's patterns were narrowed: widen them; then delete the stack again: aws cloudformation delete-stack --stack-name analytics --region eu-west-1")
			user := was.Users["clickhouse"]
			user.Keys = nil // without them it shows the next Delete that there is something of ours
			was.Users["clickhouse"] = user
			w.same(was)
		}
		w.AWS.Before = nil
		w.Provider.BucketNamePattern, w.Provider.SecretNamePattern = "", ""
		w.succeeded(w.delete(created.PhysicalResourceId, named))
		w.empty()
	})
}

// An object under the key of the folder marker that is not empty is somebody's data.
func TestDeleteKeepsDataUnderTheKeyOfTheMarker(t *testing.T) {
	for _, key := range []string{"data/", "data/.bucketuser-probe"} {
		inWorld(t, func(w *bench) {
			created := w.succeeded(w.create(named))
			w.AWS.PutObject("my-data", key, "1")
			was := w.AWS.Snapshot()
			w.refused(w.delete(created.PhysicalResourceId, named), "is not empty: it holds 1 object, and OnDelete is DeleteIfEmpty")
			w.same(was)
		})
	}
}

func TestDeleteCompletesAfterChangesByHand(t *testing.T) {
	for _, test := range changedByHand {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.succeeded(w.create(named))
				test.tamper(w.AWS, created)
				w.succeeded(w.delete(created.PhysicalResourceId, named))
				now := w.AWS.Snapshot()
				// One that somebody has scheduled for deletion stays until its day.
				if secret := now.Secrets["clickhouse/s3"]; secret.DeletedDays > 0 {
					delete(now.Secrets, "clickhouse/s3")
				}
				if len(now.Users)+len(now.Buckets)+len(now.Secrets) > 0 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}
