//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/compile"
	"bucketuser/infra/internal/pages"
	"bucketuser/infra/internal/release"
)

// releasedTemplate returns the provider's template, as it is released.
func releasedTemplate(t *testing.T) string {
	t.Helper()
	return string(cloudtest.Must(released())(t)[release.TemplateFile])
}

// codeFor makes a bucket with the function in it and returns the parameters that
// say so. The release refuses the embedded AWS, so it is the local build, packed in
// the same way.
func codeFor(t *testing.T, name string) map[string]string {
	t.Helper()
	return codeOf(t, name, cloudtest.Must(os.ReadFile(filepath.Join(cloud.Function.Dir, "bootstrap")))(t))
}

// codeOf is codeFor with another executable than the function.
func codeOf(t *testing.T, name string, bootstrap []byte) map[string]string {
	t.Helper()
	bucket := newBucket(t, strings.ToLower(name)+"-code")
	packed := cloudtest.Must(release.Zip(bootstrap))(t)
	key := compile.ZipFile(releaseVersion, runtime.GOARCH)
	if _, err := cloud.S3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(string(packed))}); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"CodeBucket": bucket, "Architecture": cloud.Function.Architecture}
}

// newBucket makes a bucket as root.
func newBucket(t *testing.T, name string) string {
	t.Helper()
	if err := cloud.CreateBucket(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return name
}

// wantStatus fails the test unless the stack is in the state.
func wantStatus(t *testing.T, name string, status types.StackStatus) {
	t.Helper()
	if got := cloudtest.Must(cloud.Settled(t.Context(), name))(t); got.StackStatus != status {
		t.Errorf("stack %s is %s, want %s", name, got.StackStatus, status)
	}
}

// with returns parameters with others added.
func with(parameters map[string]string, more map[string]string) map[string]string {
	all := maps.Clone(parameters)
	maps.Copy(all, more)
	return all
}

// wantOnlyCode fails the test if more is left than the bucket of codeFor.
func (d *deployment) wantOnlyCode() {
	d.t.Helper()
	if diff := cmp.Diff([]string{"bucket " + strings.ToLower(d.name) + "-code"}, d.left()); diff != "" {
		d.t.Errorf("left (-want +got):\n%s", diff)
	}
}

// snippet returns the YAML of a marked piece of infra/README.md.
func snippet(t *testing.T, name string) string {
	t.Helper()
	text := string(cloudtest.Must(os.ReadFile(filepath.Join(root, pages.InFull)))(t))
	blocks := pages.Blocks(pages.Marked(text, name))
	if len(blocks) != 1 || blocks[0].Language != "yaml" {
		t.Fatalf("%s has no snippet %s", pages.InFull, name)
	}
	return blocks[0].Text
}

func (d *deployment) removeObject(bucket, key string) {
	d.t.Helper()
	if _, err := cloud.S3.DeleteObject(d.t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		d.t.Fatal(err)
	}
}

// logRetention returns the days for which the provider's logs are kept.
func (d *deployment) logRetention() int32 {
	d.t.Helper()
	out := cloudtest.Must(cloud.Logs.DescribeLogGroups(d.t.Context(),
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: &d.name}))(d.t)
	if len(out.LogGroups) != 1 {
		d.t.Fatalf("%d log groups", len(out.LogGroups))
	}
	return aws.ToInt32(out.LogGroups[0].RetentionInDays)
}

// resource returns a template with one resource that imports the provider's token.
func (d *deployment) resource(properties string) string {
	return "Resources:\n  R:\n    Type: Custom::BucketUser\n    Properties:\n" +
		"      ServiceToken: !ImportValue " + d.name + "-ServiceToken\n" + properties +
		"Outputs:\n  Secret: {Value: !GetAtt R.SecretArn}\n  User: {Value: !GetAtt R.UserArn}\n"
}

// bucketFor makes a bucket whose policy lets the user do anything.
func (d *deployment) bucketFor(name, userArn string) string {
	d.t.Helper()
	newBucket(d.t, name)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Principal":{"AWS":"` + userArn + `"},
		"Resource":["arn:aws:s3:::` + name + `","arn:aws:s3:::` + name + `/*"]}]}`
	if _, err := cloud.S3.PutBucketPolicy(d.t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy}); err != nil {
		d.t.Fatal(err)
	}
	return name
}
