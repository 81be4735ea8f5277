//go:build e2e

package local

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// resource is a custom resource whose function answers as told.
func resource(answer string) map[string]any {
	timeout := 30
	if answer == "stale" {
		timeout = 2 // nothing else answers
	}
	return map[string]any{"Thing": map[string]any{
		"Type": "Custom::Thing",
		"Properties": map[string]any{
			"ServiceToken": map[string]any{"Fn::ImportValue": "answer-arn"}, "ServiceTimeout": timeout, "Answer": answer,
		},
	}}
}

func topic() map[string]any {
	return map[string]any{"Type": "AWS::SNS::Topic"}
}

func template(resources, outputs map[string]any) *string {
	b, err := json.Marshal(map[string]any{"Resources": resources, "Outputs": outputs})
	if err != nil {
		return nil // only strings, numbers and maps of them go in
	}
	return aws.String(string(b))
}

// deploy creates or updates a stack and is the status that it ends in.
func (w *world) deploy(t *testing.T, name string, resources map[string]any) string {
	t.Helper()
	input := w.stack(t, name, resources)
	_, err := w.stacks.CreateStack(t.Context(), input)
	if codeOf(err) == "AlreadyExistsException" {
		_, err = w.stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: &name, TemplateBody: input.TemplateBody})
	}
	must(t, err)
	return w.settled(t, name)
}

func (w *world) stack(t *testing.T, name string, resources map[string]any) *cloudformation.CreateStackInput {
	t.Helper()
	w.answering(t)
	return &cloudformation.CreateStackInput{StackName: &name, TemplateBody: template(resources, map[string]any{})}
}

func (w *world) delete(t *testing.T, name string) {
	t.Helper()
	_, err := w.stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name})
	must(t, err)
	w.settled(t, name)
}

// settled waits for the end of a stack's operation, at most 60 seconds.
func (w *world) settled(t *testing.T, name string) string {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for {
		out, err := w.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		if codeOf(err) == "ValidationError" {
			return "gone"
		}
		must(t, err)
		status := string(out.Stacks[0].StackStatus)
		if !strings.HasSuffix(status, "_IN_PROGRESS") {
			return status
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("stack %s: still %s", name, status)
		}
	}
}

func (w *world) failedBecause(t *testing.T, stack, reason string) error {
	t.Helper()
	out, err := w.stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &stack})
	must(t, err)
	for _, event := range out.StackEvents {
		if event.ResourceStatus == cfntypes.ResourceStatusCreateFailed && aws.ToString(event.ResourceStatusReason) == reason {
			return nil
		}
	}
	return fmt.Errorf("no resource failed with %q", reason)
}

// observed is what the function saw of the stack's last request of a type.
func (w *world) observed(t *testing.T, stack, request string) (observation, error) {
	t.Helper()
	out, err := w.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("observations"), Key: aws.String(stack + "/" + request)})
	if err != nil {
		return observation{}, fmt.Errorf("no %s was sent: %w", request, err)
	}
	defer out.Body.Close()
	var seen observation
	must(t, json.NewDecoder(out.Body).Decode(&seen))
	return seen, nil
}

// answering deploys testdata/answer, once.
func (w *world) answering(t *testing.T) {
	t.Helper()
	w.answerer.Do(func() {
		w.bucket(t, "observations")
		_, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("observations"), Key: aws.String("code.zip"), Body: bytes.NewReader(answerZip(t)),
		})
		must(t, err)
		_, err = w.stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: aws.String("answer"), TemplateBody: answerTemplate(),
			Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam},
		})
		must(t, err)
		must(t, want("the function's stack", w.settled(t, "answer"), "CREATE_COMPLETE"))
	})
}

func answerTemplate() *string {
	return template(map[string]any{
		"Role": map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{
			"AssumeRolePolicyDocument": map[string]any{"Statement": []statement{{
				"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": "lambda.amazonaws.com"},
			}}},
			"Policies": []any{map[string]any{"PolicyName": "all", "PolicyDocument": map[string]any{
				"Statement": []statement{allow("*", "cloudformation:DescribeStackResource", "s3:PutObject")},
			}}},
		}},
		"Function": map[string]any{"Type": "AWS::Lambda::Function", "Properties": map[string]any{
			"Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 10,
			"Role":          map[string]any{"Fn::GetAtt": []string{"Role", "Arn"}},
			"Code":          map[string]any{"S3Bucket": "observations", "S3Key": "code.zip"},
			"Environment":   map[string]any{"Variables": map[string]any{"OBSERVATIONS": "observations"}},
			"LoggingConfig": map[string]any{"LogGroup": "/its/own/group"},
		}},
	}, map[string]any{"Arn": map[string]any{
		"Value":  map[string]any{"Fn::GetAtt": []string{"Function", "Arn"}},
		"Export": map[string]any{"Name": "answer-arn"},
	}})
}

// answerZip is the deployment package of testdata/answer for this machine.
func answerZip(t *testing.T) []byte {
	t.Helper()
	code, err := buildAnswer()
	must(t, err)
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	file, err := archive.CreateHeader(header)
	must(t, err)
	_, err = io.Copy(file, bytes.NewReader(code))
	must(t, errors.Join(err, archive.Close()))
	return b.Bytes()
}

var buildAnswer = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "answer-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, "./testdata/answer")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, output)
	}
	return os.ReadFile(binary)
})
