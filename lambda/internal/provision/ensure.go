package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// set is what was found, or made, under the names of a spec.
type set struct {
	secret secret.Secret
	user   keyring.User
	bucket bucket.Bucket
	lost   parts // parts that are left alone: see lost.go

	isSettled bool // nothing is there any more that it was made to replace
}

// confirmed is the set with what its secret says of the bucket.
func (x set) confirmed() set {
	x.bucket.Claim = x.bucket.Confirm(x.secret.Claim)
	return x
}

// isOurs reports whether any part of the set is ours.
func (x set) isOurs() bool {
	return x.secret.IsOursOrLeaving() || x.user.IsOurs() || x.bucket.IsOurs()
}

// notOurs are the parts that exist and are not ours.
func (x set) notOurs() parts {
	return parts{
		secret: x.secret.Exists() && !x.secret.IsOursOrLeaving(),
		user:   x.user.Exists() && !x.user.IsOurs(),
		bucket: x.bucket.Exists() && !x.bucket.IsOurs(),
	}
}

// saysMade reports whether the secret says that the bucket was made by us.
func (x set) saysMade() bool { return x.secret.OriginOf(x.bucket.Claim) == spec.OriginMade }

// checkLate returns [claim.ErrLater] if a part of the set says that a later event has ensured it.
func (x set) checkLate() error {
	return cmp.Or(x.secret.CheckLate(), x.user.CheckLate(), x.bucket.CheckLate())
}

// ensure makes the account match the spec of an operation. Repeating it converges; two at
// the same time end with the key of one of them in the secret and no other.
func (r *run) ensure(ctx context.Context, op operation) (map[string]string, error) {
	// Everything is read before anything is made, so that a name that is not ours
	// is refused with the account as it was.
	found, unseen, err := r.look(ctx, op)
	if err != nil {
		return nil, err
	}
	if op, err = r.tellReturn(ctx, op, found); err != nil {
		return nil, err
	}
	r.op.isReturn = op.isReturn
	if found.lost, err = r.unseen(ctx, op, unseen); err != nil {
		return nil, err
	}
	if err := r.admitOutdated(ctx, op, found); err != nil {
		return nil, err
	}
	if err := r.admitSchedule(ctx, op); err != nil {
		return nil, err
	}
	found.secret.Claim, found.bucket.Claim = found.secret.For(op.spec), found.bucket.For(op.spec)
	if !op.isNew() { // an event that begins the set makes or adopts the bucket itself
		found = found.confirmed()
	}
	if err := r.admit(ctx, op, &found); err != nil {
		return nil, err
	}
	made, err := r.make(ctx, op, found)
	if err != nil {
		return nil, err
	}
	data, err := r.complete(ctx, op, made)
	if err == nil && op.isReturn {
		err = r.endReturn(ctx, op)
	}
	if err == nil && !made.lost.bucket && !made.lost.user { // a policy was written
		r.bucketOf(op.spec).ReportMoved(ctx, op.change())
	}
	return data, err
}

// complete equips a set and puts a key into its secret, unless that keeps what it holds.
func (r *run) complete(ctx context.Context, op operation, made set) (_ map[string]string, err error) {
	if err := r.admitAsked(ctx, op, made); err != nil {
		return nil, err
	}
	if made.secret, err = r.ensureKmsKey(ctx, op, made); err != nil {
		return nil, err
	}
	if reason := made.keepsKey(); reason != nil {
		if err := r.equip(ctx, op, made, func() {}); err != nil {
			return nil, err
		}
		return r.answerAsIs(ctx, op, made, reason)
	}
	key, is := r.prepare(ctx, op, made)
	switch {
	case is.noKey != nil && is.unequipped == nil && (r.mayStay(ctx, op, made, key, is.noKey) || r.leavesUnread(ctx, op, is.noKey)):
		return r.answerAsIs(ctx, op, made, is.noKey)
	case is.noKey != nil || is.unequipped != nil:
		return nil, errors.Join(is.unequipped, is.noKey, r.discard(ctx, op.spec, key))
	}
	delivered, err := r.deliver(ctx, op, made, key, is.unproven)
	switch {
	case err != nil && r.mayStay(ctx, op, made, key, err):
		return r.answerAsIs(ctx, op, made, err)
	case err != nil:
		return nil, err
	}
	r.fence = ""
	if err := r.ensureSchedule(ctx, op, made); err != nil {
		return nil, err
	}
	if err := r.retire(ctx, op, made, delivered); err != nil { // the last, as nothing brings the key back
		return nil, err
	}
	return op.spec.Data(delivered.ID, made.secret.ARN, cmp.Or(r.fence, delivered.version)), nil
}

// failures are what may have failed before a commit.
type failures struct{ unequipped, noKey, unproven error }

