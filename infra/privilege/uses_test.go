//go:build e2e

package privilege

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// A use is one thing that a user may want to do, with a real call.
type use struct {
	action string
	object bool // on an object, or else on the bucket
	call   func(context.Context, *s3.Client, *seed) error
}

// A seed is what a use finds: an object with a version and an unfinished upload.
type seed struct {
	bucket, key, version, upload string
	versioned                    bool
	policy                       string
}

var uses = []use{
	{"s3:ListBucket", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket})
		return err
	}},
	{"s3:ListBucketVersions", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &s.bucket})
		return err
	}},
	{"s3:ListBucketMultipartUploads", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &s.bucket})
		return err
	}},
	{"s3:GetBucketLocation", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &s.bucket})
		return err
	}},
	{"s3:GetBucketVersioning", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.bucket})
		return err
	}},
	{"s3:GetBucketPolicy", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.bucket})
		return err
	}},
	{"s3:PutBucketPolicy", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &s.bucket, Policy: &s.policy}) // as it is
		return err
	}},
	{"s3:PutBucketTagging", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &s.bucket, Tagging: &s3types.Tagging{
			TagSet: []s3types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}})
		return err
	}},
	{"s3:PutBucketAbac", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.PutBucketAbac(ctx, &s3.PutBucketAbacInput{Bucket: &s.bucket,
			AbacStatus: &s3types.AbacStatus{Status: s3types.BucketAbacStatusEnabled}})
		return err
	}},
	{"s3:PutBucketPublicAccessBlock", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: &s.bucket})
		return err
	}},
	{"s3:DeleteBucket", false, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &s.bucket}) // never empty
		return err
	}},
	{"s3:GetObject", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &s.key})
		return err
	}},
	{"s3:GetObjectVersion", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &s.key, VersionId: &s.version})
		return err
	}},
	{"s3:PutObject", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.bucket, Key: &s.key, Body: strings.NewReader("mine")})
		return err
	}},
	{"s3:ListMultipartUploadParts", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.ListParts(ctx, &s3.ListPartsInput{Bucket: &s.bucket, Key: &s.key, UploadId: &s.upload})
		return err
	}},
	{"s3:AbortMultipartUpload", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.bucket, Key: &s.key, UploadId: &s.upload})
		return err
	}},
	{"s3:PutObjectTagging", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &s.bucket, Key: &s.key, Tagging: &s3types.Tagging{
			TagSet: []s3types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}})
		return err
	}},
	{"s3:PutObjectAcl", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: &s.bucket, Key: &s.key, ACL: s3types.ObjectCannedACLPrivate})
		return err
	}},
	{"s3:DeleteObject", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &s.key})
		return err
	}},
	{"s3:DeleteObjectVersion", true, func(ctx context.Context, c *s3.Client, s *seed) error {
		_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.bucket, Key: &s.key, VersionId: &s.version})
		return err
	}},
}
