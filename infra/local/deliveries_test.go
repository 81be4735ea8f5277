//go:build e2e

package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// How Lambda delivers an event that CloudFormation sends (Lambda Developer Guide, How Lambda handles errors and retries
// with asynchronous invocation).
func deliveryCorrections() []correction {
	return []correction{
		{"a ResponseURL says when it was signed", datedAddress},
		{"an event is delivered again after a crash", crashOnce},
		{"an event is delivered again after an error", errOnce},
		{"an event is delivered three times at most", crashAlways},
		{"an event is delivered as often as the function's settings say", crashTwice},
		{"a throttled event is delivered later, which is no attempt", throttledEvent},
		{"CloudFormation waits for the answer, and not for the function", answerAndWait},
		{"CloudFormation waits no longer than ServiceTimeout for a function that runs", waitAndAnswer},
		{"the first answer counts", twoAnswers},
		{"a deleted function does not make its log group again", deletedFunction},
	}
}

func datedAddress(t *testing.T, e *emulator) error {
	before := time.Now().UTC().Truncate(time.Second)
	wantStatus(t, e.deploy(t, "dated", resource("fit")), "CREATE_COMPLETE")
	seen := cloudtest.Must(e.observed(t, "dated", "Create"))(t)
	at, err := time.Parse("20060102T150405Z", seen.SentAt)
	if err == nil && (at.Before(before) || at.After(time.Now())) {
		err = fmt.Errorf("sent at %s, after %s", seen.SentAt, before)
	}
	return errors.Join(err, want("seconds for which it is good", seen.Expires, "7200"))
}

func crashOnce(t *testing.T, e *emulator) error {
	return errors.Join(
		want("the stack", e.deploy(t, "crash-once", resourceOf("Function", "crash once", 8)), "CREATE_COMPLETE"),
		e.wantDeliveries(t, "crash-once", 2))
}

func errOnce(t *testing.T, e *emulator) error {
	return errors.Join(
		want("the stack", e.deploy(t, "err-once", resourceOf("Function", "err once", 8)), "CREATE_COMPLETE"),
		e.wantDeliveries(t, "err-once", 2))
}

func crashAlways(t *testing.T, e *emulator) error {
	return errors.Join(
		want("the stack", e.deploy(t, "crash", resourceOf("Function", "crash", 8)), "ROLLBACK_COMPLETE"),
		e.wantDeliveries(t, "crash", 3))
}

func crashTwice(t *testing.T, e *emulator) error {
	return errors.Join(
		want("the stack", e.deploy(t, "crash-twice", resourceOf("Once", "crash", 8)), "ROLLBACK_COMPLETE"),
		e.wantDeliveries(t, "crash-twice", 2))
}

// wantDeliveries is what differs from a number of deliveries of a stack's Create. Each had the same ResponseURL.
func (e *emulator) wantDeliveries(t *testing.T, stack string, n int) error {
	t.Helper()
	out := cloudtest.Must(e.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
		Bucket: aws.String("observations"), Prefix: aws.String(stack + "/deliveries/Create/")}))(t)
	if len(out.Contents) != n {
		return fmt.Errorf("%d deliveries, want %d", len(out.Contents), n)
	}
	sent := map[string]bool{}
	for _, object := range out.Contents {
		sent[cloudtest.Must(e.observed(t, stack, (*object.Key)[len(stack)+1:]))(t).SentAt] = true
	}
	return want("times in the ResponseURL", fmt.Sprint(len(sent)), "1")
}

func throttledEvent(t *testing.T, e *emulator) error {
	input := e.stack(t, "throttled", resourceOf("Throttled", "fit", 15))
	function := cloudtest.Must(e.Outputs(t.Context(), "answer"))(t)["Throttled"]
	cloudtest.Must(e.Lambda.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{
		FunctionName: &function, ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	cloudtest.Must(e.Stacks.CreateStack(t.Context(), input))(t)
	e.inProgress(t, "throttled")
	cloudtest.Must(e.Lambda.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: &function}))(t)
	return want("the stack", e.settled(t, "throttled"), "CREATE_COMPLETE")
}

// inProgress returns once CloudFormation has sent the event, or has begun to create something.
func (e *emulator) inProgress(t *testing.T, stack string) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range 10 {
		<-tick.C
		_, err := e.Stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
			StackName: &stack, LogicalResourceId: aws.String("Thing")})
		if err == nil {
			break
		}
	}
	<-tick.C // and Lambda has tried
}

func answerAndWait(t *testing.T, e *emulator) error {
	status := e.deploy(t, "answer-and-wait", resourceOf("Function", "answer and wait", 30))
	return errors.Join(want("the stack", status, "CREATE_COMPLETE"), e.goesOn(t, "answer-and-wait"))
}

