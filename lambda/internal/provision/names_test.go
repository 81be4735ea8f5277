package provision_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// foreignTags are those of another resource.
var foreignTags = map[string]string{"bucketuser:owner": "Other-v1-x", "bucketuser:stack-id": stackID, "bucketuser:logical-id": sim.LogicalID}

// Somebody takes a name after it was looked at.
func TestNamesThatAreTakenMeanwhile(t *testing.T) {
	for _, test := range []struct {
		operation, reason string
		take              func(*awsfake.AWS)
	}{
		{"CreateUser", "user clickhouse: exists in this account", func(a *awsfake.AWS) { a.AddUser("clickhouse", "/", foreignTags) }},
		{"CreateSecret", "secret clickhouse/s3: exists in this account", func(a *awsfake.AWS) { a.AddSecret("clickhouse/s3", "theirs", foreignTags) }},
		{"CreateBucket", "bucket my-data: exists in this account", func(a *awsfake.AWS) { a.AddBucket("my-data", foreignTags) }},
		{"CreateBucket", "bucket my-data: owned by another account", func(a *awsfake.AWS) { a.AddForeignBucket("my-data", "999999999999") }},
	} {
		t.Run(test.operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				want := awsfake.New(sim.Account, "eu-west-1")
				test.take(want)
				w.at(test.operation, func() { test.take(w.AWS) })
				w.refused(w.create(named), test.reason)
				now := w.AWS.Snapshot()
				if n, m := len(now.Users)+len(now.Buckets)+len(now.Secrets), len(want.Snapshot().Users)+len(want.Snapshot().Buckets)+len(want.Snapshot().Secrets); n != m {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

// Tags tell whose a thing is only as a whole: anybody may copy one of them.
func TestOwnerIsToldByAllTags(t *testing.T) {
	for _, tag := range []string{"bucketuser:owner", "bucketuser:stack-id", "bucketuser:logical-id"} {
		t.Run(tag, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				tags := claim.OwnerTags(w.parse(named))
				tags[tag] = "other"
				w.AWS.AddUser("clickhouse", "/", tags)
				w.AWS.AddBucket("my-data", tags)
				w.AWS.AddSecret("clickhouse/s3", "theirs", tags)
				was := w.AWS.Snapshot()
				w.refused(w.create(named), "choose another SecretName; user clickhouse")
				w.same(was)
				w.succeeded(w.delete(w.idOf(named), with("OnDelete", "Purge")))
				w.same(was)
			})
		})
	}
}

// Of two resources that adopt one bucket the later wins, and the other must find out.
func TestBucketThatAnotherResourceAdoptsMeanwhile(t *testing.T) {
	for _, operation := range []string{"GetBucketLifecycleConfiguration", "CreateAccessKey"} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"})
				w.at(operation, func() { w.AWS.TagBucket("my-data", foreignTags) })
				w.refused(w.create(with("OnDelete", "Retain")), "bucket my-data: exists in this account and does not belong to this resource")
				now := w.AWS.Snapshot()
				if len(now.Users)+len(now.Secrets) > 0 || now.Buckets["my-data"].Tags["bucketuser:owner"] != "Other-v1-x" {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
	t.Run("at once", func(t *testing.T) {
		inWorld(t, func(w *bench) {
			w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"})
			w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
				switch {
				case c.Operation == "GetBucketTagging" && c.OperationN == 2:
					w.AWS.TagBucket("my-data", foreignTags)
				case isWrite(c) && c.Service == "s3" && c.OperationN > 1:
					t.Errorf("%s after another has adopted it", c)
				}
				return awsfake.Decision{}
			}
			w.refused(w.create(with("OnDelete", "Retain")), "bucket my-data: exists in this account and does not belong to this resource")
		})
	})
}

// A bucket that somebody deletes while it is created is created again.
func TestBucketThatIsDeletedWhileItIsCreated(t *testing.T) {
	inRegion(t, "us-east-1", func(w *bench) {
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "GetBucketTagging" && c.OperationN == 2 {
				w.AWS.DeleteBucket("my-data")
			}
			return awsfake.Decision{}
		}
		w.created(named)
	})
}

