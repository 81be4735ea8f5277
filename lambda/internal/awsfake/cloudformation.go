package awsfake

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// SetResourceStatus is what DescribeStackResource answers about a resource, such as "CREATE_IN_PROGRESS". The stack is
// named by its id, and found under its name as well. It was last updated now. An empty status makes the resource unknown.
func (a *AWS) SetResourceStatus(stackID, logicalID, status string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stacks[stackID] == nil {
		a.stacks[stackID] = map[string]string{}
	}
	a.stacks[stackID][logicalID] = status
	a.statusSince[stackID+" "+logicalID] = time.Now()
}

// SetPhysicalResourceID is the id that DescribeStackResource answers about a resource whose status is set.
func (a *AWS) SetPhysicalResourceID(stackID, logicalID, physicalID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.physicalIDs[stackID+" "+logicalID] = physicalID
}

func (a *AWS) serveStacks(c Call) (any, error) {
	if in, ok := c.Input.(*cloudformation.DescribeStackResourceInput); ok {
		return a.describeStackResource(in)
	}
	return nil, &notSimulated{c.Name()}
}

func (a *AWS) describeStackResource(in *cloudformation.DescribeStackResourceInput) (
	*cloudformation.DescribeStackResourceOutput, error) {
	stack, logical := aws.ToString(in.StackName), aws.ToString(in.LogicalResourceId)
	for id, resources := range a.stacks {
		if id != stack && stackName(id) != stack {
			continue
		}
		status := resources[logical]
		if status == "" {
			return nil, fail(400, "ValidationError", "Resource %s does not exist for stack %s", logical, stack)
		}
		return &cloudformation.DescribeStackResourceOutput{StackResourceDetail: &types.StackResourceDetail{
			LastUpdatedTimestamp: aws.Time(a.statusSince[id+" "+logical]),
			LogicalResourceId:    aws.String(logical),
			PhysicalResourceId:   aws.String(a.physicalIDs[id+" "+logical]),
			ResourceStatus:       types.ResourceStatus(status),
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
