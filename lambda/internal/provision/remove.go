package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// remove carries out a Delete. What is not ours stays: a set that was never made, or that is gone
// already, counts as removed. A late Delete removes nothing: the same names may be in use again.
// So that is asked beside the look, and again where that has waited: it is the last to be asked.
//
// Doubt about one part keeps none of the others alive: all that is ours goes. Then the Delete fails
// for what could not be looked at, and for what is lost and was in use. It is nobody's once the
// secret is gone, so that deleting again lets go of it.
func (r *run) remove(ctx context.Context, op operation) error {
	s := op.spec
	var found set
	var unseen doubts
	var err, noAnswer error
	var is resource
	var content *bucket.Content
	var waited time.Duration
	_ = together( // each error is kept
		func() error {
			begun := time.Now()
			found, unseen, err = r.lookForRemoval(ctx, s, op.mayBeUnheard(), parts{})
			waited = time.Since(begun)
			return nil
		},
		func() error { is, noAnswer = r.describe(ctx, s); return nil },
		func() error { content = r.bucketOf(s).List(ctx); return nil },
	)
	if err != nil {
		return err
	}
	if waited >= askedAge {
		is, noAnswer = r.describe(ctx, s)
	}
	if err := checkLateDelete(s, is, noAnswer); err != nil {
		return err
	}
	found.bucket.Content = content
	data := bucket.DisposalOf(s.OnDelete)
	isReplaced, err := r.hasCounterpart(ctx, op, is.id, found.counterparts())
	if err != nil {
		return err
	}
	if isReplaced {
		r.log.Info("keeps data, as one side of a replacement", "bucket", s.BucketName, "onDelete", s.OnDelete)
		data = bucket.ReleaseData
	}
	// Nothing is changed before it is clear that the bucket may go too. An outage ends, so the next
	// Delete finds out. A denial may stay for ever: by a holder of the key who wants to keep it, say.
	if found.bucket.State == claim.Ours && data == bucket.RefuseData {
		err := r.bucketOf(s).UnlessGone(ctx, r.bucketOf(s).CheckEmpty(ctx, found.bucket))
		if errors.Is(err, bucket.ErrHoldsData) {
			return fmt.Errorf("%w, and OnDelete is %s. Nothing was changed: %s", err, s.OnDelete, r.howToEnd(ctx, op, found, err))
		}
		unseen.bucket = errors.Join(unseen.bucket, err)
	}
	if data == bucket.RefuseData && unseen.bucket != nil && !awscall.IsDenied(unseen.bucket) {
		return awscall.Again(fmt.Errorf("%w; nothing was changed", unseen.bucket))
	}
	lost := r.inUse(ctx, s, found)
	r.reportForeign(s, found)
	working, cancel := r.untilAnswer(ctx, op, data)
	defer cancel()
	r.patience.EndsWith(working)
	err = r.removeSet(working, s, found, unseen, lost, data)
	r.patience.EndsWith(ctx)
	return errors.Join(r.goOn(ctx, working, op, lost, err), lost.err(s, found, howToDelete))
}

// howToEnd says what people can do where a Delete is refused for data in the bucket. Nothing has changed.
func (r *run) howToEnd(ctx context.Context, op operation, found set, refusal error) string {
	s := op.spec
	var holds *bucket.Holding
	isVersioned := !errors.As(refusal, &holds) || holds.IsVersioned
	empty := "empty the bucket: " + toEmpty(s, isVersioned)
	retain := fmt.Sprintf("once the stack is in DELETE_FAILED, %s --retain-resources %s keeps the bucket", deleteStack(s.StackName(), s.Region), s.LogicalID)
	lives, byHand := "", r.byHand(ctx, s, found)
	if found.user.IsOurs() {
		retain += ", and leaves secret and user with an access key that works"
		lives = fmt.Sprintf("user %s and its access key live on. ", s.UserName)
	}
	add := fmt.Sprintf("add the resource %s again as it was, and before it is taken out the next time, ", s.LogicalID)
	switch r.situation(ctx, op) {
	case deletingStack:
		return fmt.Sprintf("%s; then delete the stack again: %s. Or, %s%s", empty, r.deleteAgain(s), retain, byHand)
	case cleaningUp:
		return fmt.Sprintf("%sCloudFormation tries three times and then forgets the resource. To end that, %sset OnDelete or %s%s",
			lives, add, empty, byHand)
	case unsaid, creatingStack, updatingStack, rollingBack:
	}
	return fmt.Sprintf("%s%s; then delete the stack again, if it was the stack that was deleted. If the resource was taken out of its template, %sset OnDelete or empty it%s",
		lives, empty, add, byHand)
}

