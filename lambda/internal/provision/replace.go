package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// A replacement never deletes data, whichever of its sets goes. An old bucket that holds any is
// refused, but data may come after that: consumers have the old key until the clean-up, and
// dependants may use the new set before CloudFormation goes back. The Delete of either set
// carries the OnDelete of a set in use. So both are marked, and a Delete of a marked set whose
// other set is there releases what is not empty: see package claim.

// tellReturn tells an event that goes back to a set that was in force from one that begins a
// set. Both ask for another physical id than the resource has. The former finds a set that the
// one of the event has superseded; or one that holds committed credentials and was not made to
// replace it, as an earlier version left it. It is never refused. A half-made set is as none.
func (r *run) tellReturn(ctx context.Context, op operation, found set) (operation, error) {
	if op.kind != kindReplacement {
		return op, nil
	}
	isReturn := found.isSupersededBy(op.from)
	if old, _ := found.secret.Replaces(); !isReturn && old.PhysicalID != op.from {
		var err error
		if isReturn, err = r.isInForce(ctx, op, found.secret); err != nil {
			return op, err
		}
	}
	if isReturn {
		op.isReturn, op.spec.Replaces = true, spec.Counterpart{}
	}
	return op, nil
}

// isSupersededBy reports whether a part of ours says that the set of a physical id has replaced
// it.
func (x set) isSupersededBy(id string) bool {
	bySecret, _ := x.secret.SupersededBy()
	byBucket, _ := x.bucket.SupersededBy()
	isInForce := x.secret.IsOurs() && !x.secret.Deleting // one that waits for its deletion is of a set that is gone
	return isInForce && bySecret.PhysicalID == id || x.bucket.IsOurs() && byBucket.PhysicalID == id
}

// isInForce reports whether a secret holds credentials of the set that an event goes to: it is
// ours; or it has lost its tags and names the bucket, or cannot be read, and the set that the event
// comes from says that it was made to replace this one.
func (r *run) isInForce(ctx context.Context, op operation, x secret.Secret) (bool, error) {
	if x.State != claim.Foreign || x.IsOthers() || x.Deleting {
		return r.isCommitted(ctx, op.spec, x)
	}
	from, err := r.secretOf(op.other).Look(ctx)
	if old, _ := from.Replaces(); err != nil || !from.IsOurs() || old.PhysicalID != op.spec.PhysicalID {
		return false, err
	}
	current, err := r.secretOf(op.spec).Read(ctx, x)
	return current.State == secret.Unreadable || current.Fields.Get(spec.FieldBucket) == op.spec.BucketName, err
}

// isCommitted reports whether a secret of ours holds what may be in use.
func (r *run) isCommitted(ctx context.Context, s spec.Spec, x secret.Secret) (bool, error) {
	if !x.IsOurs() || x.Deleting || x.Current == "" {
		return false, nil
	}
	current, err := r.secretOf(s).Read(ctx, x)
	return current.MayBeInUse(), err
}

// checkReplacement refuses a replacement that could lose data. It does so in every delivery,
// whatever an earlier one has made. Only where this very event has committed the credentials of
// the new set, it has passed before.
func (r *run) checkReplacement(ctx context.Context, op operation, found set) error {
	s, old := op.spec, op.other
	if old.PhysicalID == "" {
		return nil
	}
	if old.PhysicalID != op.from {
		return fmt.Errorf("replacement: the resource is %s, and an update from it was cut off: update back to the names of that first, and then rename", op.from)
	}
	// A name in both sets would be one thing with two owners: deleting either set
	// would take it from the other.
	for _, name := range []struct{ property, new, old string }{
		{"BucketName", s.BucketName, old.BucketName},
		{"UserName", s.UserName, old.UserName},
		{"SecretName", s.SecretName, old.SecretName},
	} {
		if strings.EqualFold(name.new, name.old) {
			return fmt.Errorf("%s %s: must change too, since a change of any name replaces user, bucket and secret together; "+
				"change every name that is given, or give none", name.property, name.new)
		}
	}
	if s.OnDelete != old.OnDelete {
		return fmt.Errorf("OnDelete: must not change together with a name, since the old bucket is deleted by its old value %s; "+
			"change OnDelete in an update of its own first", old.OnDelete)
	}
	if found.secret.IsOurs() && found.secret.IsOfEvent() {
		if isDone, err := r.isCommitted(ctx, s, found.secret); isDone || err != nil {
			r.hasMarked = isDone // before the commit
			return err
		}
	}
	if err := r.checkReplaced(ctx, old); err != nil {
		return fmt.Errorf("replacement: %w", err)
	}
	return nil
}

