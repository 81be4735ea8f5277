//go:build e2e

package local_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"bucketuser/infra/internal/cloudtest"
)

func stackCorrections() []correction {
	return []correction{
		{"a failed Create gets a Delete", failedCreate},
		{"a Create that fails within an update gets a Delete", failedCreateInUpdate},
		{"a failed Create stays in the stack without rollback", failedCreateKept},
		{"a stack whose creation failed takes no change set", failedCreateUpdated},
		{"what a resource depends on outlives its failed deletion", failedDelete},
		{"an answer of more than 4,096 bytes fails", longAnswer},
		{"an answer without a physical id fails", namelessAnswer},
		{"an answer to another request is dropped", staleAnswer},
		{"DescribeStackResource shows what is in progress", visibleProgress},
		{"DescribeStackResource shows the rollback of an update", visibleRollback},
		{"DescribeStackResource knows a resource that was deleted with its stack", deletedResource},
		{"a function knows its log group", logGroup},
	}
}

// observation is what testdata/answer stored about a request.
type observation struct{ PhysicalID, Status, LogGroup, SentAt, Expires string }

func failedCreate(t *testing.T, e *emulator) error {
	status := e.deploy(t, "failed-create", resource("fail"))
	seen, err := e.observed(t, "failed-create", "Delete")
	if err != nil {
		return err
	}
	return errors.Join(
		want("the stack", status, "ROLLBACK_COMPLETE"),
		want("the id of the Delete", seen.PhysicalID, "answer-Thing"),
		want("the status during Delete", seen.Status, "DELETE_IN_PROGRESS"))
}

func failedCreateInUpdate(t *testing.T, e *emulator) error {
	wantStatus(t, e.deploy(t, "failed-update", map[string]any{"Other": topic()}), "CREATE_COMPLETE")
	status := e.deploy(t, "failed-update", map[string]any{"Other": topic(), "Thing": resource("fail")["Thing"]})
	_, err := e.observed(t, "failed-update", "Delete")
	return errors.Join(err, want("the stack", status, "UPDATE_ROLLBACK_COMPLETE"))
}

func failedCreateUpdated(t *testing.T, e *emulator) error {
	const name = "failed-updated"
	wantStatus(t, e.deploy(t, name, resource("fail")), "ROLLBACK_COMPLETE")
	input := e.stack(t, name, map[string]any{"Other": topic()})
	_, err := e.Stacks.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: input.StackName, ChangeSetName: aws.String("again"), TemplateBody: input.TemplateBody})
	if says := fmt.Sprint(err); !strings.Contains(says, "is in ROLLBACK_COMPLETE state and can not be updated") {
		return fmt.Errorf("a change set for it: %s", says)
	}
	return nil
}

func failedCreateKept(t *testing.T, e *emulator) error {
	input := e.stack(t, "failed-kept", resource("fail"))
	input.DisableRollback = aws.Bool(true)
	cloudtest.Must(e.Stacks.CreateStack(t.Context(), input))(t)
	wantStatus(t, e.settled(t, "failed-kept"), "CREATE_FAILED")
	_, early := e.observed(t, "failed-kept", "Delete")
	if early == nil {
		return errors.New("deleted without rollback")
	}
	e.delete(t, "failed-kept")
	_, err := e.observed(t, "failed-kept", "Delete")
	return err
}

func failedDelete(t *testing.T, e *emulator) error {
	thing := resource("keep")["Thing"].(map[string]any)
	thing["DependsOn"] = "Other"
	wantStatus(t, e.deploy(t, "failed-delete", map[string]any{"Other": topic(), "Thing": thing}), "CREATE_COMPLETE")
	cloudtest.Must(e.Stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("failed-delete")}))(t)
	wantStatus(t, e.settled(t, "failed-delete"), "DELETE_FAILED")
	_, err := e.Stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
		StackName: aws.String("failed-delete"), LogicalResourceId: aws.String("Other"),
	})
	return err
}

func longAnswer(t *testing.T, e *emulator) error {
	status := e.deploy(t, "long-answer", resource("fill"))
	return errors.Join(
		want("the stack", status, "ROLLBACK_COMPLETE"),
		e.failedBecause(t, "long-answer", "Response object is too long."))
}

