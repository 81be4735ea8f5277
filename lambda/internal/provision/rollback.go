package provision

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/internal/awscall"
)

// A rollback is never refused for what others have done: its stack would end in UPDATE_ROLLBACK_FAILED,
// and nobody could update it. What it may not change stays as it is, and the log says so. An Update
// that goes back between two sets is known by the set. One in place is told by the status of its stack.

// isRollback reports whether the event is part of a rollback. CloudFormation is asked once, when
// something was refused. Without its answer the event is none.
func (r *run) isRollback(ctx context.Context, op operation) bool {
	switch op.kind {
	case kindBack:
		return true
	case kindReplacement:
		return op.isReturn
	case kindInPlace:
		is := r.situation(ctx, op) == rollingBack
		r.asksResource.Do(func() { r.isStackRolledBack = is && r.isUnderWay(ctx, op) })
		return r.isStackRolledBack
	case kindCreate, kindDelete:
	}
	return false
}

// isUnderWay reports whether the status of the resource is not later than the event. The stack of an
// Update that comes late may be rolled back by now: the rollback is another event then.
func (r *run) isUnderWay(ctx context.Context, op operation) bool {
	is, err := r.describe(ctx, op.spec)
	return err == nil && (op.spec.Sent.IsZero() || !is.isLaterThan(op.spec.Sent))
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
