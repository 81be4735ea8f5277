package awsfake_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func configRules() []rule {
	return []rule{
		{name: "no tags are NoSuchTagSet", source: "localstack test_s3_api.snapshot.json (bucket tagging)",
			run: func(t *testing.T, e *env) {
				name := e.bucket(t)
				_, err := e.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
				want(t, err, 404, "NoSuchTagSet", "The TagSet does not exist")
			}},
		{name: "PutBucketTagging replaces the whole set", source: "S3 API Reference, PutBucketTagging",
			run: func(t *testing.T, e *env) {
				name := e.bucket(t, "a", "1", "b", "2")
				equal(t, "put", e.putTags(t, name, "b", "3"), nil)
				tags := e.tags(t, name)
				if len(tags) != 1 || tags["b"] != "3" {
					t.Errorf("got %v", tags)
				}
				want(t, e.putTags(t, name, "b", "3", "b", "4"), 400, "InvalidTag", "Cannot provide multiple Tags with the same key")
				want(t, e.putTags(t, name, "aws:b", "3"), 400, "InvalidTag", "System tags cannot be added/updated by requester")
			}},
		{name: "system tags have to stay", source: "terraform-provider-aws #7323; cloud-custodian #2834", fake: true,
			run: func(t *testing.T, e *env) {
				name := e.bucket(t)
				e.fake.TagBucket(name, map[string]string{"aws:cloudformation:stack-name": "s"})
				want(t, e.putTags(t, name, "a", "1"), 400, "InvalidTag", "System Tags cannot be removed by requester")
				equal(t, "with them", e.putTags(t, name, "a", "1", "aws:cloudformation:stack-name", "s"), nil)
				must[*s3.DeleteBucketTaggingOutput](t)(e.s3.DeleteBucketTagging(t.Context(), &s3.DeleteBucketTaggingInput{Bucket: &name}))
				equal(t, "tags left", len(e.tags(t, name)), 1)
			}},
		{name: "a new bucket has public access blocked", source: "localstack test_s3_api.snapshot.json (test_crud_public_access_block)",
			run: func(t *testing.T, e *env) {
				name := e.bucket(t)
				get := func() types.PublicAccessBlockConfiguration {
					return *must[*s3.GetPublicAccessBlockOutput](t)(e.s3.GetPublicAccessBlock(t.Context(),
						&s3.GetPublicAccessBlockInput{Bucket: &name})).PublicAccessBlockConfiguration
				}
				equal(t, "new", aws.ToBool(get().BlockPublicPolicy) && aws.ToBool(get().RestrictPublicBuckets), true)
				must[*s3.PutPublicAccessBlockOutput](t)(e.s3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name,
					PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}))
				equal(t, "what is left out is off", aws.ToBool(get().BlockPublicAcls) && !aws.ToBool(get().BlockPublicPolicy), true)
			}},
		{name: "versioning is never off again", source: "S3 User Guide, Using versioning; localstack test_bucket_versioning_crud",
			run: func(t *testing.T, e *env) {
				name := e.bucket(t)
				get := func() types.BucketVersioningStatus {
					return must[*s3.GetBucketVersioningOutput](t)(e.s3.GetBucketVersioning(t.Context(),
						&s3.GetBucketVersioningInput{Bucket: &name})).Status
				}
				equal(t, "new", get(), "")
				e.versioning(t, name, types.BucketVersioningStatusEnabled)
				e.versioning(t, name, types.BucketVersioningStatusSuspended)
				equal(t, "off again", get(), types.BucketVersioningStatusSuspended)
				_, err := e.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &name,
					VersioningConfiguration: &types.VersioningConfiguration{}})
				want(t, err, 400, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
			}},
		{name: "lifecycle rules are replaced as a whole", source: "S3 API Reference, PutBucketLifecycleConfiguration; " +
			"localstack test_s3.snapshot.json (TestS3BucketLifecycle)",
			run: func(t *testing.T, e *env) {
				name := e.bucket(t)
				_, err := e.s3.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &name})
				want(t, err, 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
				rule := func(id string, filter *types.LifecycleRuleFilter) types.LifecycleRule {
					return types.LifecycleRule{ID: &id, Status: types.ExpirationStatusEnabled, Filter: filter,
						AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}}
				}
				put := func(rules ...types.LifecycleRule) error {
					_, err := e.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
						LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
					return err
				}
				whole := &types.LifecycleRuleFilter{Prefix: aws.String("")}
				want(t, put(rule("a", nil)), 400, "MalformedXML")
				equal(t, "two rules", put(rule("a", whole), rule("b", whole)), nil)
				equal(t, "one rule", put(rule("c", whole)), nil)
				out := must[*s3.GetBucketLifecycleConfigurationOutput](t)(e.s3.GetBucketLifecycleConfiguration(t.Context(),
					&s3.GetBucketLifecycleConfigurationInput{Bucket: &name}))
				if len(out.Rules) != 1 || *out.Rules[0].ID != "c" || *out.Rules[0].AbortIncompleteMultipartUpload.DaysAfterInitiation != 7 {
					t.Errorf("got %v", out.Rules)
				}
				for range 2 { // also when there is none
					must[*s3.DeleteBucketLifecycleOutput](t)(e.s3.DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: &name}))
				}
			}},
		{name: "bucket names have 3 to 63 characters", source: "S3 User Guide, General purpose bucket naming rules", fake: true,
			run: func(t *testing.T, e *env) {
				for _, name := range []string{"ab", "Capital", strings.Repeat("a", 64)} {
					_, err := e.s3.CreateBucket(t.Context(), e.createBucket(name))
					want(t, err, 400, "InvalidBucketName", "The specified bucket is not valid.")
				}
			}},
	}
}

func (e *env) putTags(t *testing.T, bucket string, tags ...string) error {
	in := &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{TagSet: e.createBucket("", tags...).CreateBucketConfiguration.Tags}}
	_, err := e.s3.PutBucketTagging(t.Context(), in)
	return err
}

func (e *env) versioning(t *testing.T, bucket string, status types.BucketVersioningStatus) {
	t.Helper()
	must[*s3.PutBucketVersioningOutput](t)(e.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}}))
}

// put writes an object and returns its version id, if S3 says one.
func (e *env) put(t *testing.T, bucket, key, body string) string {
	t.Helper()
	out := must[*s3.PutObjectOutput](t)(e.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}))
	return aws.ToString(out.VersionId)
}
