package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	isTried := s.VerifyCredentials && !made.lost.bucket // in a lost bucket nothing is written
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
		func() error { return r.bucketOf(s).CheckStillOurs(ctx, made.bucket) },
		func() error {
			if isTried {
				failed = r.useKey(proof, s, key)
			}
			return nil
		},
	)
	if isTried {
		// The user's own delete leaves a version and a marker in a versioned bucket.
		err = errors.Join(err, r.bucketOf(s).RemoveObjects(ctx, s.ProbeKey()))
	}
	if late != nil {
		return late // which also ended the proof
	}
	if failed != nil {
		failed = fmt.Errorf("user %s: its new key cannot do what Access %s promises: %w", s.UserName, s.Access, failed)
	}
	return errors.Join(err, failed)
}

// isKnownPair tries the key that the secret holds with one call, and reports whether S3 knows it.
// Only an answer that denies the pair itself speaks against it, and only of a key that is known
// everywhere by now. A refusal proves the pair right: S3 checks it before all rights. Every other
// answer says nothing.
func (r *run) isKnownPair(ctx context.Context, s spec.Spec, id string, secret secretKey, created time.Time) (bool, error) {
	user := r.s3As(id, secret, aws.NopRetryer{})
	denial, err := awscall.Repeat(ctx, r.patience, "S3 knows the key", func() (denial error, isLag bool, err error) {
		asked, cancel := context.WithTimeout(ctx, questionTimeout)
		defer cancel()
		_, err = user.ListObjectsV2(asked, &s3.ListObjectsV2Input{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(),
			Prefix: &s.Prefix, MaxKeys: aws.Int32(1)})
		switch {
		case awscall.IsUnknownPair(err): // of a key that was made, or made active again, a moment ago
			isYoung := time.Since(created) < awscall.Propagation
			return awscall.Brief(err), isYoung || awscall.IsNotYet(err), nil
		case err != nil && !awscall.IsDenied(err):
			r.log.Warn("could not try the key in the secret", "user", s.UserName, "accessKeyId", id, "reason", awscall.Brief(err).Error())
		}
		return nil, false, nil
	})
	if denial != nil {
		r.log.Warn("found that the key in the secret does not work", "user", s.UserName, "accessKeyId", id, "reason", denial.Error())
	}
	return denial == nil, err
}

// s3As returns a client that acts with an access key of the user.
func (r *run) s3As(id string, secret secretKey, retryer aws.Retryer) *s3.Client {
	config := r.config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(id, string(secret), "")
	config.Retryer = func() aws.Retryer { return retryer }
	return s3.NewFromConfig(config)
}

// useKey does with the key what its owner will do: it puts, heads, lists and deletes one empty
// object below the prefix. With ReadOnly the role puts the object, and the key reads it.
// Refusals are repeated, since neither key nor policy is known everywhere at once.
func (r *run) useKey(ctx context.Context, s spec.Spec, key credential) error {
	user := r.s3As(key.ID, key.secret, r.patience.Retryer(awscall.NewKey, awscall.NewBucket))
	writer := user
	if s.Access == spec.ReadOnly {
		writer = r.s3
	}
	object := aws.String(s.ProbeKey())
	_, err := writer.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
	switch {
	case err != nil && s.Access == spec.ReadOnly:
		return awscall.Brief(err)
	case err != nil:
		return refusedToUser(err)
	}
	// The proof of another delivery uses the same object and may have removed it. S3 answers
	// 404 only to a caller who may read objects and list the bucket, so 404 is a proof as well.
	_, err = user.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
	if err != nil && !awscall.IsMissing(err) {
		return refusedToUser(err)
	}
	_, err = user.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(),
		Prefix: &s.Prefix, MaxKeys: aws.Int32(1)})
	if err != nil || s.Access == spec.ReadOnly {
		return refusedToUser(err)
	}
	_, err = user.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
	return refusedToUser(err)
}

// refusedToUser is an error of a call that was made as the user. A denial is by others, whatever its text
// says: the user has no policy of its own that a right could be missing in.
func refusedToUser(err error) error {
	if awscall.IsDenied(err) {
		return awscall.ByOthers(awscall.Brief(err))
	}
	return awscall.Brief(err)
}
