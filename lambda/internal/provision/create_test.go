package provision_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

func TestCreateMakesEverything(t *testing.T) {
	inWorld(t, func(w *bench) {
		a := w.succeeded(w.create(with("Tags", []any{map[string]any{"Key": "team", "Value": "data"}})))
		fields := w.credentials(a)

		const url = "https://my-data.s3.eu-west-1.amazonaws.com/data/"
		now := w.AWS.Snapshot()
		if diff := cmp.Diff(answer{
			Status: "SUCCESS", PhysicalResourceId: a.PhysicalResourceId, StackId: stackID, RequestId: "request", LogicalResourceId: sim.LogicalID,
			Data: map[string]string{
				"UserName": "clickhouse", "UserArn": "arn:aws:iam::123456789012:user/bucketuser/clickhouse",
				"AccessKeyId": fields["AWS_ACCESS_KEY_ID"], "BucketName": "my-data", "BucketArn": "arn:aws:s3:::my-data",
				"Prefix": "data/", "Region": "eu-west-1", "Url": url, "BackupUrl": url + "backups/",
				"SecretArn": now.Secrets["clickhouse/s3"].ARN, "SecretName": "clickhouse/s3",
				"SecretVersionId": now.Secrets["clickhouse/s3"].Versions[0].ID,
			}}, a); diff != "" {
			t.Error(diff)
		}

		tags := map[string]string{"team": "data", "bucketuser:owner": a.PhysicalResourceId,
			"bucketuser:stack-id": stackID, "bucketuser:logical-id": sim.LogicalID, "bucketuser:last-event": "2000-01-01T00:00:00Z"}
		secretTags := maps.Clone(tags)
		secretTags["bucketuser:format"], secretTags["bucketuser:bucket-origin"] = "1", "made"
		user := now.Users["clickhouse"]
		if user.Path != "/bucketuser/" || user.Boundary != sim.Boundary || !cmp.Equal(user.Tags, tags) || len(user.Attached) > 0 {
			t.Errorf("user: %+v", user)
		}
		isNewBucket(t, now.Buckets["my-data"], tags)
		if secret := now.Secrets["clickhouse/s3"]; len(secret.Versions) != 1 || !cmp.Equal(secret.Tags, secretTags) {
			t.Errorf("secret: %+v", secret)
		}
	})
}

// isNewBucket fails the test unless a bucket is as a Create makes it.
func isNewBucket(t *testing.T, bucket awsfake.Bucket, tags map[string]string) {
	t.Helper()
	if bucket.PublicAccessBlock != [4]bool{true, true, true, true} || bucket.Versioning != "" || !cmp.Equal(bucket.Tags, tags) {
		t.Errorf("bucket: %+v", bucket)
	}
	if len(bucket.Objects) != 1 || len(bucket.Objects["data/"]) != 1 || bucket.Objects["data/"][0].Body != "" {
		t.Errorf("objects: %+v", bucket.Objects)
	}
	if len(bucket.Lifecycle) != 1 || bucket.Lifecycle[0].AbortIncompleteUploadsAfterDays != 7 {
		t.Errorf("lifecycle: %+v", bucket.Lifecycle)
	}
}

func TestCreateProvesTheKeyForEachAccess(t *testing.T) {
	for _, access := range []string{"ReadOnly", "ReadWrite", "Full"} {
		for _, versioning := range []string{"false", "true"} {
			t.Run(access+" versioning "+versioning, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.succeeded(w.create(with("Access", access, "Versioning", versioning)))
					if objects := w.AWS.Snapshot().Buckets["my-data"].Objects; len(objects) != 1 || len(objects["data/"]) != 1 {
						t.Errorf("something of the proof stays: %+v", objects)
					}
				})
			})
		}
	}
}

func TestCreateFailsWhenTheKeyCannotDoWhatAccessPromises(t *testing.T) {
	inWorld(t, func(w *bench) {
		deny := []any{map[string]any{"Effect": "Deny", "Action": "s3:PutObject"}}
		w.refused(w.create(with("Statements", deny)), "user clickhouse: its new key cannot do what Access ReadWrite promises: AccessDenied")
		w.empty()
		w.succeeded(w.create(with("Statements", deny, "VerifyCredentials", "false")))
	})
}

func TestCreateInUsEast1(t *testing.T) {
	inRegion(t, "us-east-1", func(w *bench) { w.credentials(w.succeeded(w.create(named))) })
}

func TestRepeatedCreateKeepsTheKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		first := w.succeeded(w.create(named))
		was := w.AWS.Snapshot()
		if diff := cmp.Diff(first, w.succeeded(w.create(named))); diff != "" {
			t.Error(diff)
		}
		w.same(was)
	})
}

