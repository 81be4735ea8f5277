package provision_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
)

// Rules of others stay, and ours is set right again.
func TestLifecycleRulesOfOthersStay(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Retain")
		w.created(p)
		rule := func(id string, days int32, status types.ExpirationStatus) types.LifecycleRule {
			return types.LifecycleRule{ID: aws.String(id), Status: status, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
				AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(days)}}
		}
		admin := s3.NewFromConfig(w.AWS.Session("admin").Config())
		put := func(rules ...types.LifecycleRule) {
			_, err := admin.PutBucketLifecycleConfiguration(w.t.Context(), &s3.PutBucketLifecycleConfigurationInput{
				Bucket: aws.String("my-data"), LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
				TransitionDefaultMinimumObjectSize: types.TransitionDefaultMinimumObjectSizeVariesByStorageClass})
			if err != nil {
				t.Fatal(err)
			}
		}
		got := func() string { return fmt.Sprint(w.AWS.Snapshot().Buckets["my-data"].Lifecycle) }
		theirs := rule("theirs", 3, "Enabled")
		ours := rule("bucketuser-abort-incomplete-uploads", 7, "Enabled")
		put(theirs, ours)
		want := got()
		for _, broken := range [][]types.LifecycleRule{{theirs}, {theirs, rule(*ours.ID, 7, "Disabled")}, {theirs, rule(*ours.ID, 9, "Enabled")}} {
			put(broken...)
			w.history(update(p, p, p))
			if got() != want {
				t.Errorf("rules: %s, want %s", got(), want)
			}
			out, err := admin.GetBucketLifecycleConfiguration(w.t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("my-data")})
			if err != nil || out.TransitionDefaultMinimumObjectSize != types.TransitionDefaultMinimumObjectSizeVariesByStorageClass {
				t.Errorf("minimum size: %s %v", out.TransitionDefaultMinimumObjectSize, err)
			}
		}
		put(theirs)
		want = got()
		w.AWS.PutObject("my-data", "data/x", "1")
		w.history(update(p, p, p), remove(p))
		if got() != want {
			t.Errorf("rules of the released bucket: %s, want %s", got(), want)
		}
	})
}

const audit = `{"Sid":"Audit","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/auditor"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::my-data"}`

// The policy of others stays as a whole.
func TestPolicyOfOthersStays(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.AddRole("auditor")
		w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"})
		if err := w.AWS.SetBucketPolicy("my-data", `{"Version":"2008-10-17","Id":"theirs","Statement":[`+audit+`]}`); err != nil {
			t.Fatal(err)
		}
		was := w.AWS.Snapshot().Buckets["my-data"].Policy
		p := with("OnDelete", "Retain")
		w.created(p)
		if policy := w.AWS.Snapshot().Buckets["my-data"].Policy; !strings.Contains(policy, `"theirs"`) || !strings.Contains(policy, "2008-10-17") || !strings.Contains(policy, "BucketUserObjects") {
			t.Errorf("policy: %s", policy)
		}
		for range 2 { // also if nothing of ours is in it
			w.history(remove(p))
			if policy := w.AWS.Snapshot().Buckets["my-data"].Policy; policy != was {
				t.Errorf("policy of the released bucket: %s, was %s", policy, was)
			}
			w.AWS.TagBucket("my-data", claim.OwnerTags(w.parse(p)))
			w.AWS.TagBucket("my-data", map[string]string{"bucketuser:adopted": "true"})
		}
	})
}

func TestPolicyThatDoesNotFitBesideThatOfOthers(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		w.AWS.AddRole("auditor")
		large := strings.Replace(audit, `"s3:ListBucket"`, `["s3:ListBucket"`+strings.Repeat(`,"s3:ListBucket"`, 1250)+`]`, 1)
		if err := w.AWS.SetBucketPolicy("my-data", `{"Version":"2012-10-17","Statement":[`+large+`]}`); err != nil {
			t.Fatal(err)
		}
		was := w.AWS.Snapshot()
		w.refused(w.update(created.PhysicalResourceId, named, named), "bytes with the statements of others, S3 allows 20480")
		w.same(was)
	})
}

// The marker of a prefix that is left goes with all its versions; what others have
// below the prefix, or under the marker's key, stays.
func TestChangeOfPrefixRemovesOurObjectsAlone(t *testing.T) {
	for _, body := range []string{"", "1"} {
		inWorld(t, func(w *bench) {
			p, logs := with("Versioning", "true"), with("Versioning", "true", "Prefix", "logs")
			w.created(p)
			w.AWS.DeleteObject("my-data", "data/")
			w.AWS.PutObject("my-data", "data/", body)
			w.AWS.DeleteObject("my-data", "data/")
			for _, key := range []string{"data/!", "data/x", "data", "z"} {
				w.AWS.PutObject("my-data", key, "")
			}
			w.history(update(p, logs, p))
			objects := w.AWS.Snapshot().Buckets["my-data"].Objects
			if len(objects["data/"]) != len(body) || len(objects) != 5+len(body) {
				t.Errorf("objects: %+v", objects)
			}
		})
	}
}

// A folder marker that was not asked for is somebody's folder.
func TestFolderOfOthersStays(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("FolderMarker", "false")
		w.created(p)
		w.AWS.PutObject("my-data", "data/", "")
		was := w.AWS.Snapshot()
		w.history(update(p, p, p))
		w.same(was)
	})
}

// Refusals that go away by themselves, as AWS documents them.
func TestRefusalsThatGoAway(t *testing.T) {
	for code, operation := range map[string]string{
		"OperationAborted": "PutBucketPolicy", "ConditionalRequestConflict": "PutObject", "ConcurrentModification": "CreateUser",
		"EntityTemporarilyUnmodifiable": "CreateUser", "InternalServiceErrorException": "CreateSecret", "ServiceUnavailable": "CreateBucket",
		"NoSuchEntity": "CreateAccessKey", "Throttling": "CreateAccessKey",
	} {
		t.Run(code, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.Operation == operation && c.OperationN < 6 {
						return awsfake.Refuse(&awsfake.Error{Status: 409, Code: code, Message: "try again"})
					}
					return awsfake.Decision{}
				}
				w.created(named)
			})
		})
	}
}

// A name in another region is taken, and not ours to delete.
func TestBucketInAnotherRegion(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = only("GetBucketTagging", awsfake.Refuse(&awsfake.Error{Status: 301, Code: "PermanentRedirect", Message: "elsewhere"}))
		w.refused(w.create(named), "bucket my-data: owned by another account, or in another region; choose another BucketName")
		w.succeeded(w.delete(w.idOf(named), named))
		w.empty()
	})
}

// A bucket may be released after it was looked for.
func TestBucketThatIsReleasedMeanwhileIsAdopted(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.at("CreateBucket", func() { w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"}) })
		w.created(with("OnDelete", "Retain"))
		if tags := w.AWS.Snapshot().Buckets["my-data"].Tags; tags["bucketuser:adopted"] != "true" {
			t.Errorf("tags: %v", tags)
		}
	})
}
