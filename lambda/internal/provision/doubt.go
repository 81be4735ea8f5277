package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
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
	case op.isNew() && b.IsOurs() && !found.secret.IsOursOrLeaving() && !b.IsOfEvent():
		return true, nil
	case !op.isNew() && b.IsReleased():
		return true, nil
	case !b.IsUntagged() || found.isOurs():
		return b.IsUntagged(), nil
	}
	listed, isListed, err := r.bucketOf(op.spec).Listed(ctx)
	return !isListed || time.Since(aws.ToTime(listed.CreationDate)) < awscall.Propagation, err
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
			if found.secret.IsTaken() && !found.secret.Deleting {
				found.secret, err = r.secretOf(op.spec).Create(ctx, origin)
			}
			return unlessTaken(found.secret.Claim, err)
		},
		func() (err error) {
			if found.user.IsTaken() {
				found.user, err = r.keysOf(op.spec).Create(ctx)
			}
			return unlessTaken(found.user.Claim, err)
		},
		func() (err error) {
			// In us-east-1 CreateBucket also says yes to a bucket that is somebody else's.
			isTaken := found.bucket.IsTaken() && op.spec.Region != bucket.USEast1
			isHidden := found.bucket.State == claim.Hidden && op.kind == kindCreate
			if isTaken || isHidden {
				found.bucket, err = r.bucketOf(op.spec).Create(ctx, found.bucket)
			}
			return unlessTaken(found.bucket.Claim, err)
		},
	)
}

// awaitOffered looks again for a bucket that is to be taken over and does not show, where the event is refused
// without it: others may have made it a moment ago (L1).
func (r *run) awaitOffered(ctx context.Context, op operation, found *set) (err error) {
	s := op.spec
	isNeeded := s.IsAccountRegional() || s.ExpireNoncurrentAfterDays > 0 && !s.IsVersioned()
	if s.OnDelete != spec.Retain || !isNeeded || !isMissing(found.bucket) {
		return nil
	}
	found.bucket, err = r.bucketOf(s).Await(ctx, "S3 knows the bucket that is taken over",
		func(b bucket.Bucket) bool { return isMissing(b) || b.IsUntagged() })
	return err
}

func isMissing(b bucket.Bucket) bool { return b.State == claim.Absent || b.State == claim.Hidden }

// checkNamespace refuses a bucket that is not there and that CreateBucket does not make: one of an account
// regional namespace can only be taken over.
func checkNamespace(op operation, found set) (err error) {
	if op.spec.IsAccountRegional() && isMissing(found.bucket) {
		err = fmt.Errorf("bucket %s: is not there, and has a name that S3 reserves for buckets of an account regional namespace; "+
			"make it in that of this account and tag it %s=%s, or choose another BucketName", op.spec.BucketName, spec.TagOwner, spec.Released)
	}
	return err
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