// reportForeign logs what a Delete leaves, since the tags say that it is not ours.
func (r *run) reportForeign(s spec.Spec, found set) {
	left := found.notOurs()
	if left.secret {
		r.log.Info("left what is not ours", "secret", s.SecretName)
	}
	if left.user {
		r.log.Info("left what is not ours", "user", s.UserName)
	}
	if left.bucket {
		r.log.Info("left what is not ours", "bucket", s.BucketName)
	}
}

// goBack ends an Update that goes back from a replacement which failed. The mark of the set goes
// last: where the event turns out to be late, the set stays one that was replaced.
func (r *run) goBack(ctx context.Context, op operation) error {
	if err := r.ensureNoLeftover(ctx, op); err != nil {
		return err
	}
	return r.unsupersede(ctx, op.spec, "")
}

// endReturn ends an Update that goes back to a set that was in force. CloudFormation deletes the set
// that it comes from. A third one is what an update from that has left when it was cut off.
func (r *run) endReturn(ctx context.Context, op operation) error {
	if id := op.other.PhysicalID; id != "" && id != op.from && id != op.spec.PhysicalID {
		if err := r.ensureNoLeftover(ctx, op); err != nil {
			return err
		}
	}
	return r.unsupersede(ctx, op.spec, "")
}

// ensureNoLeftover removes what the failed replacement left from which an Update goes back.
// Nobody else does: CloudFormation never heard its id. A bucket that holds data is released:
// nobody asked for data to be deleted.
func (r *run) ensureNoLeftover(ctx context.Context, op operation) error {
	if err := r.checkLate(ctx, op); err != nil {
		return err
	}
	found, unseen, err := r.lookForRemoval(ctx, op.other, op.isRepeated, parts{})
	if err == nil {
		err = r.removeSet(ctx, op.other, found, unseen, parts{}, bucket.ReleaseData)
	}
	if err != nil {
		return fmt.Errorf("left by the failed replacement: %w", err)
	}
	return nil
}

// removeSet removes the three, as far as they are ours, in the order that is safe. The bucket
// stays where access could not be ended, and where it is not known whether it may go. The secret
// goes last where it shows that a lost part was in use.
func (r *run) removeSet(ctx context.Context, s spec.Spec, found set, unseen doubts, lost parts, data bucket.Disposal) error {
	guarded, err := r.keepGuards(ctx, s, found)
	switch {
	case awscall.IsByOthers(err): // so the secret goes last, and says it until then
		lost.secret = true
	case err != nil:
		unseen.bucket = errors.Join(unseen.bucket, err)
	}
	found.bucket.Claim = guarded
	isRecord := found.isRecord(s, unseen, lost)
	late := func() error { return r.removeLate(ctx, s, found, isRecord || unseen.isWitness(s)) }
	err = errors.Join(unseen.secret, unseen.user, r.revoke(ctx, s, found, unseen, isRecord, func() {
		if unseen.all() == nil {
			found.bucket = r.bucketOf(s).Clear(ctx, found.bucket, data)
		}
	}))
	switch {
	case err != nil:
		return errors.Join(err, unseen.bucket)
	case unseen.bucket != nil:
		return errors.Join(late(), unseen.bucket)
	}
	err = together(
		late,
		func() error { return r.removeBucket(ctx, s, found, data) },
	)
	if err != nil || lost == (parts{}) || !found.secret.IsOursOrLeaving() {
		return err
	}
	if lost.bucket && !found.saysMade() {
		return r.secretOf(s).Forget(ctx, found.secret)
	}
	return r.secretOf(s).Remove(ctx, found.secret)
}

