package provision

import (
	"context"
	"errors"
	"fmt"

	"bucketuser/lambda/spec"
)

// remove carries out a Delete. What is not ours stays, and is not an error: a set
// that was never made, or that is gone already, counts as removed.
func (p *Provisioner) remove(ctx context.Context, s spec.Spec) error {
	if p.isAlive(ctx, s) {
		// A late duplicate, of an earlier resource with the same names.
		p.log.Warn("not deleted: CloudFormation has created the resource again", "physicalResourceId", s.PhysicalID)
		return nil
	}
	found, err := p.lookForRemoval(ctx, s)
	if err != nil {
		return err
	}
	// Nothing is changed before it is clear that the bucket may go too.
	if found.bucket.owned(s) && !found.bucket.adopted() && s.OnDelete == spec.DeleteIfEmpty {
		if err := p.checkEmpty(ctx, s); err != nil {
			return err
		}
	}
	if err := p.revoke(ctx, s, found); err != nil {
		return err
	}
	return p.removeBucket(ctx, s, found.bucket)
}

// undo removes what a Create began, unless credentials were committed. To be sure
// of that it commits an empty value in their place: whoever proves a key for this
// set at the same time is then refused.
func (p *Provisioner) undo(ctx context.Context, s spec.Spec) error {
	found, err := p.lookForRemoval(ctx, s)
	if err != nil {
		return err
	}
	if found.secret.owned(s) && !found.secret.deleting {
		current, err := p.readValue(ctx, s, found.secret)
		if err != nil {
			return err
		}
		if current.fields[spec.FieldAccessKeyID] != "" {
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
	return p.removeUnused(ctx, s, found)
}

// removeLeftover removes what a failed replacement left.
func (p *Provisioner) removeLeftover(ctx context.Context, s spec.Spec) error {
	found, err := p.lookForRemoval(ctx, s)
	if err != nil {
		return err
	}
	return p.removeUnused(ctx, s, found)
}

// removeUnused removes a set that was never handed over. Its bucket is deleted only
// if it is empty and released otherwise: nobody asked for data to be deleted.
func (p *Provisioner) removeUnused(ctx context.Context, s spec.Spec, found set) error {
	s.OnDelete = spec.Retain
	if err := p.revoke(ctx, s, found); err != nil {
		return err
	}
	return p.removeBucket(ctx, s, found.bucket)
}

// lookForRemoval reads secret, user and bucket. IAM may not know a user that was
// made a moment ago, so where another part of the set is ours, a missing user is
// looked for again.
func (p *Provisioner) lookForRemoval(ctx context.Context, s spec.Spec) (set, error) {
	var found set
	err := together(
		func() (err error) { found.secret, err = p.lookSecret(ctx, s, false); return err },
		func() (err error) { found.user, err = p.lookUser(ctx, s, false); return err },
		func() (err error) { found.bucket, err = p.lookBucket(ctx, s, false); return err },
	)
	if err == nil && !found.user.exists && (found.secret.owned(s) || found.bucket.owned(s)) {
		found.user, err = p.getUser(ctx, s, patient(ctx, readPropagation, isMissing))
	}
	return found, err
}

// revoke ends all access: first the secret, so that no event can commit a key any
// more, then the keys and the user. Only then may the bucket be emptied.
func (p *Provisioner) revoke(ctx context.Context, s spec.Spec, found set) error {
	if found.secret.owned(s) {
		if err := p.removeSecret(ctx, s, found.secret); err != nil {
			return err
		}
	}
	if found.user.owned(s) {
		return p.removeUser(ctx, s)
	}
	return nil
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
