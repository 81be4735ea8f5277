package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/spec"
)

// To empty a bucket may take longer than one run of the function. Lambda delivers an event again whose run has returned an
// error, so a Delete that is out of time, has deleted something and has a run left returns one, and is not
// answered. What is deleted is not listed again: to begin anew is to go on. Each run looks at everything anew: whose
// the set is, whether the event is late, and whether the set is one side of a replacement.
//
// A tag on the bucket counts the runs of the event. It is written beside the first deletions of a run, so one that was cut
// off before has not counted. Where it cannot be written the event is answered: nobody knows how many runs are left.

// maxRuns is how often Lambda runs the function with an event whose runs return errors ("How Lambda handles errors and
// retries with asynchronous invocation", Lambda Developer Guide). It waits one minute after the first and two after the second.
const maxRuns = 3

// waitAfter is how long Lambda waits after a run.
func waitAfter(run int) time.Duration { return min(time.Duration(run), 2) * time.Minute }

// thirdRunAge is less than the age of an event whose third run begins: Lambda has waited three minutes by then.
const thirdRunAge = 2 * time.Minute

// runOf is the number of this run of an event that empties a bucket, or 0 if it cannot be told. A run that was cut off before
// it had begun to delete has left no tag, and somebody may take it off. So without one this is the last of the runs that may have begun at
// this age: an answer too early says what is left, and no answer at all says nothing.
func (r *run) runOf(s spec.Spec, b bucket.Bucket) int {
	age := r.patience.Begun().Sub(s.Sent)
	switch counted := b.Emptying(); {
	case s.Sent.IsZero() || b.IsEmptiedByLater():
		return 0
	case counted > 0:
		return counted + 1
	case age > thirdRunAge:
		return r.mostRuns
	case age > redeliveryAge:
		return r.mostRuns - 1
	}
	return 1
}

// What is kept of the time of a run for opening the bucket again and saying what is left of it, and of the time for which
// CloudFormation waits. The time of an event has whole seconds, and clocks differ.
const (
	keptForReason = 10 * time.Second
	keptForAnswer = 30 * time.Second
)

// untilAnswer has emptying end while there is time to say what is left: before the event has to be answered, and before
// CloudFormation gives up. An event that it has given up already goes on: its answer is dropped in any case.
func (r *run) untilAnswer(ctx context.Context, op operation, data bucket.Disposal) (context.Context, context.CancelFunc) {
	end, isBounded := ctx.Deadline()
	if data != bucket.PurgeData || !isBounded {
		return ctx, func() {}
	}
	end = end.Add(-min(keptForReason, time.Until(end)/3))
	gaveUp := op.spec.Sent.Add(op.timeout - keptForAnswer)
	if gaveUp.After(time.Now()) && gaveUp.Before(end) {
		end = gaveUp
	}
	return context.WithDeadline(ctx, end)
}

// goOn is what becomes of the error of a removal: where the time was over, whatever the run was doing, and something was
// deleted, the event is left for its next delivery, if there is one. Else it fails with what is left. So it does where another
// run would end in the same way. Until the next run nobody may write to the bucket; where there is none, everybody may
// again who might before.
func (r *run) goOn(ctx, working context.Context, op operation, lost parts, err error) error {
	gone, rate := r.notes.Progress()
	var rest *purge.Unfinished
	isOver := errors.As(err, &rest) || err != nil && working.Err() != nil && gone > 0
	if !isOver {
		return err
	}
	why := ""
	if isFinal := lost != (parts{}) || errors.As(err, new(*purge.Refused)); gone > 0 && !isFinal {
		var isLeft bool
		if why, isLeft = r.hasRunLeft(op); isLeft {
			return &cfnresource.Unanswered{Run: r.notes.Run, Deleted: gone, Rate: rate}
		}
	}
	r.bucketOf(op.spec).Open(ctx)
	if rest == nil {
		err = fmt.Errorf("%w, when %d entries were deleted and the time was over", err, gone)
	}
	return awscall.Again(fmt.Errorf("%w%s. What is deleted stays deleted, and the next Delete goes on from there: see that nobody writes to the bucket", err, why))
}

// spareWait is how much longer Lambda may wait than it says.
const spareWait = time.Minute

// hasRunLeft reports whether a run comes after this one, or why none does. Lambda starts none when the event is so old
// that CloudFormation may give up in the midst of it: the construct sets that as the event's maximum age.
func (r *run) hasRunLeft(op operation) (why string, isLeft bool) {
	next := time.Since(op.spec.Sent) + waitAfter(r.notes.Run) + spareWait
	switch {
	case op.spec.Sent.IsZero():
		return "; the event has no time, so its runs cannot be counted", false
	case r.notes.Run == 0:
		return "; no tag could be set on the bucket, so its runs cannot be counted", false
	case r.notes.Run >= r.mostRuns:
		return fmt.Sprintf("; this was run %d of %d", min(r.notes.Run, r.mostRuns), r.mostRuns), false
	case next+spec.FunctionTimeout > op.timeout:
		return fmt.Sprintf("; CloudFormation waits %s, which leaves no time for another run", op.timeout), false
	}
	return "", true
}

// isBeingEmptied reports whether an earlier run of this very event has begun to empty the bucket. It has looked for the whole set
// before, and has ended all access.
func (x set) isBeingEmptied() bool { return x.bucket.State == claim.Ours && x.bucket.Emptying() > 0 }
