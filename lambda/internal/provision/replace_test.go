package provision_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

var renamed = sim.Properties{"BucketName": "my-data-2", "UserName": "clickhouse-2", "SecretName": "clickhouse/s3-2"}

func TestReplacementMakesADisjointSet(t *testing.T) {
	inWorld(t, func(w *bench) {
		old := w.succeeded(w.create(named))
		replaced := w.succeeded(w.update(old.PhysicalResourceId, renamed, named))
		if replaced.PhysicalResourceId == old.PhysicalResourceId {
			t.Fatal("the id has not changed")
		}
		w.credentials(replaced)
		w.credentials(old)

		w.succeeded(w.delete(old.PhysicalResourceId, named))
		now := w.AWS.Snapshot()
		if len(now.Users) != 1 || len(now.Buckets) != 1 || len(now.Secrets) != 1 || now.Buckets["my-data-2"].Policy == "" {
			t.Errorf("left: %+v", now)
		}
	})
}

func TestReplacementIsRefused(t *testing.T) {
	tests := []struct {
		name     string
		old, new sim.Properties
		arrange  func(*awsfake.AWS)
		want     string
	}{
		{"keeping the bucket", named, with("UserName", "u2", "SecretName", "s2"), nil, "BucketName my-data: must change too"},
		{"keeping the user", named, with("BucketName", "my-data-2", "SecretName", "s2"), nil, "UserName clickhouse: must change too"},
		{"keeping the secret", named, with("BucketName", "my-data-2", "UserName", "u2"), nil, "SecretName clickhouse/s3: must change too"},
		{"a lone rename", named, with("BucketName", "my-data-2"), nil, "UserName clickhouse: must change too"},
		{"with another OnDelete", named, sim.Properties{"OnDelete": "Purge"}, nil, "OnDelete: must not change together with a name"},
		{"of a bucket with objects", named, renamed, func(a *awsfake.AWS) { a.PutObject("my-data", "data/x", "1") },
			"replacement: bucket my-data: is not empty: it holds 1 object; a replacement never deletes data"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				old := w.succeeded(w.create(test.old))
				if test.arrange != nil {
					test.arrange(w.AWS)
				}
				was := w.AWS.Snapshot()
				a := w.refused(w.update(old.PhysicalResourceId, test.new, test.old), test.want)
				if a.PhysicalResourceId != old.PhysicalResourceId {
					t.Errorf("a refused update answers %s: CloudFormation would delete %s", a.PhysicalResourceId, old.PhysicalResourceId)
				}
				w.same(was)
				// CloudFormation goes back, which must never be refused.
				w.succeeded(w.update(old.PhysicalResourceId, test.old, test.new))
				w.same(was)
			})
		})
	}
}

// After a replacement that succeeded, a later failure in the stack is followed by an
// Update back and a Delete of the new set, or by that Delete alone.
func TestRollbackOfAReplacement(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		before, after := with("OnDelete", onDelete), with("OnDelete", onDelete, "BucketName", "b-2", "UserName", "u-2", "SecretName", "s-2")
		t.Run(onDelete, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				old, replaced := w.replaced(before, after)
				// Consumers may have written by now: going back is not refused for that.
				w.AWS.PutObject("my-data", "data/y", "1")
				was := unmarked(w.awsWithout("b-2", "u-2", "s-2"))
				a := w.succeeded(w.update(replaced, before, after))
				if a.PhysicalResourceId != old {
					t.Errorf("going back answers %s", a.PhysicalResourceId)
				}
				w.succeeded(w.delete(replaced, after))
				w.same(was)
			})
		})
		t.Run(onDelete, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				_, replaced := w.replaced(before, after)
				was := w.awsWithout("b-2", "u-2", "s-2")
				w.succeeded(w.delete(replaced, after))
				w.same(was)
			})
		})
	}
}

// replaced makes a set, with data where it may hold some, replaces it, and returns both
// ids. The replacement must leave the old set as it was.
func (w *bench) replaced(before, after sim.Properties) (old, replaced string) {
	w.t.Helper()
	old = w.succeeded(w.create(before)).PhysicalResourceId
	if before["OnDelete"] == "Retain" {
		w.AWS.PutObject("my-data", "data/x", "1")
	}
	was := w.AWS.Snapshot()
	replaced = w.succeeded(w.update(old, after, before)).PhysicalResourceId
	now := w.awsWithout("b-2", "u-2", "s-2")
	if tags := now.Buckets["my-data"].Tags; tags["bucketuser:superseded-by"] != replaced+" s-2 u-2" {
		w.t.Errorf("the old bucket is not marked: %v", tags)
	}
	if diff := cmp.Diff(was, unmarked(now), ignoreLastEvent); diff != "" {
		w.t.Errorf("the replacement has changed the old set (-before +after)\n%s", diff)
	}
	return old, replaced
}

