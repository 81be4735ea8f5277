package awsfake

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func (a *AWS) serveS3(c Call, who caller) (any, error) {
	switch in := c.Input.(type) {
	case *s3.CreateBucketInput:
		return a.createBucket(who, in)
	case *s3.DeleteBucketInput:
		return a.deleteBucket(who, in)
	case *s3.HeadBucketInput:
		return a.headBucket(who, in)
	case *s3.ListBucketsInput:
		return a.listBuckets(who, in)
	case *s3.GetBucketTaggingInput:
		return a.getBucketTagging(who, in)
	case *s3.PutBucketTaggingInput:
		return a.putBucketTagging(who, in)
	case *s3.DeleteBucketTaggingInput:
		return a.deleteBucketTagging(who, in)
	case *s3.GetPublicAccessBlockInput:
		return a.getPublicAccessBlock(who, in)
	case *s3.PutPublicAccessBlockInput:
		return a.putPublicAccessBlock(who, in)
	case *s3.GetBucketPolicyInput:
		return a.getBucketPolicy(who, in)
	case *s3.PutBucketPolicyInput:
		return a.putBucketPolicy(who, in)
	case *s3.DeleteBucketPolicyInput:
		return a.deleteBucketPolicy(who, in)
	case *s3.GetBucketVersioningInput:
		return a.getBucketVersioning(who, in)
	case *s3.PutBucketVersioningInput:
		return a.putBucketVersioning(who, in)
	case *s3.GetBucketLifecycleConfigurationInput:
		return a.getBucketLifecycle(who, in)
	case *s3.PutBucketLifecycleConfigurationInput:
		return a.putBucketLifecycle(who, in)
	case *s3.DeleteBucketLifecycleInput:
		return a.deleteBucketLifecycle(who, in)
	}
	return a.serveObjects(c, who)
}

func (a *AWS) serveObjects(c Call, who caller) (any, error) {
	switch in := c.Input.(type) {
	case *s3.PutObjectInput:
		return a.putObject(who, in)
	case *s3.HeadObjectInput:
		return a.headObject(who, in)
	case *s3.GetObjectInput:
		return a.getObject(who, in)
	case *s3.DeleteObjectInput:
		return a.deleteObject(who, in)
	case *s3.DeleteObjectsInput:
		return a.deleteObjects(who, in)
	case *s3.ListObjectsV2Input:
		return a.listObjects(who, in)
	case *s3.ListObjectVersionsInput:
		return a.listObjectVersions(who, in)
	case *s3.CreateMultipartUploadInput:
		return a.createMultipartUpload(who, in)
	case *s3.ListMultipartUploadsInput:
		return a.listMultipartUploads(who, in)
	case *s3.AbortMultipartUploadInput:
		return a.abortMultipartUpload(who, in)
	}
	return nil, &notSimulated{c.Name()}
}

// request is what a caller asks of a bucket, in the terms of a policy.
type request struct {
	bucket *string
	owner  *string           // ExpectedBucketOwner
	action string            // with its prefix: s3:GetObject
	key    *string           // nil for actions on the bucket itself
	values map[string]string // condition keys of the request, such as s3:prefix
}

// bucket finds the bucket of a request and authorizes it, in S3's order: does it exist, is it the expected owner's,
// may the caller.
func (a *AWS) bucket(who caller, r request) (*bucket, error) {
	name, owner := aws.ToString(r.bucket), aws.ToString(r.owner)
	if r.owner != nil && (len(owner) != 12 || strings.Trim(owner, "0123456789") != "") {
		return nil, fail(400, "InvalidBucketOwnerAWSAccountID",
			"The value of the expected bucket owner parameter must be an AWS Account ID... [%s]", owner)
	}
	b := a.buckets[name]
	if b == nil {
		return nil, fail(404, "NoSuchBucket", "The specified bucket does not exist")
	}
	if b.owner != a.account || owner != "" && owner != b.owner {
		return nil, fail(403, "AccessDenied", "Access Denied")
	}
	if r.action == "" {
		return b, nil // the operation asks for each key
	}
	resource := a.arn("s3", name)
	if r.key != nil {
		resource += "/" + *r.key
	}
	allowed, err := a.authorize(who, b, r.action, resource, r.values)
	switch {
	case err != nil:
		return nil, err
	case !allowed:
		return nil, fail(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %q because no "+
			"identity-based policy allows the %s action", who.arn, r.action, resource, r.action)
	}
	return b, nil
}

// may tells whether a caller has one more right on a bucket that another request has found already.
func (a *AWS) may(who caller, b *bucket, action, key string) bool {
	resource := a.arn("s3", b.name)
	if key != "" {
		resource += "/" + key
	}
	allowed, err := a.authorize(who, b, action, resource, nil)
	return allowed && err == nil
}
