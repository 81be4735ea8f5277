package awsfake

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// stackResource is what DescribeStackResource answers about a resource, and DescribeStacks about the stack itself: see
// [itself].
type stackResource struct {
	status     string // empty: it is unknown
	since      time.Time
	physicalID string
	isSet      bool // the status is that of a stack and was set by SetStackStatus
	root       string
}

// itself stands for the stack among its resources, by their logical ids, of which none is empty.
const itself = ""

// SetResourceStatus is what DescribeStackResource answers about a resource, such as "CREATE_IN_PROGRESS". The stack is
// named by its id, and found under its name as well. It was last updated now. An empty status makes the resource unknown.
// The stack is in progress with the same, such as CREATE_IN_PROGRESS for CREATE_COMPLETE, unless SetStackStatus was ever
// called for it: that of one resource does not tell a rollback from an update.
func (a *AWS) SetResourceStatus(stackID, logicalID, status string) {
	a.setResource(stackID, logicalID, func(r *stackResource) { r.status, r.since = status, time.Now() })
}

// SetStackStatus is what DescribeStacks answers about a stack, such as "UPDATE_ROLLBACK_IN_PROGRESS". The stack is named by
// its id, and found under its name as well. An empty status makes the stack unknown.
func (a *AWS) SetStackStatus(stackID, status string) {
	a.setResource(stackID, itself, func(r *stackResource) { r.become(status); r.isSet = true })
}

// SetStackRoot has a stack be nested: DescribeStacks answers with the id of the stack at the root.
func (a *AWS) SetStackRoot(stackID, rootID string) {
	a.setResource(stackID, itself, func(r *stackResource) { r.root = rootID })
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

// StackStatus is what DescribeStacks answers about a stack; empty for one that is unknown.
func (a *AWS) StackStatus(stackID string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stacks[stackID][itself].status
}

func (a *AWS) setResource(stackID, logicalID string, set func(*stackResource)) {
	defer a.changing()()
	resources := a.stacks[stackID]
	if resources == nil {
		resources = map[string]stackResource{}
		a.stacks[stackID] = resources
	}
	r := resources[logicalID]
	set(&r)
	resources[logicalID] = r
	stack := resources[itself]
	if operation, _, ok := strings.Cut(r.status, "_"); ok && !stack.isSet {
		stack.become(operation + "_IN_PROGRESS")
		resources[itself] = stack
	}
}

// become gives a stack a status. It is as old as its first one.
func (r *stackResource) become(status string) {
	if r.status == "" {
		r.since = time.Now()
	}
	r.status = status
}

// findStack finds a stack by its id, or by its name unless it is deleted. Source: CloudFormation API Reference,
// DescribeStacks and DescribeStackResource, StackName.
func (a *AWS) findStack(idOrName string) (id string, resources map[string]stackResource) {
	for id, resources := range a.stacks {
		if id == idOrName || stackName(id) == idOrName && resources[itself].status != string(types.StackStatusDeleteComplete) {
			return id, resources
		}
	}
	return "", nil
}

func (a *AWS) describeStackResource(in *cloudformation.DescribeStackResourceInput) (
	*cloudformation.DescribeStackResourceOutput, error) {
	stack, logical := aws.ToString(in.StackName), aws.ToString(in.LogicalResourceId)
	id, resources := a.findStack(stack)
	resource := resources[logical]
	switch {
	case id == "":
		return nil, fail(400, "ValidationError", "Stack '%s' does not exist", stack)
	case resource.status == "" || logical == itself:
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

// describeStacks answers about one stack. A list of all is not simulated.
func (a *AWS) describeStacks(in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	if in.StackName == nil {
		return nil, &notSimulated{"DescribeStacks without StackName"}
	}
	id, resources := a.findStack(*in.StackName)
	stack := resources[itself]
	if stack.status == "" {
		return nil, fail(400, "ValidationError", "Stack with id %s does not exist", *in.StackName)
	}
	var root *string
	if stack.root != "" {
		root = &stack.root
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{
		RootId:       root,
		CreationTime: aws.Time(stack.since),
		StackId:      aws.String(id),
		StackName:    aws.String(stackName(id)),
		StackStatus:  types.StackStatus(stack.status),
	}}}, nil
}

// stackName is the name in arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID.
func stackName(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) < 2 {
		return id
	}
	return parts[1]
}
