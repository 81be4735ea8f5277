package provision_test

import (
	"context"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// What a Delete misses at its first look, as a Create beside it has just made it, or as
// IAM does not know it everywhere yet, it finds at the second.
func TestDeleteLooksTwice(t *testing.T) {
	for operation, code := range map[string]string{"DescribeSecret": "ResourceNotFoundException", "GetUser": "NoSuchEntity", "GetBucketTagging": "NoSuchBucket"} {
		for _, isFilled := range []bool{true, false} {
			t.Run(operation, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.created(named)
					if !isFilled {
						w.AWS.Before = missedAtFirst(operation, code)
						w.succeeded(w.delete(w.idOf(named), named))
						w.empty()
						return
					}
					w.fill()
					was := w.AWS.Snapshot()
					w.AWS.Before = missedAtFirst(operation, code)
					w.refused(w.delete(w.idOf(named), named), "is not empty")
					w.same(was)
				})
			})
		}
	}
}

// missedAtFirst has an operation answer once that there is nothing, and GetUser for five
// seconds: S3 and Secrets Manager do not take long.
func missedAtFirst(operation, code string) func(context.Context, awsfake.Call) awsfake.Decision {
	start, isFirst := time.Now(), true
	return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		isYoung := c.Operation == "GetUser" && time.Since(start) < 5*time.Second
		if c.Operation != operation || !isFirst && !isYoung {
			return awsfake.Decision{}
		}
		isFirst = false
		return awsfake.Refuse(&awsfake.Error{Status: 404, Code: code, Message: "not yet"})
	})
}

// The same in undoing, which must not take a user away before no commit can come any more.
func TestUndoLooksTwiceForTheSecret(t *testing.T) {
	inWorld(t, func(w *bench) {
		isRefused, isMissed, isBuried := false, false, false
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			switch c.Operation {
			case "PutBucketPolicy":
				isRefused = true
				return awsfake.Refuse(awsfake.AccessDenied)
			case "DescribeSecret":
				if isRefused && !isMissed {
					isMissed = true
					return awsfake.Refuse(&awsfake.Error{Status: 400, Code: "ResourceNotFoundException", Message: "not yet"})
				}
			case "PutSecretValue":
				isBuried = putValue(c) == "null"
			case "DeleteUser":
				if !isBuried {
					t.Error("the user goes before the tombstone")
				}
			}
			return awsfake.Decision{}
		})
		w.refused(w.create(named), "AccessDenied")
		w.empty()
	})
}

// The name of a secret that was missing is somebody else's by now.
func TestDeleteLeavesASecretThatSomebodyMakesMeanwhile(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.DeleteSecret("clickhouse/s3", 0)
		w.at("DeleteUser", func() { w.AWS.AddSecret("clickhouse/s3", "theirs", foreignTags) })
		w.succeeded(w.delete(w.idOf(named), named))
		if now := w.AWS.Snapshot(); len(now.Users)+len(now.Buckets) > 0 || len(now.Secrets) != 1 {
			t.Errorf("left: %+v", now)
		}
	})
}

// Of two resources that adopt one secret the later wins, and the other must find out.
func TestSecretThatAnotherResourceAdoptsMeanwhile(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.AddSecret("clickhouse/s3", "theirs", map[string]string{"bucketuser:owner": "released", "bucketuser:released-by": "Other-v1-x"})
		w.at("UntagResource", func() { w.AWS.TagSecret("clickhouse/s3", foreignTags) })
		w.refused(w.create(named), "secret clickhouse/s3: exists in this account and does not belong to this resource")
		now := w.AWS.Snapshot()
		if len(now.Users)+len(now.Buckets) > 0 || w.currentOf().Value != "theirs" || now.Secrets["clickhouse/s3"].Tags["bucketuser:owner"] != "Other-v1-x" {
			t.Errorf("left: %+v", now)
		}
	})
}

// Only a missing right to look is excused, at a name to which the role has none.
func TestLookThatFailsOutsideOfThePatternsIsAFailure(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.Provider.BucketNamePattern, w.Provider.SecretNamePattern = "theirs-*", "theirs/*"
		for _, operation := range []string{"GetBucketTagging", "DescribeSecret"} {
			w.AWS.Before = only(operation, awsfake.Refuse(awsfake.Unavailable))
			w.refused(w.delete("whatever", named), operation)
		}
	})
}

// A refusal to look at a name within the patterns is never excused.
func TestDeleteFailsWhereItMayNotLook(t *testing.T) {
	for _, operation := range []string{"GetBucketTagging", "DescribeSecret", "GetUser"} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				w.AWS.DeleteUser("clickhouse")
				was := w.AWS.Snapshot()
				w.AWS.Before = deny(operation)
				w.refused(w.delete(w.idOf(named), named), operation)
				if operation == "DescribeSecret" { // without a user there is nothing to revoke
					w.same(was)
					return
				}
				w.onlyBucketIsLeft(was)
			})
		})
	}
}

// A Create beside the Delete makes its bucket late, and dies.
func TestDeleteRemovesABucketThatIsMadeMeanwhile(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		tags := w.AWS.Snapshot().Buckets["my-data"].Tags
		w.AWS.DeleteBucket("my-data")
		w.at("DeleteUser", func() { w.AWS.AddBucket("my-data", tags) })
		w.history(remove(named))
		w.AWS.Before = nil
		w.empty()
	})
}