// removeBucket removes the bucket of a set, to which nobody has access any more.
func (r *run) removeBucket(ctx context.Context, s spec.Spec, found set, data bucket.Disposal) (err error) {
	if found.isOurs() && !found.bucket.Exists() { // or an event beside this one has made it since
		if found.bucket, err = r.bucketOf(s).Look(ctx); err != nil {
			return err
		}
	}
	return r.bucketOf(s).InRun(r.runOf(s, found.bucket)).Remove(ctx, found.bucket, data, r.mayHaveEquipped())
}

// parts says something of each part of a set.
type parts struct{ secret, user, bucket bool }

// doubts are the errors of the parts of a set that could not be looked at.
type doubts struct{ secret, user, bucket error }

// isWitness reports whether the user has to stay: a name could not be looked at that is outside of the provider's patterns.
func (d doubts) isWitness(s spec.Spec) bool {
	outside := s.Outside()
	return d.secret != nil && outside.Has("SecretName") || d.bucket != nil && outside.Has("BucketName")
}

// all joins the errors. It is nil if there is none.
func (d doubts) all() error { return errors.Join(d.secret, d.user, d.bucket) }

// lookForRemoval reads secret, user and bucket. Where one part is ours, all three are looked at
// again until the others show as ours, too, or until that can be no lag any more: AWS may not
// know them yet (L1), a read may be from before a write (L4), and a Create beside the removal
// may have made a part after it was looked for. What counts is the last look.
//
// Where no part is ours, nothing is left: the secret is made first. But where the set is
// unheard of, it may have been begun a moment ago, and the same goes for a set of which AWS
// shows nothing. A part of never cannot be ours unless it shows as ours. Nothing is waited for where
// an earlier run of the event has looked so, and has begun to empty the bucket.
func (r *run) lookForRemoval(ctx context.Context, s spec.Spec, isUnheard bool, never parts) (set, doubts, error) {
	outside := s.Outside()
	never.secret = never.secret || outside.Has("SecretName")
	never.bucket = never.bucket || outside.Has("BucketName")
	mayBeThere := isUnheard
	var unseen doubts
	found, err := awscall.Repeat(ctx, r.patience, "AWS shows the whole set as this resource's", func() (set, bool, error) {
		var found set
		found, unseen = r.lookParts(ctx, s)
		err := found.checkLate()
		mayBeThere = mayBeThere || found.isThere()
		return found, err == nil && unseen.all() == nil && mayBeThere && found.isIncomplete(never), err
	})
	return found.confirmed(), unseen, err
}

// isThere reports whether a part is ours and not on its way out: a secret in its recovery window
// may be all that an earlier removal has left.
func (x set) isThere() bool {
	return x.secret.IsOursOrLeaving() && !x.secret.Deleting || x.user.IsOurs() || x.bucket.IsOurs()
}

// isIncomplete reports whether a part is not ours and may be.
func (x set) isIncomplete(never parts) bool {
	return !x.isOld() && !x.isBeingEmptied() && (!never.secret && !x.secret.IsOursOrLeaving() || !never.user && !x.user.IsOurs() || !never.bucket && !x.bucket.IsOurs())
}

// oldAge is the age at which nothing that an event has made can be new: an event has 15
// minutes for it, and AWS two to show it.
const oldAge = 20 * time.Minute

// isOld reports whether the last event that ensured the set was long ago.
func (x set) isOld() bool { return x.secret.IsOurs() && x.secret.IsOlder(oldAge) }

// lookParts reads secret, user and bucket by name, beside each other. In a removal the role may
// have no right to look at a name outside of the provider's patterns.
func (r *run) lookParts(ctx context.Context, s spec.Spec) (found set, unseen doubts) {
	_ = together( // each error is kept with its part
		func() error {
			found.secret, unseen.secret = r.secretOf(s).Look(ctx)
			return nil
		},
		func() error { found.user, unseen.user = r.keysOf(s).Look(ctx); return nil },
		func() error { found.bucket, unseen.bucket = r.bucketOf(s).Look(ctx); return nil },
	)
	unseen.secret = excuse(s, found, "SecretName", unseen.secret)
	unseen.bucket = excuse(s, found, "BucketName", unseen.bucket)
	return found, unseen
}