// prepare equips the set and sees to its key beside each other. The policy names the user, so it follows it; the key
// needs user and secret alone. It is proven as soon as the policy lets the user in, beside the settings that the proof
// does not depend on. Nobody has the key before everything around it is in place and the secret holds it.
func (r *run) prepare(ctx context.Context, op operation, made set) (key credential, is failures) {
	isOpen := make(chan struct{})
	proof, stop := context.WithCancel(ctx)
	defer stop()
	_ = together( // each error is kept
		func() error {
			is.unequipped = r.equip(ctx, op, made, func() { close(isOpen) })
			if is.unequipped != nil {
				stop()
			}
			return nil
		},
		func() error {
			if key, is.noKey = r.ensureKey(ctx, op, made); is.noKey != nil {
				return nil
			}
			select {
			case <-isOpen:
				is.unproven = r.prove(ctx, proof, op, made, &key)
			case <-proof.Done():
				is.unproven = proof.Err()
			}
			return nil
		},
	)
	return key, is
}

// mayStay reports whether an event that begins no set leaves value and keys as they are, where
// it could not repair them: its rollback could not either. That is so for a user without a
// boundary, and for a key that IAM has and S3 does not know with what is stored. A rollback does so
// whatever others forbid it.
func (r *run) mayStay(ctx context.Context, op operation, made set, key credential, failure error) bool {
	isRefused := awscall.IsRefused(failure) || errors.Is(failure, keyring.ErrNoRoom)
	isLeft := isRefused && !errors.Is(failure, claim.ErrLate) && !errors.Is(failure, secret.ErrUnknown)
	if r.asksOfKeys(ctx, op, made) != "" {
		return false
	}
	return !op.isNew() && (errors.Is(failure, keyring.ErrUnbounded) || isLeft && (key.isRepair || awscall.IsByOthers(failure) && r.isRollback(ctx, op)))
}

// admitAsked refuses what an Update asks of keys or schedule, where a lost part keeps them as they are.
func (r *run) admitAsked(ctx context.Context, op operation, made set) error {
	if made.lost == (parts{}) || made.secret.IsLaterFormat() {
		return nil
	}
	asks := r.asksOfKeys(ctx, op, made)
	isNeeded := asks == "RotateAfterDays" && op.spec.RotateAfterDays > 0 // the bucket: nothing is proven in a lost one
	keepers := parts{secret: made.lost.secret, user: made.lost.user, bucket: made.lost.bucket && isNeeded}
	if asks == "" || keepers == (parts{}) {
		return nil
	}
	return fmt.Errorf("%s: value and keys stay as they are: %w", asks, keepers.err(op.spec, made, howToUpdate))
}

// asksOfKeys names the property by which an Update asks for what it cannot do where value and keys stay as they are, or
// "". Its rollback asks for nothing: one that brings KeySerial back lowers it, and the others are told by the stack.
func (r *run) asksOfKeys(ctx context.Context, op operation, made set) string {
	isOther := op.changes(func(s spec.Spec) any { return s.RotateAfterDays }) && !r.isScheduled(made.secret, op.spec)
	switch {
	case op.asksForKey() && !r.isRollback(ctx, op):
		return "KeySerial"
	case op.asksToRetire() && r.directionOf(ctx, op) == forward:
		return "PreviousKey"
	case isOther && r.directionOf(ctx, op) == forward:
		return "RotateAfterDays"
	}
	return ""
}

// leavesUnread reports whether an event leaves a value as it is that cannot be read. One that goes
// back to what was is never refused.
func (r *run) leavesUnread(ctx context.Context, op operation, failure error) bool {
	return errors.Is(failure, secret.ErrUnreadable) && r.isRollback(ctx, op)
}

// keepsKey says why value and keys of the set stay as they are, if they do.
func (x set) keepsKey() error {
	switch {
	case x.secret.IsLaterFormat():
		return fmt.Errorf("a later version of the provider keeps them, in format %s; this one knows %d", x.secret.Tags()[spec.TagFormat], spec.Format)
	case x.lost.user || x.lost.secret:
		return errors.New("user or secret lacks this resource's tags")
	}
	return nil
}

// answerAsIs answers with what the secret holds, where its value and the user's keys stay as
// they are: nothing is minted, swept or committed. The rollback to this version may depend on
// it. An event that begins the set fails if the secret holds no key.
func (r *run) answerAsIs(ctx context.Context, op operation, made set, reason error) (map[string]string, error) {
	r.log.Warn("left value and keys as they are", "secret", op.spec.SecretName, "reason", reason.Error())
	if err := r.supersede(ctx, op); err != nil {
		return nil, err
	}
	if made.secret.Deleting { // nobody can read it
		return op.spec.Data("", made.secret.ARN, ""), nil
	}
	current, err := r.secretOf(op.spec).ReadRestored(ctx, made.secret)
	if current.State == secret.Unreadable {
		err = current.Why
	}
	if awscall.IsRefused(err) && !op.isNew() {
		r.log.Warn("could not read the value of the secret", "secret", op.spec.SecretName, "reason", err.Error())
		err = nil
	}
	if err != nil {
		return nil, err
	}
	id := current.Fields.Get(spec.FieldAccessKeyID)
	if id == "" && op.isNew() {
		return nil, awscall.Again(fmt.Errorf("secret %s: was begun by a later version of the provider; deploy that version", op.spec.SecretName))
	}
	return op.spec.Data(id, made.secret.ARN, current.Version), nil
}

