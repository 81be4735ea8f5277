//go:build e2e

package local_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
)

// resource is a custom resource whose function answers as told.
func resource(answer string) map[string]any {
	timeout := 30
	if answer == "stale" {
		timeout = 2 // nothing else answers
	}
	return resourceOf("Function", answer, timeout)
}

// resourceOf is a custom resource of one of the functions of answerTemplate.
func resourceOf(function, answer string, timeout int) map[string]any {
	return map[string]any{"Thing": map[string]any{
		"Type": "Custom::Thing",
		"Properties": map[string]any{
			"ServiceToken": map[string]any{"Fn::ImportValue": "answer-" + function}, "ServiceTimeout": timeout, "Answer": answer,
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
func (e *emulator) deploy(t *testing.T, name string, resources map[string]any) string {
	t.Helper()
	input := e.stack(t, name, resources)
	_, err := e.Stacks.CreateStack(t.Context(), input)
	if cloudtest.Code(err) == "AlreadyExistsException" {
		_, err = e.Stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: &name, TemplateBody: input.TemplateBody})
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.settled(t, name)
}

func (e *emulator) stack(t *testing.T, name string, resources map[string]any) *cloudformation.CreateStackInput {
	t.Helper()
	e.answering(t)
	return &cloudformation.CreateStackInput{StackName: &name, TemplateBody: template(resources, map[string]any{})}
}

func (e *emulator) delete(t *testing.T, name string) {
	t.Helper()
	cloudtest.Must(e.Stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name}))(t)
	e.settled(t, name)
}

// settled waits for the end of a stack's operation, at most 60 seconds.
func (e *emulator) settled(t *testing.T, name string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	stack, err := e.Settled(ctx, name)
	switch {
	case cloudtest.Code(err) == "ValidationError":
		return "gone"
	case err != nil:
		t.Fatalf("stack %s: %v", name, err)
	}
	return string(stack.StackStatus)
}

// wantStatus fails the test at once unless a stack has ended in the status that the
// rest of the test needs.
func wantStatus(t *testing.T, got, status string) {
	t.Helper()
	if got != status {
		t.Fatalf("the stack: got %s, want %s", got, status)
	}
}

func (e *emulator) failedBecause(t *testing.T, stack, reason string) error {
	t.Helper()
	out := cloudtest.Must(e.Stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &stack}))(t)
	for _, event := range out.StackEvents {
		if event.ResourceStatus == cfntypes.ResourceStatusCreateFailed && aws.ToString(event.ResourceStatusReason) == reason {
			return nil
		}
	}
	return fmt.Errorf("no resource failed with %q", reason)
}

// observed is what the function saw of the stack's last request of a type.
func (e *emulator) observed(t *testing.T, stack, request string) (observation, error) {
	t.Helper()
	out, err := e.S3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("observations"), Key: aws.String(stack + "/" + request)})
	if err != nil {
		return observation{}, fmt.Errorf("no %s was sent: %w", request, err)
	}
	defer out.Body.Close()
	var seen observation
	if err := json.NewDecoder(out.Body).Decode(&seen); err != nil {
		t.Fatal(err)
	}
	return seen, nil
}

// answering deploys testdata/answer, once.
func (e *emulator) answering(t *testing.T) {
	t.Helper()
	e.answerer.Do(func() { e.deploys(t, "answer", "observations", deployable(t, buildAnswer), answerTemplate()) })
}

// deploys makes a stack whose functions take their code from a new bucket.
func (e *emulator) deploys(t *testing.T, stack, bucket string, code []byte, template *string) {
	t.Helper()
	newBucket(t, e.Clients, bucket)
	cloudtest.Must(e.S3.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("code.zip"), Body: bytes.NewReader(code),
	}))(t)
	cloudtest.Must(e.Stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String(stack), TemplateBody: template,
		Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityIam},
	}))(t)
	wantStatus(t, e.settled(t, stack), "CREATE_COMPLETE")
}

// answerTemplate has three functions of the same code, which differ in how often events are delivered.
func answerTemplate() *string {
	resources := map[string]any{
		"Role": map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{
			"AssumeRolePolicyDocument": map[string]any{"Statement": []statement{{
				"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": "lambda.amazonaws.com"},
			}}},
			"Policies": []any{map[string]any{"PolicyName": "all", "PolicyDocument": map[string]any{
				"Statement": []statement{allow("*", "cloudformation:DescribeStackResource", "s3:GetObject", "s3:ListBucket", "s3:PutObject")},
			}}},
		}},
	}
	outputs := map[string]any{}
	function := func(name string, more map[string]any) {
		properties := map[string]any{
			"Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 10,
			"Role":          map[string]any{"Fn::GetAtt": []string{"Role", "Arn"}},
			"Code":          map[string]any{"S3Bucket": "observations", "S3Key": "code.zip"},
			"Environment":   map[string]any{"Variables": map[string]any{"OBSERVATIONS": "observations"}},
			"LoggingConfig": map[string]any{"LogGroup": "/its/own/group"},
		}
		maps.Copy(properties, more)
		resources[name] = map[string]any{"Type": "AWS::Lambda::Function", "Properties": properties}
		outputs[name] = map[string]any{
			"Value":  map[string]any{"Fn::GetAtt": []string{name, "Arn"}},
			"Export": map[string]any{"Name": "answer-" + name},
		}
	}
	retries := func(name string, settings map[string]any) {
		maps.Copy(settings, map[string]any{"FunctionName": map[string]any{"Ref": name}, "Qualifier": "$LATEST"})
		resources[name+"Delivery"] = map[string]any{"Type": "AWS::Lambda::EventInvokeConfig", "Properties": settings}
	}
	function("Function", nil)
	function("Once", nil)
	retries("Once", map[string]any{"MaximumRetryAttempts": 1})
	function("Throttled", nil)
	retries("Throttled", map[string]any{"MaximumRetryAttempts": 0})
	return template(resources, outputs)
}

// deployable is the deployment package of a command in testdata, for this machine.
func deployable(t *testing.T, build func() ([]byte, error)) []byte {
	t.Helper()
	code := cloudtest.Must(build())(t)
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	header.SetMode(0o755)
	file := cloudtest.Must(archive.CreateHeader(header))(t)
	cloudtest.Must(file.Write(code))(t)
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// built builds a command in testdata, once.
func built(command string) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", command+"-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		binary := filepath.Join(dir, "bootstrap")
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, "./testdata/"+command)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build: %w\n%s", err, output)
		}
		return os.ReadFile(binary)
	})
}

var buildAnswer = built("answer")