func namelessAnswer(t *testing.T, e *emulator) error {
	status := e.deploy(t, "nameless-answer", resource("nameless"))
	seen, err := e.observed(t, "nameless-answer", "Delete")
	if err != nil {
		return err
	}
	var madeUp error
	if !strings.HasPrefix(seen.PhysicalID, "nameless-answer-Thing-") {
		madeUp = fmt.Errorf("the id of the Delete: got %s, want one that is made up", seen.PhysicalID)
	}
	return errors.Join(madeUp,
		want("the stack", status, "ROLLBACK_COMPLETE"),
		e.failedBecause(t, "nameless-answer", "Invalid PhysicalResourceId"))
}

func staleAnswer(t *testing.T, e *emulator) error {
	return want("the stack", e.deploy(t, "stale-answer", resource("stale")), "ROLLBACK_COMPLETE")
}

func visibleProgress(t *testing.T, e *emulator) error {
	wantStatus(t, e.deploy(t, "progress", resource("fit")), "CREATE_COMPLETE")
	wantStatus(t, e.deploy(t, "progress", resource("fit again")), "UPDATE_COMPLETE")
	after := cloudtest.Must(e.Stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
		StackName: aws.String("progress"), LogicalResourceId: aws.String("Thing"),
	}))(t)
	e.delete(t, "progress")
	errs := []error{want("the status afterwards", string(after.StackResourceDetail.ResourceStatus), "UPDATE_COMPLETE")}
	for request, status := range map[string]string{
		"Create": "CREATE_IN_PROGRESS", "Update": "UPDATE_IN_PROGRESS", "Delete": "DELETE_IN_PROGRESS",
	} {
		seen := cloudtest.Must(e.observed(t, "progress", request))(t)
		errs = append(errs, want("the status during "+request, seen.Status, status))
	}
	return errors.Join(errs...)
}

// The last Update that the function sees is the one that goes back.
func visibleRollback(t *testing.T, e *emulator) error {
	wantStatus(t, e.deploy(t, "rollback", resource("fit")), "CREATE_COMPLETE")
	wantStatus(t, e.deploy(t, "rollback", resource("fail")), "UPDATE_ROLLBACK_COMPLETE")
	seen := cloudtest.Must(e.observed(t, "rollback", "Update"))(t)
	return want("the status during the rollback's Update", seen.Status, "UPDATE_IN_PROGRESS")
}

// An update that takes the resource out of the template leaves nothing of it.
func deletedResource(t *testing.T, e *emulator) error {
	status := func(stack string) (string, error) {
		out, err := e.Stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: aws.String("Thing")})
		if err != nil {
			return cloudtest.Code(err), err
		}
		return string(out.StackResourceDetail.ResourceStatus), nil
	}
	input := e.stack(t, "gone", map[string]any{"Other": topic(), "Thing": resource("fit")["Thing"]})
	id := *cloudtest.Must(e.Stacks.CreateStack(t.Context(), input))(t).StackId
	wantStatus(t, e.settled(t, "gone"), "CREATE_COMPLETE")
	wantStatus(t, e.deploy(t, "gone", map[string]any{"Other": topic()}), "UPDATE_COMPLETE")
	taken, _ := status(id)
	wantStatus(t, e.deploy(t, "gone", map[string]any{"Other": topic(), "Thing": resource("fit")["Thing"]}), "UPDATE_COMPLETE")
	e.delete(t, "gone")
	deleted, err := status(id)
	byName, _ := status("gone")
	cloudtest.Must(e.Stacks.CreateStack(t.Context(), e.stack(t, "gone", map[string]any{"Other": topic()})))(t)
	wantStatus(t, e.settled(t, "gone"), "CREATE_COMPLETE")
	later, _ := status(id)
	return errors.Join(err, want("taken out of the template", taken, "ValidationError"),
		want("deleted", deleted, "DELETE_COMPLETE"), want("by its name", byName, "ValidationError"),
		want("below a later stack of the same name", later, "DELETE_COMPLETE"))
}

func logGroup(t *testing.T, e *emulator) error {
	wantStatus(t, e.deploy(t, "log-group", resource("fit")), "CREATE_COMPLETE")
	seen := cloudtest.Must(e.observed(t, "log-group", "Create"))(t)
	return want("AWS_LAMBDA_LOG_GROUP_NAME", seen.LogGroup, "/its/own/group")
}

func want(what, got, expected string) error {
	if got != expected {
		return fmt.Errorf("%s: got %s, want %s", what, got, expected)
	}
	return nil
}
