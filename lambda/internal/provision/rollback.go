package provision

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
)

// A rollback is never refused for what others have done: its stack would end in UPDATE_ROLLBACK_FAILED,
// and nobody could update it. What it may not change stays as it is, and the log says so. An Update
// that goes back between two sets is known by the set. One in place is told by the status of its stack.

// A direction is where an Update goes, as far as that is known.
type direction int

// The directions. CloudFormation has not answered where it is untold.
const (
	untold direction = iota
	forward
	backward
)

// isRollback reports whether the event is part of a rollback. CloudFormation is asked once, when
// something was refused. Without its answer the event is none.
func (r *run) isRollback(ctx context.Context, op operation) bool {
	return r.directionOf(ctx, op) == backward
}

func (r *run) directionOf(ctx context.Context, op operation) direction {
	switch {
	case op.kind == kindInPlace:
		status := r.askStack(ctx, op).StackStatus
		r.asksResource.Do(func() { r.direction = r.directionOfStack(ctx, op, status) })
		return r.direction
	case op.kind == kindBack, op.kind == kindReplacement && op.isReturn:
		return backward
	}
	return forward
}

func (r *run) directionOfStack(ctx context.Context, op operation, status types.StackStatus) direction {
	switch {
	case status == "":
		return untold
	case !isRollingBack(status):
		return forward
	}
	return r.isUnderWay(ctx, op)
}

// isUnderWay tells whether the status of the resource is not later than the event. The stack of an
// Update that comes late may be rolled back by now: the rollback is another event then.
func (r *run) isUnderWay(ctx context.Context, op operation) direction {
	at, err := r.describe(ctx, op.spec)
	switch {
	case err != nil:
		return untold
	case !op.spec.Sent.IsZero() && at.isLaterThan(op.spec.Sent):
		return forward
	}
	return backward
}

// admitOutdated refuses values that an earlier version accepted, where the event brings them. A
// rollback may bring them back. It is refused nothing, so neither is an Update of which CloudFormation
// does not say that it is none. Nor is an event that an earlier version has carried out in part, when
// Lambda delivers it again.
func (r *run) admitOutdated(ctx context.Context, op operation, found set) error {
	isBegun := found.secret.IsOursOrLeaving() && !op.spec.Sent.IsZero() && found.secret.IsOfEvent()
	if len(op.fresh) > 0 && !isBegun && r.directionOf(ctx, op) == forward {
		return op.fresh
	}
	for _, fault := range op.outdated {
		r.log.Warn("left a value that is refused where it is new", "property", fault.Property, "reason", fault.Reason)
	}
	return nil
}

// namesAgain reports whether a rollback names tags of an adopted bucket that the failed Update would have taken
// off, and has not: they are those of the property, and not found as its owner's.
func (r *run) namesAgain(ctx context.Context, op operation, b bucket.Bucket) bool {
	return b.IsKnownAdopted() && b.FindsTags(op.before()) && r.isRollback(ctx, op)
}

func (r *run) checkNewTags(ctx context.Context, op operation, b bucket.Bucket) (seen bucket.Bucket, err error) {
	if r.namesAgain(ctx, op, b) {
		return b, nil
	}
	return r.bucketOf(op.spec).CheckNewTags(ctx, b, op.before())
}

func isRollingBack(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "ROLLBACK_IN_PROGRESS")
}

// unlessRollback drops what was refused to a rollback because of others. A right that the role lacks
// can be given, and going on with the rollback finds it.
func (r *run) unlessRollback(ctx context.Context, op operation, err error) error {
	if err == nil || !awscall.IsByOthers(err) || !r.isRollback(ctx, op) {
		return err
	}
	r.log.Warn("left as it is what a rollback may not change", "bucket", op.spec.BucketName, "secret", op.spec.SecretName, "reason", err.Error())
	return nil
}
