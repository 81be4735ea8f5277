package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/spec"
)

// resourceID is the logical id of the resource in each stack of a template below.
const resourceID = "R"

// returned are the return values that a template puts out.
var returned = []string{"UserName", "AccessKeyId", "BucketName", "Prefix", "Url", "SecretArn", "SecretName"}

// template is a stack with the resource, for the provider of this run. Beside it stands, on demand, a second one that the
// provider refuses after the first is there.
func template(provider string, properties map[string]any, failing bool) (string, error) {
	token := map[string]any{"Fn::ImportValue": provider + "-ServiceToken"}
	properties = maps.Clone(properties)
	properties["ServiceToken"] = token
	resources := map[string]any{resourceID: map[string]any{"Type": spec.ResourceType, "Properties": properties}}
	if failing {
		resources["Refused"] = map[string]any{
			"Type": spec.ResourceType, "DependsOn": resourceID,
			"Properties": map[string]any{"ServiceToken": token, "BucketName": "outside-of-the-pattern"},
		}
	}
	outputs := map[string]any{}
	for _, name := range returned {
		outputs[name] = map[string]any{"Value": map[string]any{"Fn::GetAtt": []string{resourceID, name}}}
	}
	text, err := json.Marshal(map[string]any{"Resources": resources, "Outputs": outputs})
	return string(text), err
}

// create makes a stack and returns its outputs. The error of one that failed has the reason of each resource.
func (c clients) create(ctx context.Context, name, template string) (map[string]string, error) {
	made, err := c.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template})
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", name, err)
	}
	return c.ended(ctx, aws.ToString(made.StackId), types.StackStatusCreateComplete, time.Time{})
}

// update changes a stack in place and returns its outputs.
func (c clients) update(ctx context.Context, name, template string) (map[string]string, error) {
	since := time.Now()
	changed, err := c.stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: &name, TemplateBody: &template})
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", name, err)
	}
	return c.ended(ctx, aws.ToString(changed.StackId), types.StackStatusUpdateComplete, since)
}

// remove deletes a stack. It asks by the id, which a deleted stack keeps.
func (c clients) remove(ctx context.Context, name string) error {
	s, err := c.settled(ctx, name)
	if err != nil {
		return err
	}
	if _, err := c.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: s.StackId}); err != nil {
		return fmt.Errorf("stack %s: %w", name, err)
	}
	_, err = c.ended(ctx, aws.ToString(s.StackId), types.StackStatusDeleteComplete, time.Now())
	return err
}

// ended waits for the end of an operation, and wants it to be that.
func (c clients) ended(ctx context.Context, id string, want types.StackStatus, since time.Time) (map[string]string, error) {
	s, err := c.settled(ctx, id)
	if err != nil {
		return nil, err
	}
	if s.StackStatus != want {
		return nil, fmt.Errorf("stack %s: %s instead of %s: %w", aws.ToString(s.StackName), s.StackStatus, want, c.reasons(ctx, id, since))
	}
	outputs := map[string]string{}
	for _, output := range s.Outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return outputs, nil
}

// settled waits until CloudFormation does nothing with a stack.
func (c clients) settled(ctx context.Context, id string) (s types.Stack, err error) {
	err = await(ctx, stackLimit, func() error {
		out, err := c.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &id})
		if err != nil {
			return final{err}
		}
		if s = out.Stacks[0]; isBusy(s.StackStatus) {
			return fmt.Errorf("stack %s: %s", aws.ToString(s.StackName), s.StackStatus)
		}
		return nil
	})
	return s, err
}

// isBusy tells whether CloudFormation is at work on a stack. One in review has a change set that nobody has executed.
func isBusy(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
}

// reasons are why resources have failed since then.
func (c clients) reasons(ctx context.Context, id string, since time.Time) error {
	events, err := c.stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &id})
	if err != nil {
		return err
	}
	var reasons []error
	for _, event := range events.StackEvents {
		old := aws.ToTime(event.Timestamp).Before(since.Add(-time.Minute)) // clocks differ
		if !old && strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
			reasons = append(reasons, fmt.Errorf("%s: %s", aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceStatusReason)))
		}
	}
	return errors.Join(reasons...)
}
