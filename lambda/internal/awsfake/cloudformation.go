package awsfake

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// stackResource is what DescribeStackResource answers about a resource.
type stackResource struct {
	status     string // empty: the resource is unknown
	since      time.Time
	physicalID string
}

// SetResourceStatus is what DescribeStackResource answers about a resource, such as "CREATE_IN_PROGRESS". The stack is
// named by its id, and found under its name as well. It was last updated now. An empty status makes the resource unknown.
func (a *AWS) SetResourceStatus(stackID, logicalID, status string) {
	a.setResource(stackID, logicalID, func(r *stackResource) { r.status, r.since = status, time.Now() })
}

// SetPhysicalResourceID is the id that DescribeStackResource answers about a resource whose status is set.
func (a *AWS) SetPhysicalResourceID(stackID, logicalID, physicalID string) {
	a.setResource(stackID, logicalID, func(r *stackResource) { r.physicalID = physicalID })
}

// ResourceStatus is what was set last by SetResourceStatus and SetPhysicalResourceID.
func (a *AWS) ResourceStatus(stackID, logicalID string) (status, physicalID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.stacks[stackID][logicalID]
	return r.status, r.physicalID
}

func (a *AWS) setResource(stackID, logicalID string, set func(*stackResource)) {
	defer a.changing()()
	if a.stacks[stackID] == nil {
		a.stacks[stackID] = map[string]stackResource{}
	}
	r := a.stacks[stackID][logicalID]
	set(&r)
	a.stacks[stackID][logicalID] = r
}

func (a *AWS) describeStackResource(in *cloudformation.DescribeStackResourceInput) (
	*cloudformation.DescribeStackResourceOutput, error) {
	stack, logical := aws.ToString(in.StackName), aws.ToString(in.LogicalResourceId)
	for id, resources := range a.stacks {
		if id != stack && stackName(id) != stack {
			continue
		}
		resource := resources[logical]
		if resource.status == "" {
			return nil, fail(400, "ValidationError", "Resource %s does not exist for stack %s", logical, stack)
		}
		return &cloudformation.DescribeStackResourceOutput{StackResourceDetail: &types.StackResourceDetail{
			LastUpdatedTimestamp: aws.Time(resource.since),
			LogicalResourceId:    aws.String(logical),
			PhysicalResourceId:   aws.String(resource.physicalID),
			ResourceStatus:       types.ResourceStatus(resource.status),
			ResourceType:         aws.String("Custom::BucketUser"),
			StackId:              aws.String(id),
			StackName:            aws.String(stackName(id)),
		}}, nil
	}
	return nil, fail(400, "ValidationError", "Stack '%s' does not exist", stack)
}

// stackName is the name in arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID.
func stackName(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) < 2 {
		return id
	}
	return parts[1]
}
