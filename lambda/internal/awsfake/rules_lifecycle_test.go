package awsfake_test

import (
	"strings"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// aborts, expires and forgets are actions of a lifecycle rule.
func aborts(r *types.LifecycleRule) {
	r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}
}

func expires(r *types.LifecycleRule) { r.Expiration = &types.LifecycleExpiration{Days: aws.Int32(30)} }

func forgets(r *types.LifecycleRule) {
	r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(1), NewerNoncurrentVersions: aws.Int32(2)}
}

// withPrefix is a rule of version 1, withFilter one of version 2.
func withPrefix(prefix string, action func(*types.LifecycleRule)) types.LifecycleRule {
	rule := types.LifecycleRule{Status: types.ExpirationStatusEnabled}
	//lint:ignore SA1019 deprecated, and in many a bucket
	rule.Prefix = &prefix
	action(&rule)
	return rule
}

func withFilter(prefix string, action func(*types.LifecycleRule)) types.LifecycleRule {
	rule := types.LifecycleRule{Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: &prefix}}
	action(&rule)
	return rule
}

// lifecycleRules are about the two forms of lifecycle rules (L11).
func lifecycleRules() []fakeRule {
	const bucket = "my-bucket"
	put := func(t *testing.T, c clients, rules ...types.LifecycleRule) error {
		_, err := c.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String(bucket),
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
		return err
	}
	const filter = "Filter element can only be used in Lifecycle V2."
	return []fakeRule{
		{"L11: lifecycle rules with a prefix of their own know no NewerNoncurrentVersions", "terraform-provider-aws #23228",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				awsrules.Equal(t, "with filters", put(t, c, withFilter("a/", aborts), withFilter("b/", forgets)), nil)
				awsrules.Want(t, put(t, c, withPrefix("a/", forgets)), 400, "InvalidRequest",
					"NewerNoncurrentVersions element can only be used in Lifecycle V2.")
				both := withFilter("a/", aborts)
				//lint:ignore SA1019 deprecated, and in many a bucket
				both.Prefix = aws.String("a/")
				awsrules.Want(t, put(t, c, both), 400, "MalformedXML")
			}},
		{"L11: rules with prefixes of their own do not overlap", "noobaa-core #8426; ceph PR #23668",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				for _, prefixes := range [][2]string{{"", "a/"}, {"a/", ""}, {"a/", "a/b"}, {"a/", "a/"}} {
					first, second := prefixes[0], prefixes[1]
					awsrules.Want(t, put(t, c, withPrefix(first, aborts), withPrefix(second, aborts)), 400, "InvalidRequest",
						"Found overlapping prefixes '"+first+"' and '"+second+"' for same action type 'AbortIncompleteMultipartUpload'")
					awsrules.Equal(t, "other actions", put(t, c, withPrefix(first, aborts), withPrefix(second, expires)), nil)
					awsrules.Equal(t, "filters", put(t, c, withFilter(first, aborts), withFilter(second, aborts)), nil)
				}
				awsrules.Equal(t, "beside each other", put(t, c, withPrefix("a/", aborts), withPrefix("b/", aborts)), nil)
				fake.OneRulePerPrefix = true
				awsrules.Want(t, put(t, c, withPrefix("a/", aborts), withPrefix("a/", expires)), 400, "InvalidRequest", "Found two rules with same prefix 'a/'")
				awsrules.Equal(t, "others", put(t, c, withPrefix("a/", aborts), withPrefix("", expires)), nil)
				awsrules.Equal(t, "filters", put(t, c, withFilter("a/", aborts), withFilter("a/", expires)), nil)
			}},
		{"lifecycle rules have days above zero, and none beside ExpiredObjectDeleteMarker", "S3 API Reference, LifecycleExpiration and " +
			"NoncurrentVersionExpiration; crossplane-contrib/provider-aws PR #2116; ocs-ci PR #12140",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				days := func(n int32) func(*types.LifecycleRule) {
					return func(r *types.LifecycleRule) {
						r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: &n}
					}
				}
				markers := func(days *int32) func(*types.LifecycleRule) {
					return func(r *types.LifecycleRule) {
						r.Expiration = &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true), Days: days}
					}
				}
				awsrules.Want(t, put(t, c, withFilter("", days(0))), 400, "InvalidArgument",
					"'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
				awsrules.Want(t, put(t, c, withFilter("", markers(aws.Int32(1)))), 400, "MalformedXML")
				awsrules.Equal(t, "taken", put(t, c, withFilter("", days(1)), withFilter("", markers(nil))), nil)
				now := fake.Snapshot().Buckets[bucket].Lifecycle
				awsrules.Equal(t, "shown", now[0].ExpireNoncurrentAfterDays == 1 && now[1].ExpireDeleteMarkers, true)
				awsrules.Want(t, put(t, c, withPrefix("", markers(nil)), withPrefix("a/", expires)), 400, "InvalidRequest")
			}},
		{"L11: the rules of others are of either form, and shown whole", "S3 API Reference, LifecycleRule, Prefix",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				awsrules.Equal(t, "no such bucket", fake.SetLifecycle(bucket, nil) != nil, true)
				fake.AddBucket(bucket, nil)
				theirs := withPrefix("logs/", expires)
				theirs.ID = aws.String("theirs")
				awsrules.Equal(t, "set", fake.SetLifecycle(bucket, []types.LifecycleRule{theirs}), nil)
				shown := fake.Snapshot().Buckets[bucket].Lifecycle[0]
				awsrules.Equal(t, "ID", shown.ID, "theirs")
				for _, part := range []string{`"Prefix":"logs/"`, `"Days":30`, `"Status":"Enabled"`} {
					if !strings.Contains(shown.JSON, part) {
						t.Errorf("%s lacks %s", shown.JSON, part)
					}
				}
				out := awsrules.Must[*s3.GetBucketLifecycleConfigurationOutput](t)(c.s3.GetBucketLifecycleConfiguration(t.Context(),
					&s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String(bucket)}))
				awsrules.Equal(t, "with theirs and ours", put(t, c, append(out.Rules, withPrefix("", aborts))...), nil)
				awsrules.Want(t, put(t, c, append(out.Rules, withFilter("", aborts))...), 400, "InvalidRequest", filter)
				awsrules.Equal(t, "refused", fake.SetLifecycle(bucket, []types.LifecycleRule{theirs, theirs}) != nil, true)
				restored := awsfake.New(account, "eu-west-1")
				awsrules.Equal(t, "restored", restored.Restore(fake.Snapshot()), nil)
				awsrules.Equal(t, "the same", restored.Snapshot().Buckets[bucket].Lifecycle[0], fake.Snapshot().Buckets[bucket].Lifecycle[0])
				awsrules.Equal(t, "taken away", fake.SetLifecycle(bucket, nil), nil)
				awsrules.Equal(t, "rules", len(fake.Snapshot().Buckets[bucket].Lifecycle), 0)
			}},
	}
}
