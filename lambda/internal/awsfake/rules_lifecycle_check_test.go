package awsfake_test

import (
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// putRule puts one rule in the place of all that a bucket has.
func putRule(t *testing.T, c clients, bucket string, rule types.LifecycleRule) error {
	t.Helper()
	_, err := c.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &bucket,
		LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{rule}}})
	return err
}

// expiring is an action of a lifecycle rule.
func expiring(is types.LifecycleExpiration) func(*types.LifecycleRule) {
	return func(r *types.LifecycleRule) { r.Expiration = &is }
}

// wrongRules are what S3 refuses in a lifecycle rule, with its error.
func wrongRules() map[string]func(*types.LifecycleRule) {
	noon := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	midnight := noon.Truncate(24 * time.Hour)
	return map[string]func(*types.LifecycleRule){
		"InvalidRequest: At least one action needs to be specified in a rule":      func(*types.LifecycleRule) {},
		"InvalidArgument: 'Days' for Expiration action must be a positive integer": expiring(types.LifecycleExpiration{Days: aws.Int32(0)}),
		"InvalidArgument: 'Date' must be at midnight GMT":                          expiring(types.LifecycleExpiration{Date: &noon}),
		"InvalidArgument: 'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer": func(r *types.LifecycleRule) {
			r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(0)}
		},
		"InvalidArgument: ID length should not exceed allowed limit of 255": func(r *types.LifecycleRule) {
			expires(r)
			r.ID = aws.String(strings.Repeat("x", 256))
		},
		"MalformedXML, no such status": func(r *types.LifecycleRule) {
			expires(r)
			r.Status = "enabled"
		},
		"MalformedXML, nothing to expire by":   expiring(types.LifecycleExpiration{}),
		"MalformedXML, days and a date":        expiring(types.LifecycleExpiration{Days: aws.Int32(1), Date: &midnight}),
		"MalformedXML, days beside the marker": expiring(types.LifecycleExpiration{Days: aws.Int32(1), ExpiredObjectDeleteMarker: aws.Bool(false)}),
	}
}

// lifecycleCheckRules are about the parts of a lifecycle rule.
func lifecycleCheckRules() []fakeRule {
	const bucket = "my-bucket"
	return []fakeRule{
		{"a lifecycle rule does something, in one way, and its days are above zero", "scality/Arsenal PR #2648, crossplane-contrib/provider-aws " +
			"#1337, aws-sdk-ruby #2350, noobaa-core #8462, #8549 and #8870: errors that AWS gave",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				midnight := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
				awsrules.Equal(t, "a date", putRule(t, c, bucket, withFilter("", expiring(types.LifecycleExpiration{Date: &midnight}))), nil)
				for wrong, action := range wrongRules() {
					err := putRule(t, c, bucket, withFilter("", action))
					if code, _, isMalformed := strings.Cut(wrong, ", "); isMalformed {
						awsrules.Want(t, err, 400, code)
						continue
					}
					code, message, _ := strings.Cut(wrong, ": ")
					awsrules.Want(t, err, 400, code, message)
				}
			}},
		{"a lifecycle rule for uploads or delete markers knows no tags and no sizes", "S3 User Guide, Examples of S3 Lifecycle configurations; " +
			"terraform-aws-modules/terraform-aws-s3-bucket #109 and noobaa-core #8870 (the message)",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				tag := types.Tag{Key: aws.String("a"), Value: aws.String("b")}
				put := func(filter types.LifecycleRuleFilter, action func(*types.LifecycleRule)) error {
					rule := withFilter("", action)
					rule.Filter = &filter
					return putRule(t, c, bucket, rule)
				}
				markers := expiring(types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)})
				and := types.LifecycleRuleAndOperator{Prefix: aws.String("a/"), Tags: []types.Tag{tag}}
				for _, filter := range []types.LifecycleRuleFilter{{Tag: &tag}, {And: &and}} {
					awsrules.Equal(t, "objects have tags", put(filter, expires), nil)
					awsrules.Want(t, put(filter, aborts), 400, "InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags.")
					awsrules.Want(t, put(filter, markers), 400, "InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with Tags.")
				}
				awsrules.Want(t, put(types.LifecycleRuleFilter{ObjectSizeLessThan: aws.Int64(9)}, aborts), 400, "InvalidRequest")
				awsrules.Want(t, put(types.LifecycleRuleFilter{Prefix: aws.String(""), Tag: &tag}, expires), 400, "MalformedXML")
			}},
	}
}
