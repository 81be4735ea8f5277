package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/spec"
)

// prove shows that a new key does what Access promises, and asks meanwhile whether
// CloudFormation still waits; if not, the proof stops. A key that is not new
// was proven before.
func (p *Provisioner) prove(ctx context.Context, s spec.Spec, c change, made set, key credential) error {
	if !key.fresh {
		return nil
	}
	proof, stop := context.WithCancel(ctx)
	defer stop()
	var stale, failed error
	err := together(
		func() error {
			if stale = p.checkAwaited(ctx, s, c); stale != nil {
				stop()
			}
			return nil
		},
		func() error { return p.ensureStillOurs(ctx, s, made.bucket) },
		func() error {
			if s.VerifyCredentials {
				failed = p.useKey(proof, s, key)
			}
			return nil
		},
	)
	if s.VerifyCredentials {
		// The user's own delete leaves a version and a marker in a versioned bucket.
		err = errors.Join(err, p.removeObjects(ctx, s, s.ProbeKey()))
	}
	if stale != nil {
		return stale // which also ended the proof
	}
	if failed != nil {
		failed = fmt.Errorf("user %s: its new key cannot do what Access %s promises: %w", s.UserName, s.Access, failed)
	}
	return errors.Join(err, failed)
}

// useKey does with the key what its owner will do: put, head, list and delete one
// empty object below the prefix, or read one that the role puts there. Refusals are
// repeated, since neither key nor policy is known everywhere at once.
func (p *Provisioner) useKey(ctx context.Context, s spec.Spec, key credential) error {
	config := p.config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(key.ID, string(key.secret), "")
	config.Retryer = func() aws.Retryer { return patient(ctx, keyPropagation, isNotYet) }
	user := s3.NewFromConfig(config)

	writer := user
	if s.Access == spec.ReadOnly {
		writer = p.s3
	}
	object := aws.String(s.ProbeKey())
	_, err := writer.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), Key: object})
	if err != nil {
		return brief(err)
	}
	// The proof of another delivery uses the same object, and removes it in the end:
	// only who may read it and list the bucket is told so, everybody else is refused.
	_, err = user.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), Key: object})
	if err != nil && !isMissing(err) {
		return brief(err)
	}
	_, err = user.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(),
		Prefix: &s.Prefix, MaxKeys: aws.Int32(1)})
	if err != nil || s.Access == spec.ReadOnly {
		return brief(err)
	}
	_, err = user.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), Key: object})
	return brief(err)
}
