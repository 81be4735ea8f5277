//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/canary"
)

// wire knows every secret access key that the proxies of machines have seen, and
// every ResponseURL that they gave to a process.
var wire, deployed watch

// watch is a canary for tests that run beside each other.
type watch struct {
	mu     sync.Mutex
	canary canary.Canary
	known  int // secrets
}

func (w *watch) secret(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.canary.Secret(key)
	w.known++
}

func (w *watch) responseURL(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.canary.ResponseURL(address)
}

// scan fails the test if a text holds anything that is known.
func (w *watch) scan(t *testing.T, place, text string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == 0 {
		t.Error("no secret to look for")
	}
	if err := w.canary.Scan(place, text); err != nil {
		t.Error(err)
	}
}

func (w *watch) figure(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	figure("leak checks %s: %d secrets, %d texts, %d windows", what, w.known, w.canary.Texts, w.canary.Windows)
}

// wantNoLeak looks for the credentials of a live stack in what others may see of it:
// events, outputs, template, logs, and the tags, policies and descriptions of what it
// has made.
func (d *deployment) wantNoLeak(outputs map[string]string) {
	t, ctx := d.t, d.t.Context()
	t.Helper()
	versions := cloudtest.Must(cloud.Secrets.ListSecretVersionIds(ctx,
		&secretsmanager.ListSecretVersionIdsInput{SecretId: aws.String(outputs["SecretArn"])}))(t)
	for _, v := range versions.Versions {
		value := cloudtest.Must(cloud.Secrets.GetSecretValue(ctx,
			&secretsmanager.GetSecretValueInput{SecretId: aws.String(outputs["SecretArn"]), VersionId: v.VersionId}))(t)
		var fields map[string]string
		if err := json.Unmarshal([]byte(aws.ToString(value.SecretString)), &fields); err != nil {
			t.Fatal(err)
		}
		deployed.secret(fields["AWS_SECRET_ACCESS_KEY"])
	}
	look := func(place string, value any) {
		text := cloudtest.Must(json.Marshal(value))(t)
		deployed.scan(t, place+" of "+d.name, string(text))
	}
	look("events", cloudtest.Must(cloud.Stacks.DescribeStackEvents(ctx,
		&cloudformation.DescribeStackEventsInput{StackName: &d.name}))(t).StackEvents)
	look("stack and outputs", cloudtest.Must(cloud.Stacks.DescribeStacks(ctx,
		&cloudformation.DescribeStacksInput{StackName: &d.name}))(t).Stacks)
	look("template", cloudtest.Must(cloud.Stacks.GetTemplate(ctx,
		&cloudformation.GetTemplateInput{StackName: &d.name}))(t).TemplateBody)

	user, bucket := aws.String(outputs["UserName"]), aws.String(outputs["BucketName"])
	look("user", cloudtest.Must(cloud.IAM.GetUser(ctx, &iam.GetUserInput{UserName: user}))(t).User)
	look("secret", cloudtest.Must(cloud.Secrets.DescribeSecret(ctx,
		&secretsmanager.DescribeSecretInput{SecretId: aws.String(outputs["SecretArn"])}))(t))
	look("tags of the bucket", cloudtest.Must(cloud.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket}))(t).TagSet)
	look("policy of the bucket", cloudtest.Must(cloud.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket}))(t).Policy)
	look("logs", d.logs())
}

// logs are the lines that the functions of the stack have written.
func (d *deployment) logs() []string {
	t, ctx := d.t, d.t.Context()
	t.Helper()
	var lines []string
	for _, group := range cloudtest.Must(cloud.Logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))(t).LogGroups {
		if !strings.Contains(aws.ToString(group.LogGroupName), d.name) {
			continue
		}
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloud.Logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group.LogGroupName})
		for pages.HasMorePages() {
			for _, event := range cloudtest.Must(pages.NextPage(ctx))(t).Events {
				lines = append(lines, aws.ToString(event.Message))
			}
		}
	}
	if len(lines) == 0 {
		t.Error("the function has logged nothing")
	}
	return lines
}

// logged reports whether the functions of the stack have written a line. What a function writes is there a moment after it
// has answered.
func (d *deployment) logged(is func(line string) bool) bool {
	d.t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range 25 {
		if slices.ContainsFunc(d.logs(), is) {
			return true
		}
		<-tick.C
	}
	return false
}