// checkReplaced looks at the set that is to be replaced. CloudFormation knows it, so that it is
// there unless somebody took it away. A user or secret whose tags are lost would be left by the
// clean-up, with a key that works.
func (r *run) checkReplaced(ctx context.Context, old spec.Spec) error {
	found, unseen := r.lookParts(ctx, old)
	if old.OnDelete == spec.Retain {
		unseen.bucket = nil
	}
	if err := unseen.all(); err != nil {
		return err
	}
	if old.OnDelete == spec.Retain {
		return parts{secret: true, user: true}.and(found.notOurs()).err(old, found, howToReplace)
	}
	if found.bucket.MayYetBeOurs() {
		var err error
		if found.bucket, err = r.bucketOf(old).Await(ctx, "S3 shows the bucket that is replaced", bucket.Bucket.MayYetBeOurs); err != nil {
			return err
		}
	}
	if err := found.notOurs().err(old, found, howToReplace); err != nil || !found.bucket.IsOurs() {
		return err
	}
	if err := r.bucketOf(old).CheckEmpty(ctx, found.bucket); err != nil {
		return r.explainData(err, old)
	}
	return nil
}

// explainData says what to do about a replacement that was refused for the data in the old bucket.
func (r *run) explainData(err error, old spec.Spec) error {
	var holds *bucket.Holding
	if !errors.As(err, &holds) {
		return err
	}
	return awscall.Again(fmt.Errorf("%w; a replacement never deletes data: empty the bucket (%s), or set OnDelete to %s in an update of its own first, which keeps it",
		err, toEmpty(old, holds.IsVersioned), spec.Retain))
}

