package provision

import (
	"context"
	"errors"
	"fmt"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A disposal is what a removal does with a bucket that holds more than our own objects.
type disposal int

// The disposals.
const (
	refuseData  disposal = iota // it stays, and the removal fails
	purgeData                   // everything in the bucket is deleted
	releaseData                 // the bucket is kept and released
)

// disposalOf is what the property OnDelete asks for.
func disposalOf(onDelete string) disposal {
	switch onDelete {
	case spec.Purge:
		return purgeData
	case spec.Retain:
		return releaseData
	default:
		return refuseData
	}
}

// remove carries out a Delete. What is not ours stays, and is not an error: a set that was
// never made, or that is gone already, counts as removed. A late Delete removes nothing: the
// same names may be in use again.
func (r *run) remove(ctx context.Context, s spec.Spec) error {
	var found set
	err := together(
		func() error { return r.checkLateDelete(ctx, s) },
		func() (err error) { found, err = r.lookForRemoval(ctx, s); return err },
	)
	if err != nil {
		return err
	}
	// Nothing is changed before it is clear that the bucket may go too.
	data := disposalOf(s.OnDelete)
	if found.bucket.State == claim.Ours && data == refuseData {
		if err := r.checkEmpty(ctx, s); err != nil {
			return err
		}
	}
	r.reportForeign(s, found)
	return r.removeSet(ctx, s, found, data)
}

// reportForeign logs what a Delete leaves, since the tags say that it is not ours.
func (r *run) reportForeign(s spec.Spec, found set) {
	if found.secret.Exists() && !found.secret.isOurs() {
		r.log.Info("left what is not ours", "secret", s.SecretName)
	}
	if found.user.Exists() && !found.user.IsOurs() {
		r.log.Info("left what is not ours", "user", s.UserName)
	}
	if found.bucket.Exists() && !found.bucket.IsOurs() {
		r.log.Info("left what is not ours", "bucket", s.BucketName)
	}
}

// removeLeftover removes what a failed replacement left. A bucket that holds data is
// released: nobody asked for data to be deleted.
func (r *run) removeLeftover(ctx context.Context, s spec.Spec) error {
	found, err := r.lookForRemoval(ctx, s)
	if err != nil {
		return err
	}
	return r.removeSet(ctx, s, found, releaseData)
}

// removeSet removes the three, as far as they are ours, in the order that is safe.
func (r *run) removeSet(ctx context.Context, s spec.Spec, found set, data disposal) error {
	if err := r.revoke(ctx, s, found); err != nil {
		return err
	}
	if found.isOurs() && !found.bucket.Exists() { // or an event beside this one has made it since
		var err error
		if found.bucket, err = r.lookBucket(ctx, s, hasty); err != nil {
			return err
		}
	}
	return r.removeBucket(ctx, s, found.bucket, data)
}

// lookForRemoval reads secret, user and bucket. The three looks are not one: a Create
// beside them may have made a part after it was looked for and another before. So
// where one part is ours, those that were missing are looked for again, a user for as
// long as IAM may not know one that was just made.
func (r *run) lookForRemoval(ctx context.Context, s spec.Spec) (set, error) {
	var found set
	var secretErr, bucketErr error
	err := together(
		func() error { found.secret, secretErr = r.lookSecret(ctx, s, hasty); return nil },
		func() (err error) { found.user, err = r.lookUser(ctx, s, hasty); return err },
		func() error { found.bucket, bucketErr = r.lookBucket(ctx, s, hasty); return nil },
	)
	err = errors.Join(err,
		excuse(s, found, "SecretName", secretErr),
		excuse(s, found, "BucketName", bucketErr))
	if err != nil || !found.isOurs() {
		return found, err
	}
	if err := found.checkLate(); err != nil {
		return found, err
	}
	// The secret first: once it holds a value, user and bucket exist.
	if !found.secret.Exists() {
		if found.secret, err = r.lookSecret(ctx, s, hasty); err != nil {
			return found, err
		}
	}
	return found, together(
		func() (err error) {
			if !found.user.Exists() {
				found.user, err = r.getUser(ctx, s, r.patience.Until(ctx, "IAM shows the user, if it was just made", readPropagation, awscall.IsMissing))
			}
			return err
		},
		func() (err error) {
			if !found.bucket.Exists() {
				found.bucket, err = r.lookBucket(ctx, s, hasty)
			}
			return err
		},
	)
}

// excuse drops the refusal of a look at a name outside the provider's patterns, to
// which its role has no right: such a name was refused when it was new, so nothing
// was made under it. Unless there is a user of ours, whose name has no pattern.
func excuse(s spec.Spec, found set, property string, err error) error {
	switch {
	case !awscall.IsDenied(err) || !s.Outside().Has(property):
		return err
	case found.user.IsOurs():
		return fmt.Errorf("%w; the provider's patterns were narrowed: widen them and delete again", err)
	default:
		return nil
	}
}

// revoke ends all access: first the secret, so that no event can commit a key any
// more, then the keys and the user. Only then may the bucket be emptied.
func (r *run) revoke(ctx context.Context, s spec.Spec, found set) error {
	if found.secret.isOurs() {
		if err := r.removeSecret(ctx, s, found.secret); err != nil {
			return err
		}
	}
	if !found.user.IsOurs() {
		return nil
	}
	if err := r.removeUser(ctx, s); err != nil || found.secret.Exists() {
		return err
	}
	// An event beside this one may have made and committed a secret meanwhile. Without
	// the user it cannot do so any more.
	x, err := r.lookSecret(ctx, s, hasty)
	if err != nil || !x.isOurs() {
		return err
	}
	return r.removeSecret(ctx, s, x)
}

// removeBucket deletes a bucket of ours and releases one that was adopted. An event that is
// still at work may write its marker after ours was removed, so a bucket that holds nothing
// else is tried again.
func (r *run) removeBucket(ctx context.Context, s spec.Spec, b bucket, data disposal) error {
	switch b.State {
	case claim.Absent, claim.Elsewhere, claim.Foreign, claim.Released, claim.Leaving:
		return nil
	case claim.Adopted:
		return r.releaseBucket(ctx, s, b)
	case claim.Ours:
	}
	const rounds = 5
	var err error
	for range rounds {
		if err = r.empty(ctx, s, data); err != nil {
			break
		}
		if err = r.deleteBucket(ctx, s); !awscall.IsCode(err, "BucketNotEmpty") {
			break
		}
	}
	isFull := awscall.IsCode(err, "BucketNotEmpty")
	switch {
	case data == releaseData && (errors.Is(err, errHoldsData) || isFull):
		return r.releaseBucket(ctx, s, b)
	case isFull:
		return fmt.Errorf("%w; somebody keeps writing to it: stop that and delete again", err)
	}
	return err
}

// empty makes a bucket ready to be deleted: it removes everything, or else marker and probe
// where there is nothing else.
func (r *run) empty(ctx context.Context, s spec.Spec, data disposal) error {
	if data == purgeData {
		return r.emptyBucket(ctx, s)
	}
	if err := r.checkEmpty(ctx, s); err != nil {
		return err
	}
	return r.removeObjects(ctx, s, s.MarkerKey(), s.ProbeKey())
}
