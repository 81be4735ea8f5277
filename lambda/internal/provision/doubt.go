package provision

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A look may show what was so a moment ago (L4), and nothing of what was made a moment ago
// (L1). Where that matters it is doubted: AWS is asked again, or the creating call decides,
// which no lag deceives.

// doubts reports whether a bucket that was found does not fit the rest of the set: ours in a
// Create that found no secret of ours, as it may have been released since; or without tags
// where the rest is ours, or where the bucket is new, as S3 may not show its tags yet.
func (r *run) doubts(ctx context.Context, op operation, found set) (bool, error) {
	b := found.bucket
	switch {
	case op.isNew() && b.IsOurs() && !found.secret.isOurs() && !b.IsOfEvent():
		return true, nil
	case !op.isNew() && b.IsReleased():
		return true, nil
	case !b.isUntagged() || found.isOurs():
		return b.isUntagged(), nil
	}
	listed, isListed, err := r.listedBucket(ctx, op.spec, r.looking(op.spec, "BucketName"))
	return !isListed || time.Since(aws.ToTime(listed.CreationDate)) < awscall.Propagation, err
}

// isUntagged reports whether the bucket shows no tags.
func (b bucket) isUntagged() bool { return b.State == claim.Foreign && !b.IsTaken() }

// awaitBucket looks at the bucket while what it sees may be a lag. Where it is one to the end, it
// returns what was seen last.
func (r *run) awaitBucket(ctx context.Context, s spec.Spec, until string, mayBeLag func(bucket) bool) (bucket, error) {
	return awscall.Repeat(ctx, r.patience, until, func() (bucket, bool, error) {
		found, err := r.lookBucket(ctx, s)
		return found, err == nil && mayBeLag(found), err
	})
}

// contest has AWS decide about names of a new set that show as somebody else's, before
// anything else is made: what has that name may have been deleted a moment ago. The same goes
// for a bucket of which S3 says nothing. A replacement makes its secret before that, since no
// event looks for long for a set without one that CloudFormation has never heard of.
func (r *run) contest(ctx context.Context, op operation, found *set) error {
	if !op.isNew() {
		return nil
	}
	origin := found.bucket.Origin() // as long as nothing beside changes it
	return together(
		func() (err error) {
			if found.secret.IsTaken() && !found.secret.deleting {
				found.secret, err = r.createSecret(ctx, op.spec, origin)
			}
			return unlessTaken(found.secret.Claim, err)
		},
		func() (err error) {
			if found.user.IsTaken() {
				found.user, err = r.createUser(ctx, op.spec)
			}
			return unlessTaken(found.user.Claim, err)
		},
		func() (err error) {
			// In us-east-1 CreateBucket also says yes to a bucket that is somebody else's.
			isTaken := found.bucket.IsTaken() && op.spec.Region != usEast1
			isHidden := found.bucket.State == claim.Hidden && op.kind == kindCreate
			if isTaken || isHidden {
				found.bucket, err = r.createBucket(ctx, op.spec, found.bucket)
			}
			return unlessTaken(found.bucket.Claim, err)
		},
	)
}

// unlessTaken drops the error of a creating call that has found the name taken: admit says it,
// with those of the other names.
func unlessTaken(c claim.Claim, err error) error {
	switch c.State {
	case claim.Foreign, claim.Elsewhere, claim.Released, claim.Leaving, claim.Adopted:
		return nil
	case claim.Absent, claim.Hidden, claim.Ours:
	}
	return err
}

// noteFailure notes for undoing whether a creating call was refused, so that there is no such
// part, or has had no answer, so that there may be one. What was made before stays noted.
func noteFailure(err error, refused, made *bool) {
	*refused = awscall.IsRefused(err) && !*made
	*made = *made || !awscall.IsRefused(err)
}
