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

// askStack returns errStale if CloudFormation says that it is not waiting for an
// event of this type: a Create that starts after its Delete, or a late duplicate,
// would leave a set behind that nobody removes. If the question cannot be answered
// the event goes on.
func (p *Provisioner) askStack(ctx context.Context, s spec.Spec, event cfn.RequestType) error {
	status, _, err := p.describe(ctx, s)
	if err != nil {
		p.log.Info("CloudFormation cannot tell the state of the resource", "error", err.Error())
		return nil
	}
	if !isWaiting(event, status) {
		return fmt.Errorf("%w: the resource is %s", errStale, status)
	}
	return nil
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

// askBeforeRemoval returns errStale if CloudFormation says that the resource of s is
// in use under this very id: a Delete that arrives now is a late duplicate, of an
// earlier resource with the same names. Its answer is a failure, as nothing was
// removed; CloudFormation drops answers that it does not wait for.
func (p *Provisioner) askBeforeRemoval(ctx context.Context, s spec.Spec) error {
	status, id, err := p.describe(ctx, s)
	if err != nil {
		return nil // as in askStack
	}
	if status == types.ResourceStatusCreateInProgress || isInUse(s, status, id) {
		return fmt.Errorf("%w: the resource is %s", errStale, status)
	}
	return nil
}

// isInUse reports whether CloudFormation's word on the resource means that the set
// of s is the one in use.
func isInUse(s spec.Spec, status types.ResourceStatus, id string) bool {
	switch status {
	case types.ResourceStatusCreateComplete, types.ResourceStatusImportComplete,
		types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed,
		types.ResourceStatusUpdateRollbackInProgress, types.ResourceStatusUpdateRollbackComplete, types.ResourceStatusUpdateRollbackFailed:
		return id == s.PhysicalID
	default:
		return false
	}
}

// describe returns the status of the resource and its physical id.
func (p *Provisioner) describe(ctx context.Context, s spec.Spec) (types.ResourceStatus, string, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	out, err := p.cfn.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName:         &s.StackID,
		LogicalResourceId: &s.LogicalID,
	})
	if err != nil {
		return "", "", brief(err)
	}
	if out.StackResourceDetail == nil {
		return "", "", errors.New("stack: an answer without the resource")
	}
	return out.StackResourceDetail.ResourceStatus, aws.ToString(out.StackResourceDetail.PhysicalResourceId), nil
}

// expectedOwner is passed with every call on a bucket, so that a bucket of the
// same name in another account is never touched.
func (p *Provisioner) expectedOwner() *string { return aws.String(p.provider.Account) }
