package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/sourcegraph/conc/iter"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// prove shows that a new key does what Access promises. Meanwhile it asks whether the event
// is late, and the proof stops if so. A key that is not new was proven before.
//
// What a proof has left is removed before the commit, or, in a Create, beside that: see conclude.
func (r *run) prove(ctx, until context.Context, op operation, made set, key *credential) error {
	if !key.fresh {
		return nil
	}
	s := op.spec
	isTried := s.VerifyCredentials && !made.lost.bucket // in a lost bucket nothing is written
	proof, stop := context.WithCancel(until)
	defer stop()
	left := &probe{}
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
			switch {
			case isTried:
				failed = r.useKey(ctx, proof, op, *key, left)
			case key.isRotation(): // which displaces one that works
				failed = r.askForPair(proof, op, *key)
			}
			return nil
		},
	)
	switch isProven := cmp.Or(err, failed, late) == nil; {
	case isTried && isProven && op.kind == kindCreate:
		key.probe = left
	case isTried:
		err = errors.Join(err, r.bucketOf(s).RemoveObjects(ctx, s.ProbeKey()))
	}
	if late != nil {
		return late // which also ended the proof
	}
	return errors.Join(err, failed)
}

// askForPair shows no more of a new key than that S3 knows it.
func (r *run) askForPair(ctx context.Context, op operation, key credential) error {
	r.log.Info("does not prove the new key, but asks whether S3 knows it", "user", op.spec.UserName, "accessKeyId", key.ID)
	isKnown, err := r.isKnownPair(ctx, op.spec, key.ID, key.secret, key.created, r.tryPair(ctx, op.spec, key.ID, key.secret))
	if err == nil && !isKnown {
		err = fmt.Errorf("user %s: S3 does not know its new key", op.spec.UserName)
	}
	return err
}

// proveNow shows that a key works which is in use, before another one is deleted beside it.
func (r *run) proveNow(ctx context.Context, op operation, made set, key credential) error {
	s := op.spec
	if !s.VerifyCredentials || made.lost.bucket {
		return r.askForPair(ctx, op, key)
	}
	return errors.Join(r.useKey(ctx, ctx, op, key, &probe{}), r.bucketOf(s).RemoveObjects(ctx, s.ProbeKey()))
}

// tryPair makes one call with a key.
func (r *run) tryPair(ctx context.Context, s spec.Spec, id string, text secret.Text) error {
	asked, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	_, err := r.s3As(id, text, aws.NopRetryer{}).ListObjectsV2(asked, &s3.ListObjectsV2Input{
		Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Prefix: &s.Prefix, MaxKeys: aws.Int32(1)})
	return err
}

// isKnownPair reports whether S3 knows the key that the secret holds, as far as the answer of tryPair tells.
// Only an answer that denies the pair itself speaks against it, and only of a key that is known
// everywhere by now: so the key is tried once more. A refusal proves the pair right: S3 checks it before all rights. Every other
// answer says nothing.
func (r *run) isKnownPair(ctx context.Context, s spec.Spec, id string, text secret.Text, created time.Time, tried error) (bool, error) {
	denial, err := awscall.Repeat(ctx, r.patience, "S3 knows the key", func() (denial error, isLag bool, err error) {
		if err = tried; awscall.IsUnknownPair(tried) { // maybe from before the look at the key
			err = r.tryPair(ctx, s, id, text)
		}
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
func (r *run) s3As(id string, text secret.Text, retryer aws.Retryer) *s3.Client {
	config := r.config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(id, string(text), "")
	config.Retryer = func() aws.Retryer { return retryer }
	return s3.NewFromConfig(config)
}

// useKey does with the key what its owner will do: it puts, gets, lists and deletes one empty
// object below the prefix, in turn. A Create does all of it beside each other, and tries again in turn what is refused. A HEAD
// needs the same right as a GET, and does not say why it is refused. With ReadOnly the role puts the object before, and the key reads it.
func (r *run) useKey(ctx, proof context.Context, op operation, key credential, left *probe) error {
	s := op.spec
	uses := r.usesOf(s, r.s3As(key.ID, key.secret, r.patience.Retryer(awscall.NewBucket)), left)
	if s.Access == spec.ReadOnly {
		if err := r.putProbe(proof, r.s3, s, left); err != nil {
			return fmt.Errorf("probe %s of bucket %s: %w", s.ProbeKey(), s.BucketName, bucket.ExplainKms(err))
		}
		uses = uses[1:3]
	}
	for len(uses) > 0 {
		if op.kind == kindCreate {
			if uses = refusedOf(proof, uses); len(uses) == 0 {
				return nil
			}
		}
		// What the first of them waits for the others wait for, too.
		if err := r.try(ctx, proof, op, uses[0]); err != nil {
			return fmt.Errorf("user %s: its new key cannot do what Access %s promises: %w", s.UserName, s.Access, err)
		}
		uses = uses[1:]
	}
	return nil
}

// putProbe writes the object of a proof.
func (r *run) putProbe(ctx context.Context, by *s3.Client, s spec.Spec, left *probe) error {
	out, err := by.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: aws.String(s.ProbeKey())})
	if err != nil {
		return left.mayBe(err)
	}
	left.is(out.VersionId, out.ResultMetadata)
	return nil
}

// usesOf are the calls of a proof.
func (r *run) usesOf(s spec.Spec, user *s3.Client, left *probe) []use {
	object := aws.String(s.ProbeKey())
	return []use{
		{"s3:PutObject", s.ProbeKey(), func(ctx context.Context) error { return r.putProbe(ctx, user, s, left) }},
		// The object may not be there yet, or no more. S3 answers 404 only to a caller who may
		// read objects and list the bucket, so 404 is a proof as well.
		{"s3:GetObject", s.ProbeKey(), func(ctx context.Context) error {
			out, err := user.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
			if awscall.IsMissing(err) {
				return nil
			}
			if err != nil {
				return err
			}
			return out.Body.Close()
		}},
		{"s3:ListBucket", "", func(ctx context.Context) error {
			_, err := user.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(),
				Prefix: &s.Prefix, MaxKeys: aws.Int32(1)})
			return err
		}},
		{"s3:DeleteObject", s.ProbeKey(), func(ctx context.Context) error {
			out, err := user.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Key: object})
			if err != nil {
				return left.mayBe(err)
			}
			left.is(out.VersionId, out.ResultMetadata) // the user's own delete leaves a marker in a versioned bucket
			return nil
		}},
	}
}

