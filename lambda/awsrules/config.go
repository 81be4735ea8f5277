package awsrules

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func configRules() []Rule {
	return []Rule{
		{Name: "no tags are NoSuchTagSet", Source: "localstack test_s3_api.snapshot.json (bucket tagging)",
			play: func(t T, e *env) {
				name := e.bucket(t)
				_, err := e.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
				Want(t, err, 404, "NoSuchTagSet", "The TagSet does not exist")
			}},
		{Name: "PutBucketTagging replaces the whole set", Source: "S3 API Reference, PutBucketTagging",
			play: func(t T, e *env) {
				name := e.bucket(t, "a", "1", "b", "2")
				Equal(t, "put", e.putTags(t, name, "b", "3"), nil)
				tags := e.tags(t, name)
				if len(tags) != 1 || tags["b"] != "3" {
					t.Errorf("got %v", tags)
				}
				Want(t, e.putTags(t, name, "b", "3", "b", "4"), 400, "InvalidTag", "Cannot provide multiple Tags with the same key")
				Want(t, e.putTags(t, name, "aws:b", "3"), 400, "InvalidTag", "System tags cannot be added/updated by requester")
			}},
		{Name: "a new bucket has public access blocked", Source: "localstack test_s3_api.snapshot.json (test_crud_public_access_block)",
			play: func(t T, e *env) {
				name := e.bucket(t)
				get := func() types.PublicAccessBlockConfiguration {
					return *Must[*s3.GetPublicAccessBlockOutput](t)(e.s3.GetPublicAccessBlock(t.Context(),
						&s3.GetPublicAccessBlockInput{Bucket: &name})).PublicAccessBlockConfiguration
				}
				Equal(t, "new", aws.ToBool(get().BlockPublicPolicy) && aws.ToBool(get().RestrictPublicBuckets), true)
				Must[*s3.PutPublicAccessBlockOutput](t)(e.s3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name,
					PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}}))
				Equal(t, "what is left out is off", aws.ToBool(get().BlockPublicAcls) && !aws.ToBool(get().BlockPublicPolicy), true)
			}},
		{Name: "versioning is never off again", Source: "S3 User Guide, Using versioning; localstack test_bucket_versioning_crud",
			play: func(t T, e *env) {
				name := e.bucket(t)
				get := func() types.BucketVersioningStatus {
					return Must[*s3.GetBucketVersioningOutput](t)(e.s3.GetBucketVersioning(t.Context(),
						&s3.GetBucketVersioningInput{Bucket: &name})).Status
				}
				Equal(t, "new", get(), "")
				e.versioning(t, name, types.BucketVersioningStatusEnabled)
				e.versioning(t, name, types.BucketVersioningStatusSuspended)
				Equal(t, "off again", get(), types.BucketVersioningStatusSuspended)
				_, err := e.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &name,
					VersioningConfiguration: &types.VersioningConfiguration{}})
				Want(t, err, 400, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
			}},
		{Name: "lifecycle rules are replaced as a whole", Source: "S3 API Reference, PutBucketLifecycleConfiguration; " +
			"localstack test_s3.snapshot.json (TestS3BucketLifecycle)",
			play: func(t T, e *env) {
				name := e.bucket(t)
				_, err := e.s3.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &name})
				Want(t, err, 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
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
				Want(t, put(rule("a", nil)), 400, "MalformedXML")
				Equal(t, "two rules", put(rule("a", whole), rule("b", whole)), nil)
				Equal(t, "one rule", put(rule("c", whole)), nil)
				out := Must[*s3.GetBucketLifecycleConfigurationOutput](t)(e.s3.GetBucketLifecycleConfiguration(t.Context(),
					&s3.GetBucketLifecycleConfigurationInput{Bucket: &name}))
				if len(out.Rules) != 1 || *out.Rules[0].ID != "c" || *out.Rules[0].AbortIncompleteMultipartUpload.DaysAfterInitiation != 7 {
					t.Errorf("got %v", out.Rules)
				}
				for range 2 { // also when there is none
					Must[*s3.DeleteBucketLifecycleOutput](t)(e.s3.DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: &name}))
				}
			}},
		{Name: "lifecycle rules are of one form, with a filter or with a prefix of their own", Source: "S3 API Reference, LifecycleRule, " +
			"Prefix; ansible #53751 and terraform-provider-aws #23299 (the messages)",
			play: oneForm},
		{Name: "lifecycle rules expire versions that are no longer current, and delete markers with nothing under them",
			Source: "S3 API Reference, NoncurrentVersionExpiration and LifecycleExpiration, ExpiredObjectDeleteMarker; " +
				"S3 User Guide, Examples of S3 Lifecycle configurations",
			play: expiringRules},
		{Name: "a lifecycle rule has no days beside ExpiredObjectDeleteMarker", Source: "S3 API Reference, LifecycleExpiration; " +
			"crossplane-contrib/provider-aws PR #2116 and aws-sdk-ruby #2350 (the code)",
			play: expiringOnce},
		{Name: "bucket names have 3 to 63 characters", Source: "S3 User Guide, General purpose bucket naming rules",
			play: func(t T, e *env) {
				for _, name := range []string{"ab", "Capital", strings.Repeat("a", 64)} {
					_, err := e.s3.CreateBucket(t.Context(), e.createBucket(name))
					Want(t, err, 400, "InvalidBucketName", "The specified bucket is not valid.")
				}
			}},
	}
}

