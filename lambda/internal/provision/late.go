package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// An event is late if CloudFormation no longer waits for it. Three things tell: the time of
// the last event on the set itself (claim.CheckLate), the same on the set that a replacement
// comes from (checkGoneBack), and CloudFormation (checkStatus).

// questionTimeout bounds DescribeStackResource. Its answer can only stop an event, so waiting
// long for it gains nothing.
const questionTimeout = 5 * time.Second

// askedAge is how old an answer may be that was asked for beside the looks of a Delete: no wait is as short. After a longer time it is
// asked again.
const askedAge = time.Second

// CloudFormation sets the status of a resource before it sends the event.
const (
	// minLead is how much later than an event a status must be to say anything against it: one
	// that is older may be from before the event, since DescribeStackResource lags (L5), and
	// the time of an event has whole seconds.
	minLead = 2 * time.Second

	// maxLead is how much later than an event the status may be that the event itself has set:
	// it says then that the event is an earlier one of its kind. That is not documented, and
	// clocks differ.
	maxLead = 5 * time.Minute
)

// checkLate returns [claim.ErrLate] for an event that is late: a Create that starts after its
// Delete, or a duplicate, would leave a set behind that nobody removes.
func (r *run) checkLate(ctx context.Context, op operation) error {
	return together(
		func() error { return r.checkStatus(ctx, op) },
		func() error { return r.checkGoneBack(ctx, op.replaced()) },
	)
}

// checkStatus asks CloudFormation. An event goes on if there is no answer.
func (r *run) checkStatus(ctx context.Context, op operation) error {
	s := op.spec
	is, err := r.describe(ctx, s)
	isUpdate := op.requestType() == cfn.RequestUpdate
	switch {
	case errors.Is(err, errNoResource) && !s.Sent.IsZero() && time.Since(s.Sent) > maxLead:
		return fmt.Errorf("%w: the stack has no such resource", claim.ErrLate)
	case err != nil:
		r.log.Info("was told no status of the resource", "reason", err.Error())
	case !is.isLaterThan(s.Sent):
	case !isWaiting(op.requestType(), is.status):
		return fmt.Errorf("%w: the resource is %s", claim.ErrLate, is.status)
	case isUpdate && is.id != "" && is.id != op.from && is.id != s.PhysicalID:
		return fmt.Errorf("%w: the resource is %s by now", claim.ErrLate, is.id)
	case !s.Sent.IsZero() && is.since.After(s.Sent.Add(maxLead)):
		return fmt.Errorf("%w: it is from %s, and the resource is %s since %s", claim.ErrLate,
			s.Sent.Format(time.RFC3339), is.status, is.since.Format(time.RFC3339))
	}
	return nil
}

// checkGoneBack returns [claim.ErrLater] if a later event has ensured the set that a
// replacement comes from: CloudFormation has gone back from it. The Update that goes back
// writes its time on that set before it looks for what the replacement has left. The
// replacement asks when all but its commit is done. So one of the two finds the other.
//
// A secret that may not be read proves nothing, and a rollback is never refused for it: its
// name may lie outside of patterns that were narrowed.
func (r *run) checkGoneBack(ctx context.Context, replaced spec.Spec) error {
	if replaced.PhysicalID == "" {
		return nil
	}
	x, err := r.secretOf(replaced).LookNow(ctx)
	if awscall.IsDenied(err) {
		return nil
	}
	return errors.Join(err, x.CheckLate())
}

// checkLateDelete returns [claim.ErrLate] if CloudFormation has done something else with the
// set of s since it sent the Delete: the Delete is of an earlier life under the same id, such
// as one whose Create had failed without a rollback, or CloudFormation has given it up, and
// somebody may have decided to retain what there is. No answer lets the Delete go on. Without a
// time of the event, CREATE_COMPLETE alone is believed.
func checkLateDelete(s spec.Spec, is resource, err error) error {
	isOther := is.status != types.ResourceStatusDeleteInProgress
	if s.Sent.IsZero() {
		isOther = is.status == types.ResourceStatusCreateComplete
	}
	if err == nil && isOther && is.isLaterThan(s.Sent) && is.id == s.PhysicalID {
		return fmt.Errorf("%w: the resource is %s", claim.ErrLate, is.status)
	}
	return nil
}

// isWaiting reports whether a status is that of a resource whose event is under way. A
// rollback shows as an update. Its own status is documented, and was seen for nested stacks
// only.
func isWaiting(event cfn.RequestType, status types.ResourceStatus) bool {
	isUpdating := status == types.ResourceStatusUpdateInProgress || status == types.ResourceStatusUpdateRollbackInProgress
	return event == cfn.RequestCreate && status == types.ResourceStatusCreateInProgress ||
		event == cfn.RequestUpdate && isUpdating
}

// resource is CloudFormation's word on the resource.
type resource struct {
	status types.ResourceStatus
	since  time.Time // when it had that status
	id     string    // the physical id, or "" before the first answer
}

// isLaterThan reports whether the status was set after an event, so that it says something about
// it. Of an event without a time it is believed.
func (is resource) isLaterThan(sent time.Time) bool {
	return sent.IsZero() || is.since.After(sent.Add(minLead))
}

// errNoResource says that there is no such stack, or no such resource in it.
var errNoResource = errors.New("stack: has no such resource")

// describe asks for the state of the resource. It is zero if there is no answer.
func (r *run) describe(ctx context.Context, s spec.Spec) (resource, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	out, err := r.cfn.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName:         &s.StackID,
		LogicalResourceId: &s.LogicalID,
	})
	if awscall.IsCode(err, "ValidationError") {
		return resource{}, errNoResource
	}
	if err != nil {
		return resource{}, awscall.Brief(err)
	}
	detail := out.StackResourceDetail
	if detail == nil {
		return resource{}, errors.New("stack: an answer without the resource")
	}
	return resource{detail.ResourceStatus, aws.ToTime(detail.LastUpdatedTimestamp), aws.ToString(detail.PhysicalResourceId)}, nil
}