// refusedOf makes calls beside each other and returns those that fail, in their order.
func refusedOf(ctx context.Context, uses []use) (refused []use) {
	beside := iter.Mapper[use, error]{MaxGoroutines: len(uses)}
	for i, err := range beside.Map(uses, func(one *use) error { return one.call(ctx) }) {
		if err != nil {
			refused = append(refused, uses[i])
		}
	}
	return refused
}

// A use is one call of the proof, with the action that it needs, on a key or on the bucket itself.
type use struct {
	action, key string
	call        func(context.Context) error
}

// finalAfter is how long a refusal of the new key may come from what was before: a statement of others, or an
// encryption, that its owner has just taken away (L4).
const finalAfter = 20 * time.Second

// try makes one call of the proof. Refusals are repeated, since neither key nor policy is known everywhere at
// once. One that comes from a statement which the policy still has is final, unless this event has changed the
// policy: then it may come from the one before, for as long as that may last.
//
// A denial is by others, whatever its text says: the user has no policy of its own that a right could be missing in.
func (r *run) try(ctx, proof context.Context, op operation, one use) error {
	s, start := op.spec, time.Now()
	_, err := awscall.RepeatFor(proof, r.patience, awscall.NewKey, func() (struct{}, bool, error) {
		err := one.call(proof)
		isFinal := awscall.NewKey.Is(err) && time.Since(start) > finalAfter && r.isFinal(ctx, op, err)
		if isFinal {
			r.patience.GiveUp(awscall.NewKey)
		}
		return struct{}{}, awscall.NewKey.Is(err) && !isFinal, err
	})
	isKms := awscall.IsOfKms(err)
	if !awscall.IsDenied(err) && !isKms {
		return awscall.Brief(err)
	}
	is, isSaid := awscall.DenialOf(err)
	if !isSaid {
		is = awscall.Denial{Principal: s.UserARN(), Action: one.action, Resource: s.BucketARN()}
		if one.key != "" {
			is.Resource += "/" + one.key
		}
	}
	if isKms {
		is.Action = "kms:GenerateDataKey"
	}
	refusal := awscall.Brief(err)
	if why := r.whyRefused(ctx, s, is); why != "" {
		refusal = awscall.Again(fmt.Errorf("%w; %s", refusal, why))
	}
	return awscall.ByOthers(refusal)
}

// isFinal reports whether a refusal of the new key is no lag.
func (r *run) isFinal(ctx context.Context, op operation, err error) bool {
	is, isSaid := awscall.DenialOf(err)
	switch {
	case !isSaid || op.changes(func(s spec.Spec) any { return s.PolicyJSON() }):
		return false
	case awscall.IsOfKms(err): // nobody gives the user such a right
		return true
	case is.Policy != awscall.ResourcePolicy || !is.IsExplicit:
		return false
	}
	found, err := r.bucketOf(op.spec).Denying(ctx, is)
	isOwn := func(d bucket.Denying) bool { return strings.Contains(d.Name, spec.SidDenyWrites) } // taken off by this event, and may still show (L4)
	return err == nil && len(slices.DeleteFunc(found, isOwn)) > 0
}
