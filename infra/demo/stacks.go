package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"bucketuser/infra/local"
)

const (
	// toolkit is the stack of cdk bootstrap.
	toolkit = "CDKToolkit"
	// none is the status of a stack that does not exist.
	none types.StackStatus = ""

	poll  = 200 * time.Millisecond
	doubt = 5 * time.Second // without an event, until the function is asked whether it runs at all
	// patience is how long a stack in progress may be without an event. The function answers within seconds, unless it
	// cannot run here or cannot answer, for which CloudFormation waits an hour.
	patience = time.Minute
)

// stacks are the stacks of an embedded AWS.
type stacks struct {
	*progress
	config aws.Config
	client *cloudformation.Client
}

func (d *demo) stacksOf(cloud *local.AWS) (stacks, error) {
	config, err := cloud.Config()
	return stacks{d.progress, config, cloudformation.NewFromConfig(config)}, err
}

func (s stacks) status(ctx context.Context, name string) (types.StackStatus, error) {
	out, err := s.client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	var answer smithy.APIError
	if errors.As(err, &answer) && answer.ErrorCode() == "ValidationError" {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	return out.Stacks[0].StackStatus, nil
}

// isMoving reports whether an operation on the stack goes on. One in review waits for a command, which begins anew.
func isMoving(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
}

// isDeployable reports whether cdk deploy can go on from there.
func isDeployable(status types.StackStatus) bool {
	return slices.Contains([]types.StackStatus{none, types.StackStatusReviewInProgress, types.StackStatusCreateComplete,
		types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete, types.StackStatusRollbackComplete}, status)
}

func isDeployed(status types.StackStatus) bool {
	return status == types.StackStatusCreateComplete || status == types.StackStatusUpdateComplete
}

// seen is settle that says what it waits for.
func (s stacks) seen(ctx context.Context, name string) (types.StackStatus, error) {
	status, err := s.status(ctx, name)
	if err != nil || !isMoving(status) {
		return status, err
	}
	s.step("waiting for another command: %s is %s", name, status)
	return s.settle(ctx, name)
}

// errStuck is the error of settle for a stack that will not come to an end.
var errStuck = errors.New("does not come to an end")

// settle waits while an operation on the stack goes on, and returns the status after it.
func (s stacks) settle(ctx context.Context, name string) (types.StackStatus, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	w := watched{stacks: s, name: name, since: time.Now()}
	for {
		status, err := s.status(ctx, name)
		if err != nil || !isMoving(status) {
			return status, err
		}
		if err := w.look(ctx); err != nil {
			return status, fmt.Errorf("the stack %s is %s and %w", name, status, err)
		}
		select {
		case <-ctx.Done():
			return status, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// watched is a stack in progress.
type watched struct {
	stacks
	name  string
	event string    // the last one
	since time.Time // when that was seen
	asked bool      // whether the function runs
}

// look fails once it is clear that the operation will not come to an end.
func (w *watched) look(ctx context.Context) error {
	out, err := w.client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &w.name})
	if err != nil {
		return err
	}
	if len(out.StackEvents) > 0 && aws.ToString(out.StackEvents[0].EventId) != w.event {
		w.event, w.since, w.asked = aws.ToString(out.StackEvents[0].EventId), time.Now(), false
		return nil
	}
	quiet := time.Since(w.since)
	if quiet > patience {
		return fmt.Errorf("%w: nothing has happened for %.0f s", errStuck, quiet.Seconds())
	}
	if quiet > doubt && !w.asked {
		w.asked = true
		if err := w.runs(ctx, w.name); err != nil {
			return fmt.Errorf("%w: %w", errStuck, err)
		}
	}
	return nil
}

// others are the names of the stacks beside that of the demo.
func (s stacks) others(ctx context.Context) ([]string, error) {
	var names []string
	pages := cloudformation.NewListStacksPaginator(s.client, &cloudformation.ListStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, stack := range page.StackSummaries {
			name := aws.ToString(stack.StackName)
			if stack.StackStatus != types.StackStatusDeleteComplete && name != stackName && name != toolkit {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// delete deletes the stack, and waits for that.
func (s stacks) delete(ctx context.Context, name string) error {
	if _, err := s.client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return err
	}
	status, err := s.settle(ctx, name)
	if err != nil || status == none || status == types.StackStatusDeleteComplete {
		return err
	}
	return fmt.Errorf("the stack %s is %s: %s", name, status, s.reason(ctx, name))
}

// reason is why the first resource of a deletion could not be deleted.
func (s stacks) reason(ctx context.Context, name string) string {
	out, err := s.client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		return err.Error()
	}
	reason := ""
	for _, event := range out.StackEvents { // the last one first
		if event.ResourceStatus == types.ResourceStatusDeleteInProgress && aws.ToString(event.LogicalResourceId) == name {
			break
		}
		if event.ResourceStatus == types.ResourceStatusDeleteFailed {
			reason = aws.ToString(event.ResourceStatusReason)
		}
	}
	return reason
}
