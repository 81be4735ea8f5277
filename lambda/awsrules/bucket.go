package awsrules

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// createBucket is a call that makes a bucket here, with tags as key, value, key, value.
func (e *env) createBucket(name string, tags ...string) *s3.CreateBucketInput {
	config := &types.CreateBucketConfiguration{}
	if e.region != "us-east-1" {
		config.LocationConstraint = types.BucketLocationConstraint(e.region)
	}
	for i := 0; i < len(tags); i += 2 {
		config.Tags = append(config.Tags, types.Tag{Key: &tags[i], Value: &tags[i+1]})
	}
	return &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: config}
}

// bucket makes a bucket that goes away with the case, if nothing is left in it but objects and uploads.
func (e *env) bucket(t T, tags ...string) string {
	t.Helper()
	name := e.name()
	Must[*s3.CreateBucketOutput](t)(e.s3.CreateBucket(t.Context(), e.createBucket(name, tags...)))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		list, err := e.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &name})
		if err != nil {
			return
		}
		for _, v := range list.Versions {
			_, _ = e.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range list.DeleteMarkers {
			_, _ = e.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: m.Key, VersionId: m.VersionId})
		}
		_, _ = e.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	})
	return name
}

// tags reads a bucket's tags.
func (e *env) tags(t T, bucket string) map[string]string {
	t.Helper()
	out := Must[*s3.GetBucketTaggingOutput](t)(e.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &bucket}))
	tags := map[string]string{}
	for _, tag := range out.TagSet {
		tags[*tag.Key] = *tag.Value
	}
	return tags
}

