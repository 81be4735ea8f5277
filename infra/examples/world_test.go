//go:build e2e

package examples

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"bucketuser/infra/internal/stack"
)

// must fails the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// read returns a file of an example.
func read(t *testing.T, path ...string) string {
	t.Helper()
	return string(must[[]byte](t)(os.ReadFile(filepath.Join(path...))))
}

// edit returns text with one passage of it replaced.
func edit(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is %d times in\n%s", old, strings.Count(text, old), text)
	}
	return strings.Replace(text, old, replacement, 1)
}

// secret returns the fields that a resource handed out.
func secret(t *testing.T, arn string) map[string]string {
	t.Helper()
	return must[map[string]string](t)(stack.Secret(t.Context(), config, arn))
}

// user is an S3 client with the credentials of a secret.
func user(t *testing.T, fields map[string]string) *s3.Client {
	t.Helper()
	return s3.NewFromConfig(must[aws.Config](t)(cloud.ConfigAs(aws.Credentials{
		AccessKeyID: fields["AWS_ACCESS_KEY_ID"], SecretAccessKey: fields["AWS_SECRET_ACCESS_KEY"]}, nil)))
}

// use writes, reads and deletes an object below the prefix with the credentials that
// a secret holds, and fails to write one beside it.
func use(t *testing.T, arn, prefix string) {
	t.Helper()
	fields := secret(t, arn)
	if fields["S3_PREFIX"] != prefix {
		t.Errorf("prefix %s, want %s", fields["S3_PREFIX"], prefix)
	}
	client, bucket, key := user(t, fields), fields["S3_BUCKET"], prefix+"table"
	if err := put(t.Context(), client, bucket, key); err != nil {
		t.Fatal(err)
	}
	out := must[*s3.GetObjectOutput](t)(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key}))
	defer out.Body.Close()
	if got := must[[]byte](t)(io.ReadAll(out.Body)); string(got) != "content" {
		t.Errorf("read %q", got)
	}
	if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, put(t.Context(), client, bucket, "elsewhere/table"), "AccessDenied")
}

func put(ctx context.Context, client *s3.Client, bucket, key string) error {
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("content")})
	return err
}

func wantRefused(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%v, want %s", err, code)
	}
}

// wantGone fails the test if anything is left whose name has the stack's name in it.
// Generated names of users, buckets and secrets have not: whether one of them is left
// is asked after all tests.
func wantGone(t *testing.T, name string) {
	t.Helper()
	left := slices.DeleteFunc(must[[]string](t)(cloud.Inventory(t.Context())), func(item string) bool {
		return !strings.Contains(strings.ToLower(item), strings.ToLower(name))
	})
	if len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// lint has cfn-lint read a template of an example.
func lint(t *testing.T, path ...string) {
	t.Helper()
	runIn(t, ".", nil, tools.CfnLint, "--", filepath.Join(path...))
}

// deploy creates or updates a stack as aws cloudformation deploy does, and returns
// its outputs.
func deploy(t *testing.T, name, template string) map[string]string {
	t.Helper()
	client := cloudformation.NewFromConfig(config)
	capabilities := []types.Capability{types.CapabilityCapabilityIam}
	done := types.StackStatusUpdateComplete
	_, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err == nil {
		_, err = client.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: &name, TemplateBody: &template, Capabilities: capabilities})
	} else {
		done = types.StackStatusCreateComplete
		_, err = client.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &template, Capabilities: capabilities})
	}
	if err != nil {
		t.Fatalf("stack %s: %v", name, err)
	}
	wantStatus(t, name, done)
	return must[map[string]string](t)(stack.Outputs(t.Context(), config, name))
}

// destroy deletes a stack, which must leave nothing behind.
func destroy(t *testing.T, name string) {
	t.Helper()
	client := cloudformation.NewFromConfig(config)
	out := must[*cloudformation.DescribeStacksOutput](t)(client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}))
	if _, err := client.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, *out.Stacks[0].StackId, types.StackStatusDeleteComplete)
	wantGone(t, name)
}

// wantStatus waits for the end of a stack's operation, and fails the test with the
// reasons of what failed unless it ends so.
func wantStatus(t *testing.T, name string, want types.StackStatus) {
	t.Helper()
	client := cloudformation.NewFromConfig(config)
	for {
		out := must[*cloudformation.DescribeStacksOutput](t)(client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}))
		got := out.Stacks[0].StackStatus
		if strings.HasSuffix(string(got), "_IN_PROGRESS") {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if got == want {
			return
		}
		events := must[*cloudformation.DescribeStackEventsOutput](t)(client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name}))
		reasons := fmt.Sprintf("stack %s is %s, want %s", name, got, want)
		for _, event := range events.StackEvents {
			if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
				reasons += fmt.Sprintf("\n%s: %s", aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceStatusReason))
			}
		}
		t.Fatal(reasons)
	}
}
