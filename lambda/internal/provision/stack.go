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

	"bucketuser/lambda/spec"
)

// errStale says that CloudFormation no longer waits for the event.
var errStale = errors.New("CloudFormation no longer waits for this event")

// questionTimeout limits a question to CloudFormation, which must not hold up an
// event that it would only have let go on.
const questionTimeout = 5 * time.Second

// maxLead is how much later than an event the status of its resource may be. Both times
// are CloudFormation's, and the status comes first, so any lead says that the event is
// an earlier one; but that is not documented, and clocks differ.
const maxLead = 5 * time.Minute

// checkAwaited returns errStale if CloudFormation does not wait for this event any more:
// a Create that starts after its Delete, or a late duplicate, would leave a set behind
// that nobody removes.
func (p *Provisioner) checkAwaited(ctx context.Context, s spec.Spec, c change) error {
	return together(
		func() error { return p.askStack(ctx, s, c) },
		func() error { return p.checkReplaced(ctx, c.replaced) },
	)
}

// askStack asks CloudFormation. If it cannot be asked the event goes on.
func (p *Provisioner) askStack(ctx context.Context, s spec.Spec, c change) error {
	r, err := p.describe(ctx, s)
	switch {
	case errors.Is(err, errNoResource) && !s.Sent.IsZero() && time.Since(s.Sent) > maxLead:
		return fmt.Errorf("%w: the stack has no such resource", errStale)
	case err != nil:
		p.log.Info("CloudFormation cannot tell the state of the resource", "error", err.Error())
	case !isWaiting(c.event, r.status):
		return fmt.Errorf("%w: the resource is %s", errStale, r.status)
	case c.event == cfn.RequestUpdate && r.id != "" && r.id != c.from && r.id != s.PhysicalID:
		return fmt.Errorf("%w: the resource is %s by now", errStale, r.id)
	case !s.Sent.IsZero() && r.since.After(s.Sent.Add(maxLead)):
		return fmt.Errorf("%w: it is from %s, and the resource is %s since %s", errStale,
			s.Sent.Format(time.RFC3339), r.status, r.since.Format(time.RFC3339))
	}
	return nil
}

// checkReplaced returns errOvertaken if a later event has ensured the set that a
// replacement comes from: CloudFormation has gone back from it. The Update that goes back
// says so on that set before it looks for what the replacement has left, and the
// replacement asks when everything but the commit is done. So either this question or
// that look finds the other.
//
// A secret that may not be read, as its name is outside of patterns that were narrowed,
// says nothing: a rollback is never refused for that.
func (p *Provisioner) checkReplaced(ctx context.Context, replaced spec.Spec) error {
	if replaced.PhysicalID == "" {
		return nil
	}
	x, err := p.lookSecret(ctx, replaced, false)
	if isDenied(err) {
		return nil
	}
	return errors.Join(err, overtaken(x.tags, replaced))
}

// isWaiting reports whether a status is that of a resource whose event is under way.
// A rollback shows as an update; the last status is documented, and was seen for
// nested stacks only.
func isWaiting(event cfn.RequestType, status types.ResourceStatus) bool {
	switch status {
	case types.ResourceStatusCreateInProgress:
		return event == cfn.RequestCreate
	case types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateRollbackInProgress:
		return event == cfn.RequestUpdate
	default:
		return false
	}
}

// checkNotInUse returns errStale if CloudFormation has created the set of s and not sent
// a Delete for it since: the Delete is of an earlier life under the same id, such as one
// whose Create had failed without a rollback.
func (p *Provisioner) checkNotInUse(ctx context.Context, s spec.Spec) error {
	r, err := p.describe(ctx, s)
	if err == nil && r.status == types.ResourceStatusCreateComplete && r.id == s.PhysicalID {
		return fmt.Errorf("%w: the resource is %s", errStale, r.status)
	}
	return nil // also if there is no answer
}

// resource is CloudFormation's word on the resource.
type resource struct {
	status types.ResourceStatus
	since  time.Time // when it had that status
	id     string    // the physical id, or "" before the first answer
}

// isInUse reports whether it means that the set of s is the one in use.
func (r resource) isInUse(s spec.Spec) bool {
	switch r.status {
	case types.ResourceStatusCreateComplete, types.ResourceStatusImportComplete,
		types.ResourceStatusDeleteSkipped, // its stack has let go of it, with DeletionPolicy: Retain
		types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed,
		types.ResourceStatusUpdateRollbackInProgress, types.ResourceStatusUpdateRollbackComplete, types.ResourceStatusUpdateRollbackFailed:
		return r.id == s.PhysicalID
	default:
		return false
	}
}

// errNoResource says that there is no such stack, or no such resource in it.
var errNoResource = errors.New("stack: has no such resource")

// describe asks for the state of the resource. It is zero if there is no answer.
func (p *Provisioner) describe(ctx context.Context, s spec.Spec) (resource, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	out, err := p.cfn.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName:         &s.StackID,
		LogicalResourceId: &s.LogicalID,
	})
	if err != nil {
		if isCode(err, "ValidationError") {
			return resource{}, errNoResource
		}
		return resource{}, brief(err)
	}
	detail := out.StackResourceDetail
	if detail == nil {
		return resource{}, errors.New("stack: an answer without the resource")
	}
	return resource{detail.ResourceStatus, aws.ToTime(detail.LastUpdatedTimestamp), aws.ToString(detail.PhysicalResourceId)}, nil
}

// expectedOwner is passed with every call on a bucket, so that a bucket of the
// same name in another account is never touched.
func (p *Provisioner) expectedOwner() *string { return aws.String(p.provider.Account) }