// unmarked is an account in which no set says that another has replaced it.
func unmarked(s awsfake.Snapshot) awsfake.Snapshot {
	s.Buckets, s.Secrets = maps.Clone(s.Buckets), maps.Clone(s.Secrets)
	for name, b := range s.Buckets {
		b.Tags = maps.Clone(b.Tags)
		delete(b.Tags, "bucketuser:superseded-by")
		s.Buckets[name] = b
	}
	for name, x := range s.Secrets {
		x.Tags = maps.Clone(x.Tags)
		delete(x.Tags, "bucketuser:superseded-by")
		s.Secrets[name] = x
	}
	return s
}

func (w *bench) awsWithout(bucket, user, secret string) awsfake.Snapshot {
	now := w.AWS.Snapshot()
	delete(now.Buckets, bucket)
	delete(now.Users, user)
	delete(now.Secrets, secret)
	return now
}

// A replacement that failed half-way is unknown to CloudFormation, which goes back
// under the old id: what it left goes away then.
func TestRollbackOfAFailedReplacement(t *testing.T) {
	for _, operation := range []string{"CreateBucket", "CreateUser", "CreateSecret", "PutBucketPolicy", "CreateAccessKey", "PutSecretValue"} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				old := w.succeeded(w.create(named))
				was := w.AWS.Snapshot()
				w.AWS.Before = deny(operation)
				a := w.refused(w.update(old.PhysicalResourceId, renamed, named), "AccessDenied")
				if a.PhysicalResourceId != old.PhysicalResourceId {
					t.Errorf("answers %s", a.PhysicalResourceId)
				}
				w.AWS.Before = nil
				w.succeeded(w.update(old.PhysicalResourceId, named, renamed))
				w.same(was)
			})
		})
	}
}

// Somebody may have found the new bucket before the replacement failed.
func TestLeftoverOfAReplacementThatHoldsDataIsReleased(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge")
		w.history(create(p))
		w.killedAfter("PutSecretValue", update(p, other(p), p))
		w.AWS.PutObject("my-data-2", "data/x", "1")
		w.history(update(p, p, other(p)))
		now := w.AWS.Snapshot()
		b := now.Buckets["my-data-2"]
		if len(now.Users) != 1 || len(now.Secrets) != 1 || b.Tags["bucketuser:owner"] != "released" || len(b.Objects["data/x"]) != 1 {
			t.Errorf("left: %+v", now)
		}
	})
}

// A22: an update was cut off, and rollback is disabled. The next one may come from the properties of the set that was
// not reached. Nobody knows the names of the set that the resource has then, so nothing is replaced, and what comes
// back is not refused.
func TestA22OldPropertiesOfAnotherSet(t *testing.T) {
	p, q := with("OnDelete", "Purge"), other(with("OnDelete", "Purge"))
	for name, next := range map[string]sim.Properties{"the same": q, "a third": {"OnDelete": "Purge"}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				id := w.created(p).PhysicalResourceId
				was := w.AWS.Snapshot()
				w.killedAfter("CreateAccessKey", event{kind: "Update", id: p, p: q, old: p})
				w.refused(w.update(id, next, q), "replacement: the resource is "+id+", and an update from it was cut off")
				w.succeeded(w.update(id, p, q))
				w.same(was)
			})
		})
	}
}

// The same between two sets: what was left half-made goes away with the way back.
func TestA22ReturnFromAnUpdateThatWasCutOff(t *testing.T) {
	p, q := with("OnDelete", "Purge"), other(with("OnDelete", "Purge"))
	third := sim.Properties{"OnDelete": "Purge", "BucketName": "my-data-3", "UserName": "clickhouse-3", "SecretName": "clickhouse/s3-3"}
	inWorld(t, func(w *bench) {
		w.history(create(p))
		was := w.AWS.Snapshot()
		w.history(update(p, q, p))
		w.killedAfter("CreateAccessKey", update(q, third, q))
		w.succeeded(w.update(w.idOf(q), p, third))
		w.succeeded(w.delete(w.idOf(q), q))
		w.same(was)
	})
}
