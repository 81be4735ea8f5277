//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/release"
	"bucketuser/infra/internal/stack"
)

// newFormation is for tests that deploy templates. The name starts the names of all
// stacks and things that the test makes.
func newFormation(t *testing.T, name string) (*deployment, formation) {
	t.Helper()
	return newDeployment(t, name), formationAs(config)
}

// releasedTemplate returns the provider's template, as it is released.
func releasedTemplate(t *testing.T) string {
	t.Helper()
	return string(must[map[string][]byte](t)(released())[release.TemplateFile])
}

// codeFor makes a bucket with the function in it and returns the parameters that
// say so. The release refuses the embedded AWS, so it is the local build, packed in
// the same way.
func codeFor(t *testing.T, name string) map[string]string {
	t.Helper()
	bucket := newBucket(t, strings.ToLower(name)+"-code")
	packed := must[[]byte](t)(release.Zip(must[[]byte](t)(os.ReadFile(filepath.Join(code, "bootstrap")))))
	key := release.ZipFile(releaseVersion, "local")
	if _, err := s3.NewFromConfig(config).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(string(packed))}); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"CodeBucket": bucket, "CodeKey": key, "Architecture": architecture}
}

// newBucket makes a bucket as root.
func newBucket(t *testing.T, name string) string {
	t.Helper()
	must[*s3.CreateBucketOutput](t)(s3.NewFromConfig(config).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(config.Region)},
	}))
	return name
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

// snippet returns a marked piece of code of the README.
func snippet(t *testing.T, name string) string {
	t.Helper()
	text := string(must[[]byte](t)(os.ReadFile(filepath.Join(root, "README.md"))))
	_, rest, found := strings.Cut(text, "<!-- "+name+" -->\n```yaml\n")
	code, _, ended := strings.Cut(rest, "```\n<!-- /"+name+" -->")
	if !found || !ended {
		t.Fatalf("the README has no snippet %s", name)
	}
	return code
}

// userOf returns an S3 client with the credentials of a secret, and their bucket.
func (d *deployment) userOf(secretArn string) (*s3.Client, string) {
	d.t.Helper()
	fields := must[map[string]string](d.t)(stack.Secret(d.t.Context(), config, secretArn))
	return d.as(map[string]string{"SecretArn": secretArn}), fields["S3_BUCKET"]
}

func (d *deployment) removeObject(bucket, key string) {
	d.t.Helper()
	if _, err := s3.NewFromConfig(config).DeleteObject(d.t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		d.t.Fatal(err)
	}
}

// logRetention returns the days for which the provider's logs are kept.
func (d *deployment) logRetention() int32 {
	d.t.Helper()
	out := must[*cloudwatchlogs.DescribeLogGroupsOutput](d.t)(cloudwatchlogs.NewFromConfig(config).DescribeLogGroups(d.t.Context(),
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: &d.name}))
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
	if _, err := s3.NewFromConfig(config).PutBucketPolicy(d.t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy}); err != nil {
		d.t.Fatal(err)
	}
	return name
}