// The function is in the middle of the Create when CloudFormation gives up, and answers when all is over.
func waitAndAnswer(t *testing.T, e *emulator) error {
	status := e.deploy(t, "wait-and-answer", resourceOf("Function", "wait and answer", 2))
	return errors.Join(
		want("the stack", status, "ROLLBACK_COMPLETE"),
		e.goesOn(t, "wait-and-answer"),
		want("the stack after a late answer", e.settled(t, "wait-and-answer"), "ROLLBACK_COMPLETE"),
		e.wantDeliveries(t, "wait-and-answer", 1))
}

// goesOn lets a function that waits go on, and is what keeps it from that.
func (e *emulator) goesOn(t *testing.T, stack string) error {
	t.Helper()
	if err := e.Put(t.Context(), "observations", stack+"/go on"); err != nil {
		t.Fatal(err)
	}
	return until(t.Context(), 5*time.Second, "the function went on", func() bool {
		_, err := e.S3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("observations"), Key: aws.String(stack + "/went on")})
		return err == nil
	})
}

// until waits for something that must be, and is what it waited for in vain.
func until(ctx context.Context, atMost time.Duration, what string, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %s", atMost, what)
		case <-tick.C:
		}
	}
	return nil
}

func twoAnswers(t *testing.T, e *emulator) error {
	return want("the stack", e.deploy(t, "two-answers", resource("twice")), "CREATE_COMPLETE")
}

// The function's second answer may come before CloudFormation's thread wakes up from the first, which no function can time.
func TestSecondAnswerComesAtOnce(t *testing.T) {
	script := `
import sys
sys.path.insert(0, sys.argv[1])
import corrections
corrections.apply()
from corrections import stacks
from ministack.services.cloudformation import custom_resource
ids = dict(RequestId="r", StackId="s", LogicalResourceId="l", PhysicalResourceId="p")
stacks._current.set(stacks.Call(event=ids))
custom_resource.register_token("t")
for status in ("SUCCESS", "FAILED"):
    assert custom_resource.deliver_response("t", dict(ids, Status=status))
print(custom_resource._pending["t"]["result"]["Status"])
`
	python := exec.Command(corrected.Tools.Emulator, "-c", script, corrected.Tools.Launcher)
	python.Dir = t.TempDir()
	out, err := python.Output()
	if err != nil || strings.TrimSpace(string(out)) != "SUCCESS" {
		t.Errorf("%v: %q", err, out)
	}
}

// The function is deleted with its log group while it runs.
func deletedFunction(t *testing.T, e *emulator) error {
	e.answering(t)
	name, group := "deleted", "/aws/lambda/deleted"
	role := cloudtest.Must(e.Lambda.GetFunction(t.Context(), &lambda.GetFunctionInput{
		FunctionName: aws.String(cloudtest.Must(e.Outputs(t.Context(), "answer"))(t)["Function"])}))(t).Configuration.Role
	cloudtest.Must(e.Lambda.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(10), Role: role,
		Code:        &lambdatypes.FunctionCode{S3Bucket: aws.String("observations"), S3Key: aws.String("code.zip")},
		Environment: &lambdatypes.Environment{Variables: map[string]string{"OBSERVATIONS": "observations"}},
	}))(t)
	payload := cloudtest.Must(json.Marshal(map[string]any{
		"RequestType": "Create", "StackId": "arn:aws:cloudformation:" + e.Region + ":" + local.Account + ":stack/deleted/1",
		"ResourceProperties": map[string]any{"Answer": "answer and wait"}, "ResponseURL": e.Endpoint + "/_ministack/cfn-response/none",
	}))(t)
	cloudtest.Must(e.Lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: payload, InvocationType: lambdatypes.InvocationTypeEvent}))(t)
	if err := until(t.Context(), 5*time.Second, "the function runs", func() bool {
		_, err := e.observed(t, name, "Create")
		return err == nil
	}); err != nil {
		t.Fatal(err)
	}
	cloudtest.Must(e.Lambda.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}))(t)
	err := until(t.Context(), 5*time.Second, "the log group is made", func() bool {
		out := cloudtest.Must(e.Logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group}))(t)
		return len(out.LogGroups) > 0
	})
	deliveries := cloudtest.Must(e.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
		Bucket: aws.String("observations"), Prefix: aws.String("deleted/deliveries/")}))(t)
	if err == nil || len(deliveries.Contents) != 1 {
		return fmt.Errorf("a log group was made: %v; deliveries: %d", err == nil, len(deliveries.Contents))
	}
	return nil
}
