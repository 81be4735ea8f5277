package provision

import (
	"context"
	"errors"
	"fmt"

	"bucketuser/lambda/spec"
)

// remove carries out a Delete. What is not ours stays, and is not an error: a set
// that was never made, or that is gone already, counts as removed. A Delete that comes
// late, when the same names are in use again, removes nothing; it answers a failure,
// which CloudFormation drops.
func (p *Provisioner) remove(ctx context.Context, s spec.Spec) error {
	var found set
	err := together(
		func() error { return p.checkNotInUse(ctx, s) },
		func() (err error) { found, err = p.lookForRemoval(ctx, s); return err },
	)
	if err != nil {
		return err
	}
	// Nothing is changed before it is clear that the bucket may go too.
	if found.bucket.owned(s) && !found.bucket.adopted() && s.OnDelete == spec.DeleteIfEmpty {
		if err := p.checkEmpty(ctx, s); err != nil {
			return err
		}
	}
	return p.removeSet(ctx, s, found)
}

// undo removes what an event began, unless credentials were committed. To be sure
// of that it commits an empty value in their place, a tombstone: whoever proves a key
// for this set at the same time is then refused, and a delivery that finds it stops.
// So the secret goes last, where a Delete removes it first. OnDelete of s says what
// becomes of a bucket that holds anything.
func (p *Provisioner) undo(ctx context.Context, s spec.Spec) error {
	found, err := p.lookForRemoval(ctx, s)
	if errors.Is(err, errOvertaken) {
		return nil // it is the set of a later event
	}
	if err != nil {
		return err
	}
	if found.secret.owned(s) && found.secret.isLater() {
		p.log.Warn("not undone: a later version of the provider keeps the secret", "secret", s.SecretName)
		return nil // the Delete, or the Update back, removes it
	}
	if found.secret.owned(s) && !found.secret.deleting {
		current, err := p.readValue(ctx, s, found.secret)
		if err != nil {
			return err
		}
		if current.fields[spec.FieldAccessKeyID] != "" || current.isForeign {
			p.log.Info("not undone: the credentials are committed", "physicalResourceId", s.PhysicalID)
			return nil
		}
		_, err = p.settle(ctx, s, found.secret, current.version, nil)
		if errors.Is(err, errConflict) {
			return nil
		}
		if err != nil && !isDenied(err) { // without the right to commit, nobody has
			return err
		}
	}
	if found.user.owned(s) {
		if err := p.removeUser(ctx, s); err != nil {
			return err
		}
	}
	if err := p.removeBucket(ctx, s, found.bucket); err != nil || !found.secret.owned(s) {
		return err
	}
	return p.removeSecret(ctx, s, found.secret)
}

// removeLeftover removes what a failed replacement left. Its bucket is deleted only if
// it is empty and released otherwise: nobody asked for data to be deleted.
func (p *Provisioner) removeLeftover(ctx context.Context, s spec.Spec) error {
	found, err := p.lookForRemoval(ctx, s)
	if err != nil {
		return err
	}
	s.OnDelete = spec.Retain
	return p.removeSet(ctx, s, found)
}

// removeSet removes the three, as far as they are ours, in the order that is safe.
func (p *Provisioner) removeSet(ctx context.Context, s spec.Spec, found set) error {
	if err := p.revoke(ctx, s, found); err != nil {
		return err
	}
	if found.owned(s) && !found.bucket.exists { // or an event beside this one has made it since
		var err error
		if found.bucket, err = p.lookBucket(ctx, s, false); err != nil {
			return err
		}
	}
	return p.removeBucket(ctx, s, found.bucket)
}

// lookForRemoval reads secret, user and bucket. The three looks are not one: a Create
// beside them may have made a part after it was looked for and another before. So
// where one part is ours, those that were missing are looked for again, a user for as
// long as IAM may not know one that was just made.
func (p *Provisioner) lookForRemoval(ctx context.Context, s spec.Spec) (set, error) {
	var found set
	var secretErr, bucketErr error
	err := together(
		func() error { found.secret, secretErr = p.lookSecret(ctx, s, false); return nil },
		func() (err error) { found.user, err = p.lookUser(ctx, s, false); return err },
		func() error { found.bucket, bucketErr = p.lookBucket(ctx, s, false); return nil },
	)
	err = errors.Join(err,
		excuse(s, found, "SecretName", secretErr),
		excuse(s, found, "BucketName", bucketErr))
	if err != nil || !found.owned(s) {
		return found, err
	}
	if err := found.overtaken(s); err != nil {
		return found, err
	}
	// The secret first: once it holds a value, user and bucket exist.
	if !found.secret.exists {
		if found.secret, err = p.lookSecret(ctx, s, false); err != nil {
			return found, err
		}
	}
	return found, together(
		func() (err error) {
			if !found.user.exists {
				found.user, err = p.getUser(ctx, s, patient(ctx, readPropagation, isMissing))
			}
			return err
		},
		func() (err error) {
			if !found.bucket.exists {
				found.bucket, err = p.lookBucket(ctx, s, false)
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
	case !isDenied(err) || !s.Outside().Has(property):
		return err
	case found.user.owned(s):
		return fmt.Errorf("%w; the provider's patterns were narrowed: widen them and delete again", err)
	default:
		return nil
	}
}

// revoke ends all access: first the secret, so that no event can commit a key any
// more, then the keys and the user. Only then may the bucket be emptied.
func (p *Provisioner) revoke(ctx context.Context, s spec.Spec, found set) error {
	if found.secret.owned(s) {
		if err := p.removeSecret(ctx, s, found.secret); err != nil {
			return err
		}
	}
	if !found.user.owned(s) {
		return nil
	}
	if err := p.removeUser(ctx, s); err != nil || found.secret.exists {
		return err
	}
	// An event beside this one may have made and committed a secret meanwhile. Without
	// the user it cannot do so any more.
	x, err := p.lookSecret(ctx, s, false)
	if err != nil || !x.owned(s) {
		return err
	}
	return p.removeSecret(ctx, s, x)
}

// removeBucket does what OnDelete says. An event that is still at work may write
// its marker after ours was removed, so a bucket that holds nothing else is tried
// again.
func (p *Provisioner) removeBucket(ctx context.Context, s spec.Spec, b bucket) error {
	if !b.owned(s) {
		return nil
	}
	if b.adopted() {
		return p.releaseBucket(ctx, s, b)
	}
	const rounds = 5
	var err error
	for range rounds {
		if s.OnDelete == spec.Purge {
			err = p.emptyBucket(ctx, s)
		} else {
			err = p.removeOwnObjects(ctx, s)
		}
		if err != nil {
			break
		}
		if err = p.deleteBucket(ctx, s); !isCode(err, "BucketNotEmpty") {
			break
		}
	}
	if s.OnDelete == spec.Retain && (errors.Is(err, errHoldsData) || isCode(err, "BucketNotEmpty")) {
		return p.releaseBucket(ctx, s, b)
	}
	if isCode(err, "BucketNotEmpty") {
		return fmt.Errorf("%w; somebody keeps writing to it: stop that and delete again", err)
	}
	return err
}

// removeOwnObjects removes marker and probe from a bucket that holds nothing else.
func (p *Provisioner) removeOwnObjects(ctx context.Context, s spec.Spec) error {
	if err := p.checkEmpty(ctx, s); err != nil {
		return err
	}
	return p.removeObjects(ctx, s, s.MarkerKey(), s.ProbeKey())
}
