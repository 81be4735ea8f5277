package awsfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lockRules are about objects that do not go (L10): under retention, legal hold, and MFA delete.
func lockRules() []fakeRule {
	bucket := aws.String("my-bucket")
	put := func(t *testing.T, c clients, key string) *string {
		t.Helper()
		return awsrules.Must[*s3.PutObjectOutput](t)(c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key})).VersionId
	}
	remove := func(t *testing.T, c clients, key string, version *string) (*s3.DeleteObjectOutput, error) {
		return c.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: &key, VersionId: version})
	}
	removeAll := func(t *testing.T, c clients, items ...types.ObjectIdentifier) (*s3.DeleteObjectsOutput, error) {
		return c.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: items}})
	}
	version := func(t *testing.T, c clients, status types.BucketVersioningStatus) error {
		_, err := c.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
		return err
	}
	const locked = "Access Denied because object protected by object lock."
	const mfa = "Mfa Authentication must be used for this request"
	return []fakeRule{
		{"L10: a version under default retention stays until its date", "S3 User Guide, Locking objects with Object Lock; localstack " +
			"test_s3.snapshot.json (test_delete_locked_object)",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(*bucket, nil)
				fake.SetVersioning(*bucket, "Enabled")
				before := put(t, c, "k")
				fake.SetDefaultRetention(*bucket, 7)
				v := put(t, c, "k")
				_, err := remove(t, c, "k", before)
				awsrules.Equal(t, "a version from before", err, nil)
				_, err = remove(t, c, "k", v)
				awsrules.Want(t, err, 403, "AccessDenied", locked)
				out := awsrules.Must[*s3.DeleteObjectsOutput](t)(removeAll(t, c, types.ObjectIdentifier{Key: aws.String("k"), VersionId: v},
					types.ObjectIdentifier{Key: aws.String("other")}))
				awsrules.Equal(t, "errors", len(out.Errors), 1)
				awsrules.Equal(t, "in the errors", *out.Errors[0].Key+" "+*out.Errors[0].VersionId+" "+*out.Errors[0].Code, "k "+*v+" AccessDenied")
				awsrules.Equal(t, "deleted", *out.Deleted[0].Key, "other")
				marker := awsrules.Must[*s3.DeleteObjectOutput](t)(remove(t, c, "k", nil))
				awsrules.Equal(t, "a marker", *marker.DeleteMarker, true)
				_, err = remove(t, c, "k", marker.VersionId)
				awsrules.Equal(t, "a marker is not protected", err, nil)
				pass(7*24*time.Hour - time.Second)
				_, err = remove(t, c, "k", v)
				awsrules.Want(t, err, 403, "AccessDenied", locked)
				pass(time.Second)
				_, err = remove(t, c, "k", v)
				awsrules.Equal(t, "at its date", err, nil)
			}},
		{"L10: Object Lock keeps versioning on", "S3 User Guide, Locking objects with Object Lock; terraform-provider-aws " +
			"internal/service/s3/bucket_versioning.go",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(*bucket, nil)
				for _, days := range []int{7, 0} {
					fake.SetDefaultRetention(*bucket, days)
					awsrules.Equal(t, "versioning", fake.Snapshot().Buckets[*bucket].Versioning, "Enabled")
					awsrules.Want(t, version(t, c, "Suspended"), 409, "InvalidBucketState", "An Object Lock configuration is present on this bucket, "+
						"so the versioning state cannot be changed.")
					awsrules.Equal(t, "enabled as it is", version(t, c, "Enabled"), nil)
				}
				_, err := remove(t, c, "k", put(t, c, "k"))
				awsrules.Equal(t, "without a default", err, nil)
			}},
		{"L10: a version under legal hold stays until that ends", "S3 User Guide, Object Lock considerations, Legal holds",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(*bucket, nil)
				fake.SetVersioning(*bucket, "Enabled")
				v := put(t, c, "k")
				fake.SetLegalHold(*bucket, "k", *v, true)
				pass(365 * 24 * time.Hour)
				_, err := remove(t, c, "k", v)
				awsrules.Want(t, err, 403, "AccessDenied", locked)
				fake.SetLegalHold(*bucket, "k", *v, false)
				_, err = remove(t, c, "k", v)
				awsrules.Equal(t, "ended", err, nil)
			}},
		{"L10: MFA delete asks for a device to delete a version, and to change versioning", "S3 User Guide, Configuring MFA delete; Deleting an " +
			"object from an MFA delete-enabled bucket; S3 API Reference, DeleteObjects; cloudposse/terraform-aws-codebuild #76",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(*bucket, nil)
				awsrules.Equal(t, "set", fake.SetMFADelete(*bucket, true), nil)
				v := put(t, c, "k")
				_, err := remove(t, c, "k", v)
				awsrules.Want(t, err, 403, "AccessDenied", mfa)
				marker := awsrules.Must[*s3.DeleteObjectOutput](t)(remove(t, c, "k", nil))
				awsrules.Equal(t, "a marker", *marker.DeleteMarker, true)
				_, err = remove(t, c, "k", marker.VersionId)
				awsrules.Want(t, err, 403, "AccessDenied", mfa)
				_, err = removeAll(t, c, types.ObjectIdentifier{Key: aws.String("k"), VersionId: v}, types.ObjectIdentifier{Key: aws.String("other")})
				awsrules.Want(t, err, 403, "AccessDenied", mfa)
				awsrules.Must[*s3.DeleteObjectsOutput](t)(removeAll(t, c, types.ObjectIdentifier{Key: aws.String("other")}))
				for _, status := range []types.BucketVersioningStatus{"Enabled", "Suspended"} {
					awsrules.Want(t, version(t, c, status), 403, "AccessDenied", mfa)
				}
				get := func() string {
					out := awsrules.Must[*s3.GetBucketVersioningOutput](t)(c.s3.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: bucket}))
					return string(out.Status) + " " + string(out.MFADelete)
				}
				awsrules.Equal(t, "on", get(), "Enabled Enabled")
				awsrules.Equal(t, "set", fake.SetMFADelete(*bucket, false), nil)
				awsrules.Equal(t, "off", get(), "Enabled Disabled")
				_, err = remove(t, c, "k", v)
				awsrules.Equal(t, "deleted", err, nil)
			}},
		{"L10: MFA delete and lifecycle rules exclude each other", "S3 User Guide, S3 Lifecycle configuration on MFA-enabled buckets; " +
			"cloudposse/terraform-aws-codebuild #76",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(*bucket, nil)
				set := func() error {
					_, err := c.s3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: bucket,
						LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{Status: "Enabled",
							Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
							AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}}}}})
					return err
				}
				awsrules.Equal(t, "MFA delete", fake.SetMFADelete(*bucket, true), nil)
				awsrules.Want(t, set(), 409, "InvalidBucketState")
				awsrules.Equal(t, "without it", fake.SetMFADelete(*bucket, false), nil)
				awsrules.Equal(t, "rules", set(), nil)
				awsrules.Equal(t, "MFA delete beside rules", fake.SetMFADelete(*bucket, true) != nil, true)
				awsrules.Equal(t, "no such bucket", fake.SetMFADelete("another", true) != nil, true)
			}},
	}
}