// Bad input gets one clear message, and the account stays as it was.
func TestCreateRefusesWhatIsNotOurs(t *testing.T) {
	tests := []struct {
		name    string
		arrange func(*awsfake.AWS)
		p       sim.Properties
		want    string
	}{
		{"bucket of another account", func(a *awsfake.AWS) { a.AddForeignBucket("my-data", "999999999999") }, named,
			"bucket my-data: owned by another account, or in another region; choose another BucketName"},
		{"bucket without tags", func(a *awsfake.AWS) { a.AddBucket("my-data", nil) }, named,
			"bucket my-data: exists in this account and does not belong to this resource; choose another BucketName"},
		{"bucket of another resource", func(a *awsfake.AWS) {
			a.AddBucket("my-data", map[string]string{"bucketuser:owner": "Other-v1-x", "bucketuser:stack-id": stackID, "bucketuser:logical-id": sim.LogicalID})
		}, named, "bucket my-data: exists in this account and does not belong to this resource"},
		{"released bucket without Retain", func(a *awsfake.AWS) { a.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"}) }, named,
			"bucket my-data: was released by an earlier resource; set OnDelete to Retain to adopt it"},
		{"user without tags", func(a *awsfake.AWS) { a.AddUser("clickhouse", "/", nil) }, named,
			"user clickhouse: exists in this account and does not belong to this resource; choose another UserName"},
		{"secret without tags", func(a *awsfake.AWS) { a.AddSecret("clickhouse/s3", "theirs", nil) }, named,
			"secret clickhouse/s3: exists in this account and does not belong to this resource; choose another SecretName"},
		{"all three", func(a *awsfake.AWS) {
			a.AddBucket("my-data", nil)
			a.AddUser("clickhouse", "/", nil)
			a.AddSecret("clickhouse/s3", "theirs", nil)
		}, named, "secret clickhouse/s3: exists in this account and does not belong to this resource; choose another SecretName; user clickhouse"},
		{"name that S3 refuses", func(*awsfake.AWS) {}, with("BucketName", "My_Data"), "BucketName: must be 3 to 63 lower-case letters"},
		{"unknown property", func(*awsfake.AWS) {}, with("Bucket", "x"), "Bucket: is not a property of Custom::BucketUser"},
		{"value of the wrong kind", func(*awsfake.AWS) {}, with("Versioning", "yes"), "Versioning: must be true or false"},
		{"forbidden prefix", func(*awsfake.AWS) {}, with("Prefix", "a/../b"), "Prefix: must not start with"},
		{"statement outside the bucket", func(*awsfake.AWS) {}, with("Statements", []any{map[string]any{
			"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}}), `Resource "arn:aws:s3:::other/*" is outside the bucket`},
		{"policy that is too large", func(*awsfake.AWS) {}, with("Statements", []any{map[string]any{
			"Effect": "Allow", "Action": "s3:GetObject", "Resource": "/" + strings.Repeat("x", 21000)}}), "S3 allows 20480"},
		{"bad properties", func(*awsfake.AWS) {}, with("Prefix", "a*", "Access", "All", "Owner", "me"), "Owner: is not a property of Custom::BucketUser"},
		{"bad values", func(*awsfake.AWS) {}, with("Prefix", "a*", "Access", "All"), `Prefix: must not contain "*": IAM and ClickHouse read it as a pattern; Access: must be one of`},
	}
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		for _, test := range tests {
			t.Run(test.name+" in "+region, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					test.arrange(w.AWS)
					was := w.AWS.Snapshot()
					a := w.refused(w.create(test.p), test.want)
					w.same(was)
					w.succeeded(w.delete(a.PhysicalResourceId, test.p))
					w.same(was)
				})
			})
		}
	}
}

func TestCreateForAnotherPlaceCallsNothing(t *testing.T) {
	for name, id := range map[string]string{
		"region":    strings.Replace(stackID, "eu-west-1", "eu-west-2", 1),
		"account":   strings.Replace(stackID, sim.Account, "210987654321", 1),
		"partition": strings.Replace(stackID, "arn:aws:", "arn:aws-cn:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.stackID = id
				a := w.refused(w.create(named), "deploy a provider beside the stack")
				w.succeeded(w.delete(a.PhysicalResourceId, named))
				if calls := w.AWS.Calls(); len(calls) > 0 {
					t.Errorf("calls: %v", calls)
				}
			})
		})
	}
}

func TestCreateWithoutPermissionLeavesNothing(t *testing.T) {
	for _, operation := range []string{"CreateUser", "CreateBucket", "CreateSecret", "CreateAccessKey", "PutPublicAccessBlock",
		"PutBucketPolicy", "PutBucketLifecycleConfiguration", "PutObject", "PutSecretValue"} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.Before = deny(operation)
				a := w.refused(w.create(named), "AccessDenied")
				w.empty()
				if strings.Contains(w.Log.String(), "undo") {
					t.Errorf("undoing failed: %s", a.Reason)
				}
			})
		})
	}
}

// The answer may be lost after a key was made: a second attempt would make another
// one, and nobody would know the first.
func TestCreateAccessKeyIsNotRepeatedAfterALostAnswer(t *testing.T) {
	for name, decision := range map[string]awsfake.Decision{
		"connection reset": awsfake.Lose(awsfake.ConnectionReset),
		"server error":     awsfake.Lose(awsfake.Unavailable),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				attempts := 0
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.Operation != "CreateAccessKey" {
						return awsfake.Decision{}
					}
					attempts++
					return decision
				})
				w.refused(w.create(named), "access key of user clickhouse")
				if attempts != 1 {
					t.Errorf("%d attempts", attempts)
				}
				w.empty()
			})
		})
	}
}

// In us-east-1 CreateBucket may answer 200 for a bucket that another resource has made
// since we looked.
func TestCreateInUsEast1ReadsWhoseTheBucketIs(t *testing.T) {
	inRegion(t, "us-east-1", func(w *bench) {
		w.AWS.LenientCreateBucket = true
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "CreateBucket" {
				w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "Other-v1-x"})
			}
			return awsfake.Decision{}
		}
		w.refused(w.create(named), "bucket my-data: exists in this account and does not belong to this resource")
		now := w.AWS.Snapshot()
		if b := now.Buckets["my-data"]; len(now.Users)+len(now.Secrets) > 0 || len(b.Tags) != 1 || b.Policy != "" {
			t.Errorf("left: %+v", now)
		}
	})
}