// look reads secret, user and bucket by name, and asks whether the event is late. Parts that cannot
// be looked at have their errors beside them. An Update in place expects a value, and reads it as well.
func (r *run) look(ctx context.Context, op operation) (found set, unseen doubts, err error) {
	err = together(
		func() error { return r.checkLate(ctx, op) },
		func() error { found, unseen = r.lookParts(ctx, op.spec); return nil },
		func() error { r.readAhead(ctx, op); return nil },
	)
	if err != nil || unseen.all() != nil {
		return found, unseen, err
	}
	isDoubtful, err := r.doubts(ctx, op, found)
	if err == nil && isDoubtful {
		doubted := found.bucket.State
		found.bucket, err = r.bucketOf(op.spec).Await(ctx, "S3 shows whose the bucket is",
			func(b bucket.Bucket) bool { return b.State == doubted && !b.IsTaken() })
	}
	return found, unseen, err
}

// unseen tells what becomes of parts that could not be looked at. A rollback leaves those that it may
// not look at alone, as it does with what is lost. Every other event fails.
func (r *run) unseen(ctx context.Context, op operation, by doubts) (lost parts, err error) {
	isLeft := func(err error) bool { return awscall.IsDenied(err) && r.isRollback(ctx, op) }
	for _, part := range []struct {
		err  error
		lost *bool
	}{{by.secret, &lost.secret}, {by.user, &lost.user}, {by.bucket, &lost.bucket}} {
		if *part.lost = isLeft(part.err); !*part.lost {
			err = errors.Join(err, part.err)
		}
	}
	return lost, err
}

// admit refuses what ensure must not touch, naming every reason. What an event that begins no
// set must leave alone, it leaves alone: see lost.go.
func (r *run) admit(ctx context.Context, op operation, found *set) error {
	if err := found.checkLate(); err != nil {
		return err
	}
	if !op.isNew() {
		return r.admitInForce(ctx, op, found)
	}
	if op.kind == kindReplacement {
		if err := r.checkReplacement(ctx, op, *found); err != nil {
			return err
		}
	}
	if err := r.awaitOffered(ctx, op, found); err != nil {
		return err
	}
	if err := checkNamespace(op, *found); err != nil {
		return err
	}
	if err := r.bucketOf(op.spec).CheckVersioned(ctx, op.change(), found.bucket); err != nil {
		return err
	}
	if err := r.contest(ctx, op, found); err != nil {
		return err
	}
	return errors.Join(found.secret.Admit(op.spec), found.user.Admit(op.spec), found.bucket.Admit(op.spec),
		r.bucketOf(op.spec).CheckAdoption(ctx, found.bucket))
}

// make creates what is missing, each tagged as ours by the call that creates it. The secret is
// the first: what is left behind always has one, and where there is none nothing needs to be
// looked for long. User and bucket follow beside each other. Neither is cancelled by the
// failure of the other: what was made is then known to be there when it is undone.
func (r *run) make(ctx context.Context, op operation, found set) (made set, err error) {
	made = found
	if !found.lost.secret {
		isWanted := !op.isNew() || found.user.IsOurs() || found.bucket.IsOurs()
		if made.secret, err = r.secretOf(op.spec).Ensure(ctx, found.secret, isWanted, found.bucket.Origin()); err != nil {
			return made, err
		}
	}
	err = together(
		func() (err error) { made.user, err = r.keysOf(op.spec).Ensure(ctx, op.isNew(), found.user); return err },
		func() (err error) {
			if !found.lost.bucket {
				made.bucket, err = r.bucketOf(op.spec).Ensure(ctx, op.change(), found.bucket)
				made.bucket.Fresh = made.bucket.Fresh || r.isMadeNow(op, found.bucket, made.bucket)
			}
			return err
		},
	)
	r.reportRepair(op, made.secret.Fresh, "secret")
	r.reportRepair(op, made.user.Fresh, "user")
	r.reportRepair(op, made.bucket.Fresh, "bucket")
	if made.user.LacksBoundary(op.spec) {
		r.log.Warn("found the user without a permissions boundary", "user", op.spec.UserName)
	}
	return made, err
}

// reportRepair logs that an Update found a part of the set missing or changed by hand.
func (r *run) reportRepair(op operation, isRepaired bool, part string) {
	if isRepaired && !op.isNew() {
		r.log.Warn("repaired what was changed by hand", "part", part,
			"secret", op.spec.SecretName, "user", op.spec.UserName, "bucket", op.spec.BucketName)
	}
}

// together runs steps beside each other, waits for all of them and joins their
// errors. A panic in one of them goes on in the caller.
func together(steps ...func() error) error {
	running := pool.New().WithErrors()
	for _, step := range steps {
		running.Go(step)
	}
	return running.Wait()
}