// What others have tagged stays tagged, when a secret or a bucket is adopted as well.
func TestAdoptionKeepsTheTagsOfOthers(t *testing.T) {
	inWorld(t, func(w *bench) {
		released := map[string]string{"bucketuser:owner": "released", "bucketuser:released-by": "Other-v1-x", "theirs": "1"}
		w.AWS.AddSecret("clickhouse/s3", "theirs", released)
		delete(released, "bucketuser:released-by")
		w.AWS.AddBucket("my-data", released)
		p := with("OnDelete", "Retain", "SecretRecoveryDays", "7")
		w.credentials(w.created(p))
		now := w.AWS.Snapshot()
		for _, tags := range []map[string]string{now.Secrets["clickhouse/s3"].Tags, now.Buckets["my-data"].Tags} {
			if tags["theirs"] != "1" || tags["bucketuser:owner"] != w.idOf(p) || tags["bucketuser:released-by"] != "" {
				t.Errorf("tags: %v", tags)
			}
		}
		w.succeeded(w.delete(w.idOf(p), p))
		now = w.AWS.Snapshot()
		if tags := now.Secrets["clickhouse/s3"].Tags; tags["theirs"] != "1" || tags["bucketuser:before"] != "" {
			t.Errorf("tags of the released secret: %v", tags)
		}
	})
}

// A secret that another resource lets go of is not ours to delete.
func TestDeleteLeavesASecretThatAnotherReleases(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.DeleteSecret("clickhouse/s3", 0)
		w.AWS.AddSecret("clickhouse/s3", "theirs", map[string]string{"bucketuser:owner": "released", "bucketuser:released-by": "Other-v1-x"})
		w.succeeded(w.delete(w.idOf(named), named))
		if now := w.AWS.Snapshot(); len(now.Users)+len(now.Buckets) > 0 || len(now.Secrets) != 1 || now.Secrets["clickhouse/s3"].DeletedDays > 0 {
			t.Errorf("left: %+v", now)
		}
	})
}

// A name may stay taken for a while, and a secret of somebody else may hold it for days.
func TestSecretNameThatIsStillTaken(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.SecretDeletion = 30 * time.Second
		w.history(create(named), remove(named), create(named))
	})
	for name, tags := range map[string]map[string]string{"somebody else's": nil, "another resource's": foreignTags} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.created(named)
				w.AWS.DeleteSecret("clickhouse/s3", 0)
				w.AWS.AddSecret("clickhouse/s3", "theirs", tags)
				w.AWS.DeleteSecret("clickhouse/s3", 7)
				was := w.AWS.Snapshot()
				w.succeeded(w.update(created.PhysicalResourceId, with("OnDelete", "Purge"), named)) // which changes nothing of it
				w.same(was)
				w.succeeded(w.delete(created.PhysicalResourceId, named))
				now := w.AWS.Snapshot()
				if name == "somebody else's" { // whose secret may be ours without its tags: it does not say that the bucket was made
					delete(now.Buckets, "my-data")
				}
				if len(now.Users)+len(now.Buckets) > 0 || !maps.Equal(was.Secrets["clickhouse/s3"].Tags, now.Secrets["clickhouse/s3"].Tags) || now.Secrets["clickhouse/s3"].DeletedDays != 7 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}

// The answer to any call may be lost; the SDK makes it again and finds it done.
func TestAnswersThatAreLostOnce(t *testing.T) {
	inWorld(t, func(w *bench) {
		lost := map[string]bool{}
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if !isWrite(c) || lost[c.Operation+c.Target] || slices.Contains([]string{"CreateAccessKey", "GetSecretValue"}, c.Operation) {
				return awsfake.Decision{}
			}
			lost[c.Operation+c.Target] = true
			return awsfake.Lose(awsfake.ConnectionReset)
		})
		p := with("OnDelete", "Purge", "SecretRecoveryDays", "7", "Versioning", "true")
		created := w.created(p)
		w.fill()
		changed := with("OnDelete", "Purge", "SecretRecoveryDays", "7", "Prefix", "logs", "Versioning", "true", "AbortIncompleteUploadsAfterDays", "0")
		w.credentials(w.succeeded(w.update(created.PhysicalResourceId, changed, p)))
		w.succeeded(w.delete(created.PhysicalResourceId, changed))
		w.created(p)
		w.fill()
		released := with("OnDelete", "Retain", "SecretRecoveryDays", "7")
		w.succeeded(w.delete(created.PhysicalResourceId, released))
		if now := w.AWS.Snapshot(); len(now.Users) > 0 || len(now.Buckets) != 1 || now.Secrets["clickhouse/s3"].DeletedDays != 7 {
			t.Errorf("left: %+v", now)
		}
	})
}
