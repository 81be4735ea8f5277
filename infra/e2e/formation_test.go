//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// formation deploys templates with the calls of aws cloudformation deploy and
// delete-stack, and nothing of the CDK.
type formation struct {
	*cloudformation.Client
}

func formationAs(c aws.Config) formation { return formation{cloudformation.NewFromConfig(c)} }

// deploy creates or updates a stack with a change set and returns its outputs. The
// error of a failed one says why each resource failed.
func (f formation) deploy(ctx context.Context, name, template string, parameters map[string]string) (map[string]string, error) {
	kind := types.ChangeSetTypeUpdate
	var api smithy.APIError
	if _, err := f.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name}); errors.As(err, &api) && api.ErrorCode() == "ValidationError" {
		kind = types.ChangeSetTypeCreate
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
	set, err := f.CreateChangeSet(ctx, input)
	if err != nil {
		return nil, err
	}
	if err := f.planned(ctx, set); err != nil {
		return nil, err
	}
	if _, err := f.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.Id, StackName: &name}); err != nil {
		return nil, err
	}
	return f.deployed(ctx, name)
}

func (f formation) planned(ctx context.Context, set *cloudformation.CreateChangeSetOutput) error {
	for {
		out, err := f.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.Id, StackName: set.StackId})
		switch {
		case err != nil:
			return err
		case out.Status == types.ChangeSetStatusCreateComplete:
			return nil
		case out.Status == types.ChangeSetStatusFailed:
			return fmt.Errorf("change set: %s", aws.ToString(out.StatusReason))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// deployed waits for a stack and returns its outputs.
func (f formation) deployed(ctx context.Context, name string) (map[string]string, error) {
	stack, err := f.settled(ctx, name)
	if err != nil {
		return nil, err
	}
	if stack.StackStatus != types.StackStatusCreateComplete && stack.StackStatus != types.StackStatusUpdateComplete {
		return nil, f.failure(ctx, stack)
	}
	outputs := map[string]string{}
	for _, output := range stack.Outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return outputs, nil
}

// settled waits for the end of a stack's operation.
func (f formation) settled(ctx context.Context, name string) (types.Stack, error) {
	for {
		out, err := f.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
		if err != nil {
			return types.Stack{}, err
		}
		if stack := out.Stacks[0]; !strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS") {
			return stack, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// failure returns the status of a stack with the reason of every failed event.
func (f formation) failure(ctx context.Context, stack types.Stack) error {
	reasons := []error{fmt.Errorf("stack %s: %s %s", aws.ToString(stack.StackName), stack.StackStatus, aws.ToString(stack.StackStatusReason))}
	events, err := f.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: stack.StackId})
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

// delete deletes a stack. Like delete-stack and its waiter it asks by id, which a
// deleted stack keeps.
func (f formation) delete(ctx context.Context, name string) error {
	out, err := f.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return err
	}
	if _, err := f.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return err
	}
	stack, err := f.settled(ctx, *out.Stacks[0].StackId)
	if err == nil && stack.StackStatus != types.StackStatusDeleteComplete {
		err = f.failure(ctx, stack)
	}
	return err
}

// wantStatus fails the test unless the stack is in the state.
func (f formation) wantStatus(t *testing.T, name string, status types.StackStatus) {
	t.Helper()
	if got := must[types.Stack](t)(f.settled(t.Context(), name)); got.StackStatus != status {
		t.Errorf("stack %s is %s, want %s", name, got.StackStatus, status)
	}
}
