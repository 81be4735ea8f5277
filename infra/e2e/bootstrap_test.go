//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// TestBootstrapPolicy prepares the region for the CDK once more, under other names, as make bootstrap does: with bootstrap.json
// by the cdk CLI, and without each of its statements by the template that the CLI has.
func TestBootstrapPolicy(t *testing.T) {
	t.Parallel()
	var template bytes.Buffer
	bootstrap := func(args []string, env ...string) error {
		return cloud.CDK(t.Context(), local.CDKRun{Dir: t.TempDir(), Args: append([]string{"bootstrap", "--app", ""}, args...), Out: &template, Env: env})
	}
	if err := bootstrap([]string{"--show-template"}); err != nil {
		t.Fatal(err)
	}
	body := template.String()
	read := func(name string) policy {
		return readPolicy(t, "bootstrap.json", "CDKToolkit", name, "hnb659fds", name)
	}
	remove := func(name string) {
		cleanUp(t, name)
		bucket := fmt.Sprintf("cdk-%s-assets-%s-%s", name, local.Account, cloudtest.Region) // the template retains it
		if _, err := cloud.S3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}); err != nil && cloudtest.Code(err) != "NoSuchBucket" {
			t.Error(err)
		}
	}

	key := keyOf(t, "bootall", read("bootall"))
	err := bootstrap([]string{"aws://" + local.Account + "/" + cloudtest.Region, "--toolkit-stack-name", "bootall", "--qualifier", "bootall"},
		"AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey)
	if err != nil {
		t.Errorf("with the whole policy: %v", err)
	}
	remove("bootall")

	for i, statement := range read("").Statement {
		name, less := fmt.Sprintf("boot%d", i), read(fmt.Sprintf("boot%d", i))
		less.Statement = append(less.Statement[:i:i], less.Statement[i+1:]...)
		err := create(t, holder(t, name, less), name, body)
		if service, _, _ := strings.Cut(statement["Action"].(string), ":"); err == nil || !strings.Contains(err.Error(), service+":") {
			t.Errorf("without %s: %v", statement["Sid"], err)
		}
		remove(name)
	}
}

// create creates the stack of a bootstrap, whose roles have names.
func create(t *testing.T, who *cloudtest.Clients, name, body string) error {
	t.Helper()
	_, err := who.Stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: &body, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		Parameters: []types.Parameter{{ParameterKey: aws.String("Qualifier"), ParameterValue: &name}},
	})
	if err != nil {
		return err
	}
	created := cloudformation.NewStackCreateCompleteWaiter(cloud.Stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	})
	if err := created.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute); err == nil {
		return nil
	}
	events := cloudtest.Must(cloud.Stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name}))(t)
	var reasons []error
	for _, event := range events.StackEvents {
		reasons = append(reasons, errors.New(aws.ToString(event.ResourceStatusReason)))
	}
	return errors.Join(reasons...)
}
