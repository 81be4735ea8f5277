package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// prove shows that a new key does what Access promises. Meanwhile it asks whether the event
// is late, and the proof stops if so. A key that is not new was proven before.
func (r *run) prove(ctx context.Context, op operation, made set, key credential) error {
	if !key.fresh {
		return nil
	}
	s := op.spec
	proof, stop := context.WithCancel(ctx)
	defer stop()
	var late, failed error
	err := together(
		func() error {
			if late = r.checkLate(ctx, op); late != nil {
				stop()
			}
			return nil
		},
		func() error { return r.ensureStillOurs(ctx, s, made.bucket) },
		func() error {
			if s.VerifyCredentials {
				failed = r.useKey(proof, s, key)
			}
			return nil
		},
	)
	if s.VerifyCredentials {
		// The user's own delete leaves a version and a marker in a versioned bucket.
		err = errors.Join(err, r.removeObjects(ctx, s, s.ProbeKey()))
	}
	if late != nil {
		return late // which also ended the proof
	}
	if failed != nil {
		failed = fmt.Errorf("user %s: its new key cannot do what Access %s promises: %w", s.UserName, s.Access, failed)
	}
	return errors.Join(err, failed)
}

// useKey does with the key what its owner will do: it puts, heads, lists and deletes one empty
// object below the prefix. With ReadOnly the role puts the object, and the key reads it.
// Refusals are repeated, since neither key nor policy is known everywhere at once.
func (r *run) useKey(ctx context.Context, s spec.Spec, key credential) error {
	config := r.config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(key.ID, string(key.secret), "")
	config.Retryer = func() aws.Retryer { return r.patience.Retryer(awscall.NewKey, awscall.NewBucket) }
	user := s3.NewFromConfig(config)

	writer := user
	if s.Access == spec.ReadOnly {
		writer = r.s3
	}
	object := aws.String(s.ProbeKey())
	_, err := writer.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
	if err != nil {
		return awscall.Brief(err)
	}
	// The proof of another delivery uses the same object and may have removed it. S3 answers
	// 404 only to a caller who may read objects and list the bucket, so 404 is a proof as well.
	_, err = user.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
	if err != nil && !awscall.IsMissing(err) {
		return awscall.Brief(err)
	}
	_, err = user.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(),
		Prefix: &s.Prefix, MaxKeys: aws.Int32(1)})
	if err != nil || s.Access == spec.ReadOnly {
		return awscall.Brief(err)
	}
	_, err = user.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
	return awscall.Brief(err)
}