// excuse drops the refusal of a look at a name outside the provider's patterns, to
// which its role has no right: such a name was refused when it was new, so nothing
// was made under it. Unless there is a user of ours, whose name has no pattern.
func excuse(s spec.Spec, found set, property string, err error) error {
	switch {
	case !awscall.IsDenied(err) || !s.Outside().Has(property):
		return err
	case found.user.IsOurs():
		return awscall.Again(fmt.Errorf("%w; the provider's patterns were narrowed: widen them", err))
	default:
		return nil
	}
}

// isRecord reports whether the secret stays until the end. It does where it says of the bucket what
// could not be written there, and for later where parts are lost.
func (x set) isRecord(s spec.Spec, unseen doubts, lost parts) bool {
	isGuard := len(x.secret.Marks()) > 0 || !x.saysMade()
	return lost != (parts{}) || unseen.bucket != nil && s.OnDelete != spec.Retain && isGuard
}

// revoke ends all access: first the secret, so that no event can commit a key any
// more, then the keys and the user. Only then may the bucket be emptied. What the removal of
// a bucket begins with is done without keys, beside that of the user.
//
// A secret that stays does not keep the keys alive. A user without keys stays where
// a name could not be looked at that is outside of the provider's patterns: see excuse.
func (r *run) revoke(ctx context.Context, s spec.Spec, found set, unseen doubts, isRecord bool, withoutKeys func()) error {
	var failed, unlisted error
	var keys []keyring.Key
	r.endSchedule(ctx, s, found.secret)
	_ = together( // each error is kept
		func() error {
			if found.secret.IsOursOrLeaving() && !isRecord {
				failed = r.secretOf(s).Remove(ctx, found.secret)
			}
			return nil
		},
		func() error {
			if found.user.IsOurs() {
				keys, unlisted = r.keysOf(s).ListNow(ctx)
			}
			return nil
		},
	)
	switch {
	case !found.user.IsOurs():
		return failed
	case unseen.isWitness(s):
		return errors.Join(failed, r.keysOf(s).RemoveAll(ctx))
	}
	isKeyless := unlisted == nil && r.keysOf(s).RemoveKeys(ctx, keys) == nil
	return errors.Join(failed, together(
		func() error { return r.keysOf(s).Remove(ctx, found.user, isKeyless) },
		func() error {
			if isKeyless && failed == nil {
				withoutKeys()
			}
			return nil
		},
	))
}

// removeLate removes a secret that an event beside this one may have made and committed meanwhile. Without the user it
// cannot do so any more.
func (r *run) removeLate(ctx context.Context, s spec.Spec, found set, isKept bool) error {
	if !found.user.IsOurs() || isKept {
		return nil
	}
	x, err := r.secretOf(s).Look(ctx)
	if err != nil || !x.IsOursOrLeaving() {
		return err
	}
	return r.secretOf(s).Remove(ctx, x)
}

// endSchedule turns rotation off: it would go on where the secret stays, or is restored. What refuses that does not keep
// the access alive.
func (r *run) endSchedule(ctx context.Context, s spec.Spec, x secret.Secret) {
	if !x.IsOursOrLeaving() || !x.Schedule.IsOn || x.Deleting {
		return
	}
	if err := r.secretOf(s).Unschedule(ctx, x); err != nil {
		r.log.Warn("could not end the rotation of the secret", "secret", s.SecretName, "reason", err.Error())
	}
}

// mayHaveEquipped reports whether a bucket that is let go of may have our policy and our rule
// though it does not show them: not if this event, which made it ours, has failed before.
func (r *run) mayHaveEquipped() bool {
	return r.hasEquipped || r.op.isRepeated || r.op.kind == kindDelete || r.op.kind == kindBack
}
