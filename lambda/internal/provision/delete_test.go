package provision_test

import (
	"strings"
	"testing"

	"bucketuser/lambda/internal/awsfake"
)

func TestDeleteOfAnEmptyBucketLeavesNothing(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		for _, versioning := range []string{"false", "true"} {
			t.Run(onDelete+" versioning "+versioning, func(t *testing.T) {
				inWorld(t, func(w *world) {
					p := with("OnDelete", onDelete, "Versioning", versioning)
					created := w.succeeded(w.create(p))
					w.aws.PutObject("my-data", "data/.bucketuser-probe", "") // left by a proof that was cut off
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
			inWorld(t, func(w *world) {
				p := with("Versioning", versioning)
				created := w.succeeded(w.create(p))
				fill(w.aws)
				was := w.aws.Snapshot()
				a := w.refused(w.delete(created.PhysicalResourceId, p), "bucket my-data: is not empty: ")
				if a.PhysicalResourceId != created.PhysicalResourceId || !strings.Contains(a.Reason, "--retain-resources Disk") {
					t.Errorf("answer: %+v", a)
				}
				w.same(was)
			})
		})
		t.Run("Purge leaves nothing, versioning "+versioning, func(t *testing.T) {
			inWorld(t, func(w *world) {
				p := with("Versioning", versioning, "OnDelete", "Purge")
				created := w.succeeded(w.create(p))
				fill(w.aws)
				w.succeeded(w.delete(created.PhysicalResourceId, p))
				w.empty()
			})
		})
		t.Run("Retain releases the bucket, versioning "+versioning, func(t *testing.T) {
			inWorld(t, func(w *world) {
				p := with("Versioning", versioning, "OnDelete", "Retain")
				created := w.succeeded(w.create(p))
				fill(w.aws)
				objects := len(w.aws.Snapshot().Buckets["my-data"].Objects)
				w.succeeded(w.delete(created.PhysicalResourceId, p))
				now := w.aws.Snapshot()
				b := now.Buckets["my-data"]
				if len(now.Users)+len(now.Secrets) > 0 || len(b.Tags) != 1 || b.Tags["bucketuser:owner"] != "released" || b.Policy != "" || len(b.Objects) != objects {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

func TestPurgeSaysWhichObjectIsLocked(t *testing.T) {
	inWorld(t, func(w *world) {
		p := with("OnDelete", "Purge", "Versioning", "true")
		created := w.succeeded(w.create(p))
		version := w.aws.PutObject("my-data", "data/locked", "1")
		w.aws.LockObject("my-data", "data/locked", version, true)
		w.refused(w.delete(created.PhysicalResourceId, p), `object "data/locked"`)
		w.aws.LockObject("my-data", "data/locked", version, false)
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		w.empty()
	})
}

func TestDeleteLeavesWhatIsNotOurs(t *testing.T) {
	inWorld(t, func(w *world) {
		w.aws.AddBucket("my-data", nil)
		w.aws.AddUser("clickhouse", "/bucketuser/", map[string]string{"bucketuser:owner": "Other-v1-x"})
		w.aws.AddSecret("clickhouse/s3", "theirs", nil)
		was := w.aws.Snapshot()
		w.succeeded(w.delete("whatever", with("OnDelete", "Purge")))
		w.same(was)
	})
}

func TestDeleteOfForeignBucketSucceedsAndOfAForbiddenOneFails(t *testing.T) {
	inWorld(t, func(w *world) {
		w.aws.AddForeignBucket("my-data", "999999999999")
		w.succeeded(w.delete("whatever", named))
	})
	inWorld(t, func(w *world) {
		created := w.succeeded(w.create(named))
		was := w.aws.Snapshot()
		w.aws.Before = deny("GetBucketTagging")
		w.refused(w.delete(created.PhysicalResourceId, named), "bucket my-data: AccessDenied")
		w.same(was)
	})
}

func TestDeleteUnderAnInventedID(t *testing.T) {
	inWorld(t, func(w *world) {
		w.succeeded(w.create(nil))
		w.succeeded(w.delete("analytics-Disk-1ABCDEFGHIJKL", nil))
		w.empty()
	})
}

func TestDeleteOfPropertiesThatWereNeverAccepted(t *testing.T) {
	inWorld(t, func(w *world) {
		w.succeeded(w.delete("nothing-was-made", properties{"BucketName": "NOT A NAME"}))
		if calls := w.aws.Calls(); len(calls) > 0 {
			t.Errorf("calls: %v", calls)
		}
	})
}

func TestDeleteSaysWhatKeepsTheUser(t *testing.T) {
	inWorld(t, func(w *world) {
		created := w.succeeded(w.create(named))
		w.aws.Attach("clickhouse", awsfake.InlinePolicy)
		w.refused(w.delete(created.PhysicalResourceId, named), "user clickhouse: remove what was attached to it by hand")
	})
}

func TestLateCreateDoesNothing(t *testing.T) {
	const stale = "CloudFormation no longer waits for this event"
	for _, status := range []string{"CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"} {
		t.Run(status, func(t *testing.T) {
			inWorld(t, func(w *world) {
				created := w.succeeded(w.create(named))
				w.aws.SetResourceStatus(stackID, logicalID, status)
				w.aws.SetPhysicalResourceID(stackID, logicalID, created.PhysicalResourceId)
				was := w.aws.Snapshot()
				w.refused(w.deliver(w.aws.Session("provider"), "Create", "", named, nil), stale)
				w.same(was)
				// Even where somebody has taken the credentials away: an Update repairs that.
				w.aws.DeleteSecret("clickhouse/s3", 0)
				was = w.aws.Snapshot()
				w.refused(w.deliver(w.aws.Session("provider"), "Create", "", named, nil), stale)
				w.same(was)
			})
		})
	}
	t.Run("DELETE_COMPLETE", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.aws.SetResourceStatus(stackID, logicalID, "DELETE_COMPLETE")
			w.refused(w.deliver(w.aws.Session("provider"), "Create", "", named, nil), stale+": the resource is DELETE_COMPLETE")
			w.empty()
		})
	})
}

// The role has no right to names outside the provider's patterns. A Create of one is
// refused, and the Delete that follows must not fail for want of the right to look.
func TestNamesOutsideTheProvidersPatterns(t *testing.T) {
	inWorld(t, func(w *world) {
		w.provider.BucketNamePattern, w.provider.SecretNamePattern = "theirs-*", "theirs/*"
		w.aws.Before = deny("GetBucketTagging", "DescribeSecret")
		a := w.refused(w.create(named), "BucketName: my-data does not match the provider's parameter BucketNamePattern theirs-*")
		w.succeeded(w.delete(a.PhysicalResourceId, named))
	})
	inWorld(t, func(w *world) { // narrowed while the resource exists
		created := w.succeeded(w.create(named))
		was := w.aws.Snapshot()
		w.provider.BucketNamePattern, w.provider.SecretNamePattern = "theirs-*", "theirs/*"
		w.aws.Before = deny("GetBucketTagging", "DescribeSecret")
		w.refused(w.delete(created.PhysicalResourceId, named), "the provider's patterns were narrowed: widen them and delete again")
		w.same(was)
	})
}

// An object under the key of the folder marker that is not empty is somebody's data.
func TestDeleteKeepsDataUnderTheKeyOfTheMarker(t *testing.T) {
	for _, key := range []string{"data/", "data/.bucketuser-probe"} {
		inWorld(t, func(w *world) {
			created := w.succeeded(w.create(named))
			w.aws.PutObject("my-data", key, "1")
			was := w.aws.Snapshot()
			w.refused(w.delete(created.PhysicalResourceId, named), "is not empty: 1 objects or versions")
			w.same(was)
		})
	}
}

func TestDeleteCompletesAfterChangesByHand(t *testing.T) {
	for _, test := range changedByHand {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				created := w.succeeded(w.create(named))
				test.tamper(w.aws, created)
				w.succeeded(w.delete(created.PhysicalResourceId, named))
				now := w.aws.Snapshot()
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