func oneForm(t T, e *env) {
	name := e.bucket(t)
	rule := func(prefix *string, filter *types.LifecycleRuleFilter) types.LifecycleRule {
		r := types.LifecycleRule{Status: types.ExpirationStatusEnabled, Filter: filter,
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}}
		//lint:ignore SA1019 deprecated, and in many a bucket
		r.Prefix = prefix
		return r
	}
	put := func(rules ...types.LifecycleRule) error {
		_, err := e.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
		return err
	}
	old, other := rule(aws.String("a/"), nil), rule(aws.String("b/"), nil)
	current := rule(nil, &types.LifecycleRuleFilter{Prefix: aws.String("c/")})
	Equal(t, "with filters", put(current), nil)
	Equal(t, "with prefixes", put(old, other), nil)
	Want(t, put(old, current), 400, "InvalidRequest", "Filter element can only be used in Lifecycle V2.")
	Want(t, put(current, old), 400, "InvalidRequest", "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.")
	out := Must[*s3.GetBucketLifecycleConfigurationOutput](t)(e.s3.GetBucketLifecycleConfiguration(t.Context(),
		&s3.GetBucketLifecycleConfigurationInput{Bucket: &name}))
	Equal(t, "rules", len(out.Rules), 2)
	for i, shown := range out.Rules {
		//lint:ignore SA1019 as above
		if prefix := aws.ToString(shown.Prefix); shown.Filter != nil || prefix != []string{"a/", "b/"}[i] {
			t.Errorf("prefix %q, filter %v", prefix, shown.Filter)
		}
	}
}

func expiringRules(t T, e *env) {
	name := e.bucket(t)
	versions := types.LifecycleRule{ID: aws.String("versions"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("a/")},
		NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(30)}}
	markers := types.LifecycleRule{ID: aws.String("markers"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("a/")},
		Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}}
	Must[*s3.PutBucketLifecycleConfigurationOutput](t)(e.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{versions, markers}}})) // also of a bucket that was never versioned
	out := Must[*s3.GetBucketLifecycleConfigurationOutput](t)(e.s3.GetBucketLifecycleConfiguration(t.Context(),
		&s3.GetBucketLifecycleConfigurationInput{Bucket: &name}))
	Equal(t, "rules", len(out.Rules), 2)
	Equal(t, "days", *out.Rules[0].NoncurrentVersionExpiration.NoncurrentDays, 30)
	Equal(t, "nothing else", out.Rules[0].Expiration == nil && out.Rules[1].NoncurrentVersionExpiration == nil, true)
	Equal(t, "markers", aws.ToBool(out.Rules[1].Expiration.ExpiredObjectDeleteMarker) && out.Rules[1].Expiration.Days == nil, true)
}

func expiringOnce(t T, e *env) {
	name := e.bucket(t)
	put := func(is types.LifecycleExpiration) error {
		rule := types.LifecycleRule{Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &is}
		_, err := e.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{rule}}})
		return err
	}
	Equal(t, "days", put(types.LifecycleExpiration{Days: aws.Int32(1)}), nil)
	for _, isOn := range []bool{true, false} {
		Want(t, put(types.LifecycleExpiration{Days: aws.Int32(1), ExpiredObjectDeleteMarker: &isOn}), 400, "MalformedXML")
	}
	Equal(t, "markers", put(types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}), nil)
}

func (e *env) putTags(t T, bucket string, tags ...string) error {
	in := &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{TagSet: e.createBucket("", tags...).CreateBucketConfiguration.Tags}}
	_, err := e.s3.PutBucketTagging(t.Context(), in)
	return err
}

func (e *env) versioning(t T, bucket string, status types.BucketVersioningStatus) {
	t.Helper()
	Must[*s3.PutBucketVersioningOutput](t)(e.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}}))
}

// put writes an object and returns its version id, if S3 says one.
func (e *env) put(t T, bucket, key, body string) string {
	t.Helper()
	out := Must[*s3.PutObjectOutput](t)(e.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}))
	return aws.ToString(out.VersionId)
}