func bucketRules() []Rule {
	const recorded = "recorded by localstack, tests/aws/services/s3/test_s3.snapshot.json "
	return []Rule{
		{Name: "a bucket elsewhere names its region", Source: recorded + "(create_bucket_via_host_name, region constraints)",
			Region: "eu-west-1", play: func(t T, e *env) {
				_, err := e.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(e.name())})
				Want(t, err, 400, "IllegalLocationConstraintException", "The unspecified location constraint is incompatible "+
					"for the region specific endpoint this request was sent to.")
			}},
		{Name: "a bucket in us-east-1 does not name its region", Source: recorded + "(InvalidLocationConstraint)",
			Region: "us-east-1", play: func(t T, e *env) {
				_, err := e.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(e.name()),
					CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-east-1"}})
				Want(t, err, 400, "InvalidLocationConstraint")
			}},
		{Name: "CreateBucket of an own bucket is refused", Source: recorded + "(test_create_bucket_with_existing_name)",
			Region: "eu-west-1", play: func(t T, e *env) {
				name := e.bucket(t)
				_, err := e.s3.CreateBucket(t.Context(), e.createBucket(name))
				typed[*types.BucketAlreadyOwnedByYou](t, err)
				Want(t, err, 409, "BucketAlreadyOwnedByYou",
					"Your previous request to create the named bucket succeeded and you already own it.")
			}},
		{Name: "CreateBucket of an own bucket is 200 in us-east-1, unless it has tags", Region: "us-east-1",
			Source: "S3 API Reference, CreateBucket, BucketAlreadyOwnedByYou; recorded by localstack, " +
				"tests/aws/services/s3/test_s3_api.snapshot.json (test_create_bucket_with_tags_us_east_1_idempotency)",
			play: func(t T, e *env) {
				name := e.bucket(t, "k", "v")
				Must[*s3.CreateBucketOutput](t)(e.s3.CreateBucket(t.Context(), e.createBucket(name)))
				Equal(t, "tag", e.tags(t, name)["k"], "v")
				_, err := e.s3.CreateBucket(t.Context(), e.createBucket(name, "k", "v"))
				Want(t, err, 409, "BucketAlreadyOwnedByYou")
			}},
		{Name: "CreateBucket tags the bucket in the creating call",
			Source: "S3 API Reference, CreateBucketConfiguration, Tags; localstack test_create_bucket_with_tags",
			play: func(t T, e *env) {
				Equal(t, "tag", e.tags(t, e.bucket(t, "a:b", "c d"))["a:b"], "c d")
			}},
		{Name: "CreateBucket takes the ownership of objects", Source: "S3 API Reference, CreateBucket, x-amz-object-ownership",
			play: func(t T, e *env) {
				in := e.createBucket(e.name())
				in.ObjectOwnership = types.ObjectOwnershipBucketOwnerEnforced
				Must[*s3.CreateBucketOutput](t)(e.s3.CreateBucket(t.Context(), in))
				t.Cleanup(func() {
					_, _ = e.s3.DeleteBucket(context.WithoutCancel(t.Context()), &s3.DeleteBucketInput{Bucket: in.Bucket})
				})
				_, err := e.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in.Bucket})
				Equal(t, "is there", err, nil)
			}},
		{Name: "CreateBucket refuses system tags", Source: "localstack test_create_bucket_with_tags_exc",
			play: func(t T, e *env) {
				_, err := e.s3.CreateBucket(t.Context(), e.createBucket(e.name(), "aws:k", "v"))
				Want(t, err, 400, "InvalidTag", "User-defined tag keys can't start with \"aws:\". This prefix is reserved for "+
					"system tags. Remove \"aws:\" from your tag keys and try again.")
				_, err = e.s3.CreateBucket(t.Context(), e.createBucket(e.name(), "k", "v1,v2"))
				Want(t, err, 400, "InvalidTag", "The TagValue you have provided is invalid")
			}},
		{Name: "a missing bucket is NoSuchBucket, typed for some operations only",
			Source: "S3 API Reference, Error responses; aws-sdk-go-v2 s3/deserializers.go",
			play: func(t T, e *env) {
				name, typed := e.name(), new(types.NoSuchBucket)
				_, err := e.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
				Want(t, err, 404, "NoSuchBucket", "The specified bucket does not exist")
				if errors.As(err, &typed) {
					t.Errorf("GetBucketTagging: typed")
				}
				_, err = e.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
				Want(t, err, 404, "NoSuchBucket")
				if !errors.As(err, &typed) {
					t.Errorf("ListObjectsV2: not typed")
				}
				_, err = e.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &name})
				Want(t, err, 404, "NotFound")
				_, err = e.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
				Want(t, err, 404, "NoSuchBucket")
			}},
		{Name: "a bucket with an object is not deleted", Source: "localstack test_s3_api.snapshot.json (test_delete_bucket_with_objects)",
			play: func(t T, e *env) {
				name := e.bucket(t)
				e.put(t, name, "k", "")
				_, err := e.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
				Want(t, err, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
			}},
		{Name: "a delete marker keeps a bucket", Source: "localstack test_s3_api.snapshot.json (test_delete_bucket_versioned_with_objects)",
			play: func(t T, e *env) {
				name := e.bucket(t)
				e.versioning(t, name, types.BucketVersioningStatusEnabled)
				Must[*s3.DeleteObjectOutput](t)(e.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: aws.String("k")}))
				_, err := e.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
				Want(t, err, 409, "BucketNotEmpty",
					"The bucket you tried to delete is not empty. You must delete all versions in the bucket.")
			}},
		{Name: "an incomplete upload does not keep a bucket", Source: "scality/cloudserver #1591; ceph/ceph #15630, review",
			play: func(t T, e *env) {
				name := e.bucket(t)
				Must[*s3.CreateMultipartUploadOutput](t)(e.s3.CreateMultipartUpload(t.Context(),
					&s3.CreateMultipartUploadInput{Bucket: &name, Key: aws.String("k")}))
				Must[*s3.DeleteBucketOutput](t)(e.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name}))
			}},
		{Name: "ExpectedBucketOwner is honoured",
			Source: "S3 User Guide, Verifying bucket ownership; localstack test_s3.snapshot.json (expected_bucket_owner)",
			play: func(t T, e *env) {
				name := e.bucket(t, "k", "v")
				for owner, code := range map[string]string{e.ID: "", other: "AccessDenied", "someone": "InvalidBucketOwnerAWSAccountID"} {
					_, err := e.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name, ExpectedBucketOwner: &owner})
					switch code {
					case "":
						Equal(t, "owner", err, nil)
					case "AccessDenied":
						Want(t, err, 403, code, "Access Denied")
					default:
						Want(t, err, 400, code)
					}
				}
				_, err := e.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name, ExpectedBucketOwner: aws.String(other)})
				Want(t, err, 403, "AccessDenied")
				_, err = e.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &name, ExpectedBucketOwner: aws.String(other)})
				Want(t, err, 403, "Forbidden")
			}},
		{Name: "ListBuckets has pages and prefixes", Source: "S3 API Reference, ListBuckets",
			play: func(t T, e *env) {
				e.bucket(t)
				e.bucket(t)
				in := &s3.ListBucketsInput{Prefix: &e.run, MaxBuckets: aws.Int32(1)}
				first := Must[*s3.ListBucketsOutput](t)(e.s3.ListBuckets(t.Context(), in))
				in.ContinuationToken = first.ContinuationToken
				second := Must[*s3.ListBucketsOutput](t)(e.s3.ListBuckets(t.Context(), in))
				if len(first.Buckets) != 1 || len(second.Buckets) != 1 || second.ContinuationToken != nil {
					t.Errorf("got %v and %v", first.Buckets, second.Buckets)
				}
			}},
	}
}