// supersede marks the set that a replacement comes from, on secret and bucket, right before the
// commit of the new one. What it writes does not depend on what a read shows: the mark may have
// been taken off a moment ago. Without the mark the replacement fails.
//
// A return is never refused: the set that it comes from was marked when it was made.
func (r *run) supersede(ctx context.Context, op operation) error {
	old := op.other
	if op.kind != kindReplacement || r.hasMarked || old.PhysicalID != op.from { // or its names are not known
		return nil
	}
	r.hasMarked = true
	err := together(
		func() error { return r.supersedeSecret(ctx, op) },
		func() error { return r.supersedeBucket(ctx, op) },
	)
	if op.isReturn && awscall.IsRefused(err) {
		r.log.Warn("could not mark the set that was gone back from", "secret", old.SecretName, "reason", err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("mark of the replaced set: %w", err)
	}
	return nil
}

// awaitSecret looks at the secret of a set until it shows as the set's own. Where somebody took it
// away that takes the whole patience.
func (r *run) awaitSecret(ctx context.Context, s spec.Spec) (secret.Secret, error) {
	return awscall.Repeat(ctx, r.patience, "Secrets Manager shows the secret of the set", func() (secret.Secret, bool, error) {
		x, err := r.secretOf(s).Look(ctx)
		return x, err == nil && x.MayYetBeOurs() && !x.IsOursOrLeaving(), err
	})
}

func (r *run) supersedeSecret(ctx context.Context, op operation) error {
	x, err := r.awaitSecret(ctx, op.other)
	if err != nil || !x.IsOurs() || x.Deleting {
		return err
	}
	return r.secretOf(op.other).Tag(ctx, x, claim.Supersede(op.spec))
}

// supersedeBucket also serves a bucket to whose name the role has no right any more, if its data is
// kept in any case.
func (r *run) supersedeBucket(ctx context.Context, op operation) error {
	old := op.other
	b, err := r.bucketOf(old).Await(ctx, "S3 shows the bucket that is replaced", bucket.Bucket.MayYetBeOurs)
	if awscall.IsDenied(err) && old.Outside().Has("BucketName") && old.OnDelete == spec.Retain {
		return nil
	}
	if err != nil || !b.IsOurs() {
		return err
	}
	return r.markBucket(ctx, old, b.SupersedeBucket(op.spec))
}

// markBucket writes the tags of a bucket with or without a mark. Where secret and user are gone, a
// removal beside this event is about to let go of the bucket, or has: an event whose answer was taken
// long ago would take that back.
func (r *run) markBucket(ctx context.Context, s spec.Spec, tags map[string]string) error {
	found, unseen := r.lookParts(ctx, s)
	isRevoked := unseen.secret == nil && unseen.user == nil && (!found.secret.Exists() || found.secret.Deleting) && !found.user.Exists()
	if isRevoked {
		r.log.Info("does not mark the bucket of a set that is being removed", "bucket", s.BucketName)
		return nil
	}
	return r.bucketOf(s).PutTags(ctx, tags)
}

// unsupersede takes the marks of a set off that is in force again, those of one set or, with "", of
// any. It writes whatever a read shows, as supersede does. A mark that stays keeps data, and no
// more: the set that it names is going, so a refusal is logged.
func (r *run) unsupersede(ctx context.Context, s spec.Spec, by string) error {
	isOther := func(c claim.Claim) bool {
		other, isMarked := c.SupersededBy()
		return by != "" && isMarked && other.PhysicalID != by
	}
	return together(
		func() error {
			x, err := r.awaitSecret(ctx, s)
			if err == nil && x.IsOurs() && !x.Deleting && !isOther(x.Claim) {
				err = r.secretOf(s).Untag(ctx, x, claim.SupersededTags)
			}
			return r.unlessRefused(s, err)
		},
		func() error {
			b, err := r.bucketOf(s).Await(ctx, "S3 shows the bucket of the set", bucket.Bucket.MayYetBeOurs)
			if err == nil && b.IsOurs() && !isOther(b.Claim) {
				err = r.markBucket(ctx, s, claim.Restore(b.Tags()))
			}
			return r.unlessRefused(s, err)
		},
	)
}

// unlessRefused logs a refusal to take off a mark.
func (r *run) unlessRefused(s spec.Spec, err error) error {
	if !awscall.IsRefused(err) {
		return err
	}
	r.log.Warn("could not take off the mark of a replacement", "secret", s.SecretName, "reason", err.Error())
	return nil
}

// counterparts are the other sets of the replacements that parts of ours name.
func (x set) counterparts() []spec.Counterpart {
	var found []spec.Counterpart
	for _, part := range []struct {
		claim.Claim
		isOurs bool
	}{{x.secret.Claim, x.secret.IsOursOrLeaving()}, {x.bucket.Claim, x.bucket.IsOurs()}} {
		for _, mark := range []func() (spec.Counterpart, bool){part.Replaces, part.SupersededBy} {
			if other, isMarked := mark(); isMarked && part.isOurs {
				found = append(found, other)
			}
		}
	}
	return found
}

// hasCounterpart reports whether the set that a Delete removes is one side of a replacement whose
// other side is there, as CloudFormation, its secret or its user tells. A mark may be too new to show,
// so CloudFormation's word counts without one: the id of the resource, if it is known, is not the Delete's.
func (r *run) hasCounterpart(ctx context.Context, op operation, id string, others []spec.Counterpart) (bool, error) {
	s := op.spec
	switch {
	case id != "" && id != s.PhysicalID && op.from == s.PhysicalID:
		return true, nil
	case len(others) == 0:
		return false, nil
	}
	return awscall.Repeat(ctx, r.patience, "AWS shows the other set of a replacement", func() (isThere, isLag bool, err error) {
		isThere, err = r.isAnyThere(ctx, s, others)
		return isThere, err == nil && !isThere && id == "", err
	})
}

// isAnyThere reports whether one of the other sets is there.
func (r *run) isAnyThere(ctx context.Context, s spec.Spec, others []spec.Counterpart) (bool, error) {
	for _, other := range others {
		if isThere, err := r.isCounterpartThere(ctx, s, other); isThere || err != nil {
			return isThere, err
		}
	}
	return false, nil
}

// isCounterpartThere looks at the secret and the user of the other set. The role may have no right to
// the name of the secret any more: the user tells then.
func (r *run) isCounterpartThere(ctx context.Context, s spec.Spec, other spec.Counterpart) (bool, error) {
	of := spec.Spec{Provider: s.Provider, StackID: s.StackID, LogicalID: s.LogicalID, PhysicalID: other.PhysicalID}
	of.SecretName, of.UserName = other.SecretName, other.UserName
	if of.SecretName != "" {
		x, err := r.secretOf(of).LookNow(ctx)
		isThere := err == nil && !x.Deleting && !x.IsGone()
		if isThere || err != nil && !awscall.IsDenied(err) {
			return isThere, err
		}
	}
	if of.UserName == "" {
		return true, nil
	}
	u, err := r.keysOf(of).Look(ctx)
	if awscall.IsDenied(err) {
		return true, nil
	}
	return err == nil && !u.IsGone(), err
}

// isSettled reports whether a set that was made to replace another is what is left of the two.
func (r *run) isSettled(ctx context.Context, op operation, made set) (bool, error) {
	var olds []spec.Counterpart
	for _, part := range []claim.Claim{made.secret.Claim, made.bucket.Claim} {
		if old, isMarked := part.Replaces(); isMarked {
			olds = append(olds, old)
		}
	}
	if op.isNew() || len(olds) == 0 {
		return false, nil
	}
	isThere, err := r.isAnyThere(ctx, op.spec, olds)
	return err == nil && !isThere, err
}

// keepGuards writes to the bucket what keeps its data and stands on the secret alone, which a
// removal deletes first: a removal that is cut off and repeated must find it. It returns the claim with what was written.
func (r *run) keepGuards(ctx context.Context, s spec.Spec, found set) (claim.Claim, error) {
	guarded := found.bucket.Guard(found.secret.Marks())
	if !found.bucket.IsOurs() || !found.secret.IsOursOrLeaving() || maps.Equal(guarded, found.bucket.Tags()) {
		return found.bucket.Claim, nil
	}
	if err := r.bucketOf(s).PutTags(ctx, guarded); err != nil {
		return found.bucket.Claim, err
	}
	return claim.Read(guarded, s), nil
}
