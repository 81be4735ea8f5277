package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/spec"
)

// A standing is how the set of a failed event stands with CloudFormation.
type standing int

// The standings.
const (
	unknown      standing = iota // no answer, or no such resource
	inUse                        // the resource is this very set
	updating                     // an Update is under way, and the resource is another set
	deleting                     // a Delete is under way
	deleted                      // the resource is gone
	deleteFailed                 // a Delete has failed and will come again
	idle                         // anything else, and most often: a Create is under way
)

// standingOf tells the standing from what describe returned.
func standingOf(is resource, err error, s spec.Spec) standing {
	if err != nil {
		return unknown
	}
	switch is.status {
	case types.ResourceStatusCreateComplete, types.ResourceStatusImportComplete,
		types.ResourceStatusDeleteSkipped, // its stack has let go of it, with DeletionPolicy: Retain
		types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed,
		types.ResourceStatusUpdateRollbackInProgress, types.ResourceStatusUpdateRollbackComplete, types.ResourceStatusUpdateRollbackFailed:
		switch {
		case is.id == s.PhysicalID:
			return inUse
		case isWaiting(cfn.RequestUpdate, is.status):
			return updating
		}
	case types.ResourceStatusDeleteInProgress:
		return deleting
	case types.ResourceStatusDeleteComplete:
		return deleted
	case types.ResourceStatusDeleteFailed:
		return deleteFailed
	}
	return idle
}

// A remedy is what undoing does with the set of a failed event.
type remedy struct {
	isUndone bool            // it is removed, unless credentials were committed
	ifBegun  bool            // but only if this very event has begun it
	data     bucket.Disposal // of a bucket that holds data
}

// undoing says whether what an event made is removed, and what becomes of a bucket that
// holds data then: it is left to a Delete that is under way, and released where no Delete
// will come for it. The table in the package page has the same rows.
func (op operation) undoing(at standing, hasGoneBack bool) remedy {
	switch op.kind {
	case kindCreate:
		return undoingCreate(at)
	case kindInPlace, kindBack:
		return undoingUpdate(at)
	case kindReplacement:
		return undoingReplacement(at, hasGoneBack)
	case kindDelete: // has made nothing
	}
	return remedy{}
}

func undoingCreate(at standing) remedy {
	switch at {
	case inUse: // the event was a late duplicate; what is missing the next Update repairs
		return remedy{}
	case deleteFailed: // the Delete finds everything
		return remedy{}
	case deleting:
		return remedy{isUndone: true, data: bucket.RefuseData}
	case unknown, updating, deleted, idle:
	}
	return remedy{isUndone: true, data: bucket.ReleaseData}
}

func undoingUpdate(at standing) remedy {
	switch at {
	case unknown, inUse, updating, deleteFailed, idle: // the Update that goes back finds everything
		return remedy{}
	case deleting: // a late Update has made parts of a set that is being deleted
		return remedy{isUndone: true, data: bucket.RefuseData}
	case deleted:
	}
	return remedy{isUndone: true, data: bucket.ReleaseData}
}

// undoingReplacement also serves the way back to a set that is there, and stays. In
// CloudFormation's express mode, and where rollback is disabled, no event comes after a failed
// replacement.
func undoingReplacement(at standing, hasGoneBack bool) remedy {
	if at != inUse && hasGoneBack { // the Update that went back was here before
		return remedy{isUndone: true, data: bucket.ReleaseData}
	}
	switch at {
	case inUse:
		return remedy{}
	case unknown, updating:
		return remedy{isUndone: true, ifBegun: true, data: bucket.ReleaseData}
	case deleting, deleteFailed, idle:
		return remedy{isUndone: true, data: bucket.RefuseData}
	case deleted:
	}
	return remedy{isUndone: true, data: bucket.ReleaseData}
}

// undo removes what a failed event made, as undoing says.
func (r *run) undo(ctx context.Context, op operation) error {
	is, err := r.describe(ctx, op.spec)
	at := standingOf(is, err, op.spec)
	backErr := r.checkGoneBack(ctx, op.replaced())
	does := op.undoing(at, errors.Is(backErr, claim.ErrLater))
	switch {
	case does.isUndone:
		return r.undoSet(ctx, op.spec, does)
	case at == inUse:
		return nil
	}
	return backErr
}

// isBegunBy reports whether the event of a spec has begun the set: all of it that is there was
// made by that event. The event must have a time to tell.
func (x set) isBegunBy(s spec.Spec) bool {
	isOf := func(c claim.Claim) bool { return !c.IsOurs() || c.IsOfEvent() }
	return !s.Sent.IsZero() && x.secret.IsOurs() && !x.secret.Deleting && isOf(x.secret.Claim) && isOf(x.user.Claim) && isOf(x.bucket.Claim)
}

// neverMade are the parts that this event cannot have made: those that AWS has refused, and
// those for which it was not asked, unless an earlier delivery may have done that.
func (r *run) neverMade() parts {
	isNever := func(m awscall.Making) bool { return m.Refused || !m.Asked && !r.op.isRepeated }
	return parts{isNever(r.making.secret), isNever(r.making.user), isNever(r.notes.Making)}
}

// mayHaveMade reports whether there may be a part that this delivery has made.
func (r *run) mayHaveMade() bool {
	return r.making.secret.Made || r.making.user.Made || r.notes.Made
}

// undoSet removes a set unless credentials were committed. The secret goes last, where a
// Delete removes it first: its tombstone keeps other events from a commit until all else is
// gone, and shows the Delete that there is more to look for where time was too short for it.
// A set of a later event stays.
func (r *run) undoSet(ctx context.Context, s spec.Spec, does remedy) error {
	never := r.neverMade()
	found, unseen, err := r.lookForRemoval(ctx, s, r.mayHaveMade(), never)
	if errors.Is(err, claim.ErrLater) {
		return nil
	}
	if err := errors.Join(err, unseen.all()); err != nil {
		return err
	}
	if does.ifBegun && !found.isBegunBy(s) {
		return nil
	}
	if r.inUse(ctx, s, found).secret { // which has lost its tags
		r.log.Info("did not undo what is committed", "secret", s.SecretName)
		return nil
	}
	isShort := found.isIncomplete(never) && !r.patience.IsOver()
	if stays, err := r.secretOf(s).Bury(ctx, &found.secret); err != nil || stays {
		return err
	}
	if err := r.unmark(ctx, s); err != nil {
		return err
	}
	if found.user.IsOurs() {
		if err := r.keysOf(s).Remove(ctx, found.user, false); err != nil {
			return err
		}
	}
	if err := r.bucketOf(s).Remove(ctx, found.bucket, does.data, r.mayHaveEquipped()); err != nil || !found.secret.IsOursOrLeaving() {
		return err
	}
	if isShort {
		return fmt.Errorf("secret %s: stays until AWS shows the rest of the set", s.SecretName)
	}
	return r.secretOf(s).Remove(ctx, found.secret)
}

// unmark takes the mark of a replacement that is undone off the set that was to be replaced. This
// delivery has made it, or an earlier one. A later event that has ensured that set has taken off the
// latter, and may be writing tags.
func (r *run) unmark(ctx context.Context, s spec.Spec) error {
	mayBeMarked := r.op.kind == kindReplacement && r.op.isRepeated && !errors.Is(r.checkGoneBack(ctx, r.op.replaced()), claim.ErrLater)
	if !r.hasMarked && !mayBeMarked {
		return nil
	}
	if err := r.unsupersede(ctx, r.op.other, s.PhysicalID); err != nil {
		return fmt.Errorf("mark of the set that was to be replaced: %w", err)
	}
	return nil
}
