package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/infra/internal/stack"
)

// poll is how long nobody asks CloudFormation whether it is done.
const poll = 100 * time.Millisecond

// Outputs returns the outputs of a stack by name.
func (c *Clients) Outputs(ctx context.Context, name string) (map[string]string, error) {
	return stack.Outputs(ctx, c.config, name)
}

// Deploy creates or updates a stack with the calls of aws cloudformation deploy, a
// change set, and returns its outputs. The error of a failed one says why each resource
// failed; that of a template which changes nothing is CloudFormation's. It waits until
// ctx ends.
func (c *Clients) Deploy(ctx context.Context, name, template string, parameters map[string]string) (map[string]string, error) {
	kind, done := types.ChangeSetTypeUpdate, types.StackStatusUpdateComplete
	_, err := c.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if Code(err) == "ValidationError" {
		kind, done = types.ChangeSetTypeCreate, types.StackStatusCreateComplete
	} else if err != nil {
		return nil, err
	}
	input := &cloudformation.CreateChangeSetInput{
		StackName: &name, ChangeSetName: aws.String(fmt.Sprintf("deploy-%d", time.Now().UnixNano())), ChangeSetType: kind,
		TemplateBody: &template, Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	}
	for key, value := range parameters {
		input.Parameters = append(input.Parameters, types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(value)})
	}
	set, err := c.Stacks.CreateChangeSet(ctx, input)
	if err != nil {
		return nil, err
	}
	if err := c.planned(ctx, set); err != nil {
		return nil, err
	}
	if _, err := c.Stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.Id, StackName: &name}); err != nil {
		return nil, err
	}
	if err := c.ended(ctx, name, done); err != nil {
		return nil, err
	}
	return c.Outputs(ctx, name)
}

// planned waits until a change set can be executed.
func (c *Clients) planned(ctx context.Context, set *cloudformation.CreateChangeSetOutput) error {
	for {
		out, err := c.Stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.Id, StackName: set.StackId})
		switch {
		case err != nil:
			return err
		case out.Status == types.ChangeSetStatusCreateComplete:
			return nil
		case out.Status == types.ChangeSetStatusFailed:
			return fmt.Errorf("change set: %s", aws.ToString(out.StatusReason))
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// DeleteStack deletes a stack and waits until ctx ends. Like delete-stack and its waiter
// it asks by id, which a deleted stack keeps. Deleting what does not exist is an error.
func (c *Clients) DeleteStack(ctx context.Context, name string) error {
	out, err := c.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return err
	}
	if _, err := c.Stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return err
	}
	return c.ended(ctx, *out.Stacks[0].StackId, types.StackStatusDeleteComplete)
}

// Settled waits for the end of a stack's operation, at most until ctx ends, and returns
// the stack, whatever became of it.
func (c *Clients) Settled(ctx context.Context, name string) (types.Stack, error) {
	for {
		out, err := c.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil {
			return types.Stack{}, err
		}
		if s := out.Stacks[0]; !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") {
			return s, nil
		}
		if err := pause(ctx); err != nil {
			return types.Stack{}, err
		}
	}
}

// ended waits for the end of a stack's operation. Another end than want is an error,
// with the reason of every failed event.
func (c *Clients) ended(ctx context.Context, name string, want types.StackStatus) error {
	s, err := c.Settled(ctx, name)
	if err != nil || s.StackStatus == want {
		return err
	}
	reasons := []error{fmt.Errorf("stack %s: %s %s", aws.ToString(s.StackName), s.StackStatus, aws.ToString(s.StackStatusReason))}
	events, err := c.Stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: s.StackId})
	if err != nil {
		return errors.Join(append(reasons, err)...)
	}
	for _, event := range events.StackEvents {
		if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
			reasons = append(reasons, fmt.Errorf("%s %s: %s", event.ResourceStatus, aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceStatusReason)))
		}
	}
	return errors.Join(reasons...)
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
