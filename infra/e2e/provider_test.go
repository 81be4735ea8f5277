//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/release"
	"bucketuser/infra/internal/stack"
	"bucketuser/infra/local"
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

// TestProviderStack deploys the released template, embeds the README's resources,
// by export and by parameter, uses them, updates both stacks and deletes them.
func TestProviderStack(t *testing.T) {
	d, f := newFormation(t, "ReleasedProvider")
	ctx, parameters := t.Context(), codeFor(t, "ReleasedProvider")
	published := must[map[string]string](t)(f.deploy(ctx, d.name, releasedTemplate(t), parameters))
	if !strings.Contains(published["ServiceToken"], ":function:ReleasedProvider-") {
		t.Errorf("service token %s", published["ServiceToken"])
	}

	embedding := strings.ReplaceAll(snippet(t, "embed"), "BucketUserProvider", d.name)
	if strings.Count(embedding, d.name) != 2 {
		t.Fatalf("the README's template:\n%s", embedding)
	}
	user := d.name + "User"
	outputs := must[map[string]string](t)(f.deploy(ctx, user, embedding, nil))
	for name, key := range map[string]string{"DiskSecret": "clickhouse/table", "BackupsSecret": "data/table"} {
		client, bucket := d.userOf(outputs[name])
		if err := put(ctx, client, bucket, key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantDenied(t, put(ctx, client, bucket, "elsewhere/table"))
	}

	// An update of the embedding stack, and one of the provider under it.
	readOnly := strings.Replace(embedding, "Prefix: clickhouse/", "Prefix: clickhouse/\n      Access: ReadOnly", 1)
	updated := must[map[string]string](t)(f.deploy(ctx, user, readOnly, nil))
	if diff := cmp.Diff(outputs, updated); diff != "" {
		t.Errorf("outputs after the update (-before +after):\n%s", diff)
	}
	client, bucket := d.userOf(updated["DiskSecret"])
	wantDenied(t, put(ctx, client, bucket, "clickhouse/after"))
	again := must[map[string]string](t)(f.deploy(ctx, d.name, releasedTemplate(t), with(parameters, map[string]string{"LogRetentionInDays": "7"})))
	if diff := cmp.Diff(published, again); diff != "" {
		t.Errorf("the provider's outputs after its update (-before +after):\n%s", diff)
	}
	if got := d.logRetention(); got != 7 {
		t.Errorf("logs are kept for %d days", got)
	}

	refused(t, f.delete(ctx, d.name), d.name+"-ServiceToken", user)
	f.wantStatus(t, d.name, types.StackStatusUpdateComplete)

	d.removeObject(bucket, "clickhouse/table")
	_, backups := d.userOf(updated["BackupsSecret"])
	d.removeObject(backups, "data/table")
	for _, name := range []string{user, d.name} {
		if err := f.delete(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	d.wantOnlyCode()
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

// TestNamesOutsideTheProvidersPatterns is refused by the parameter's name, and
// leaves nothing behind.
func TestNamesOutsideTheProvidersPatterns(t *testing.T) {
	d, f := newFormation(t, "Patterns")
	ctx := t.Context()
	provider := with(codeFor(t, d.name), map[string]string{"BucketNamePattern": "patterns-*", "SecretNamePattern": "Patterns/*"})
	must[map[string]string](t)(f.deploy(ctx, d.name, releasedTemplate(t), provider))
	before := d.left()
	user := d.name + "User"
	for name, test := range map[string]struct{ properties, reason string }{
		"bucket": {"      BucketName: other-patterns\n      SecretName: Patterns/a\n",
			"BucketName: other-patterns does not match the provider's parameter BucketNamePattern patterns-*"},
		"secret": {"      BucketName: patterns-a\n      SecretName: other/Patterns\n",
			"SecretName: other/Patterns does not match the provider's parameter SecretNamePattern Patterns/*"},
		"generated": {"", "does not match the provider's parameter BucketNamePattern patterns-*"},
	} {
		_, err := f.deploy(ctx, user, d.resource(test.properties), nil)
		if err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: %v, want %q", name, err, test.reason)
		}
		f.wantStatus(t, user, types.StackStatusRollbackComplete)
		if err := f.delete(ctx, user); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(before, d.left()); diff != "" {
			t.Errorf("%s: left (-want +got):\n%s", name, diff)
		}
	}

	inside := d.resource("      BucketName: patterns-a\n      SecretName: Patterns/a\n")
	outputs := must[map[string]string](t)(f.deploy(ctx, user, inside, nil))
	client, bucket := d.userOf(outputs["Secret"])
	if err := put(ctx, client, bucket, "data/table"); err != nil {
		t.Error(err)
	}

	// The users' boundary ends at the pattern, whoever lets them in.
	foreign := d.bucketFor("other-patterns-open", outputs["User"])
	wantDenied(t, put(ctx, client, foreign, "data/table"))
	near := d.bucketFor("patterns-open", outputs["User"])
	if err := put(ctx, client, near, "data/table"); err != nil {
		t.Errorf("another bucket within the pattern: %v", err)
	}

	for bucket, key := range map[string]string{bucket: "data/table", near: "data/table"} {
		d.removeObject(bucket, key)
	}
	for _, bucket := range []string{foreign, near} {
		if _, err := s3.NewFromConfig(config).DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
	}

	// A pattern that is narrowed over a resource does not make its deletion a leak.
	narrow := with(provider, map[string]string{"BucketNamePattern": "patterns-new-*"})
	must[map[string]string](t)(f.deploy(ctx, d.name, releasedTemplate(t), narrow))
	refused(t, f.delete(ctx, user), "bucket patterns-a", "patterns were narrowed")
	must[map[string]string](t)(f.deploy(ctx, d.name, releasedTemplate(t), provider))
	for _, name := range []string{user, d.name} {
		if err := f.delete(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	d.wantOnlyCode()
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

// TestBoundaryOfOnesOwn gives the users another permissions boundary.
func TestBoundaryOfOnesOwn(t *testing.T) {
	d, f := newFormation(t, "Boundary")
	ctx := t.Context()
	policy := must[*iam.CreatePolicyOutput](t)(iam.NewFromConfig(config).CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("Boundary-own"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"s3:*","Resource":"*"},
			{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::*/data/forbidden"}]}`)}))
	provider := with(codeFor(t, d.name), map[string]string{"BoundaryArn": *policy.Policy.Arn})
	must[map[string]string](t)(f.deploy(ctx, d.name, releasedTemplate(t), provider))
	user := d.name + "User"
	outputs := must[map[string]string](t)(f.deploy(ctx, user, d.resource("      OnDelete: Purge\n"), nil))
	client, bucket := d.userOf(outputs["Secret"])
	if err := put(ctx, client, bucket, "data/table"); err != nil {
		t.Error(err)
	}
	wantDenied(t, put(ctx, client, bucket, "data/forbidden"))
	for _, name := range []string{user, d.name} {
		if err := f.delete(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := iam.NewFromConfig(config).DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: policy.Policy.Arn}); err != nil {
		t.Error(err)
	}
	d.wantOnlyCode()
}

// TestMakeDeployProvider deploys the provider as make deploy-provider does.
func TestMakeDeployProvider(t *testing.T) {
	d, f := newFormation(t, "CdkProvider")
	ctx := t.Context()
	app := filepath.Join(t.TempDir(), "app")
	runIn(t, "go", "build", "-o", app, "./infra")
	cdk := func(command string, args ...string) error {
		return cloud.CDK(ctx, local.CDKRun{Dir: d.dir, Env: []string{"CDK_VALIDATION=false"}, Args: append([]string{
			command, d.name, "--app", app, "--output", filepath.Join(d.dir, "cdk.out"),
			"-c", "provider=true", "-c", "stackName=" + d.name, "-c", "code=" + code, "-c", "architecture=" + architecture}, args...)})
	}
	deploy := func() error {
		return cdk("deploy", "--require-approval", "never", "--parameters", "BucketNamePattern=cdkprovider-*", "--parameters", "SecretNamePattern=CdkProvider/*")
	}
	if err := deploy(); err != nil {
		t.Fatal(err)
	}
	user := d.name + "User"
	properties := "      BucketName: cdkprovider-a\n      SecretName: CdkProvider/a\n"
	outputs := must[map[string]string](t)(f.deploy(ctx, user, d.resource(properties), nil))
	client, bucket := d.userOf(outputs["Secret"])
	if err := put(ctx, client, bucket, "data/table"); err != nil {
		t.Error(err)
	}
	if err := deploy(); err != nil { // again: nothing to do
		t.Error(err)
	}
	refused(t, cdk("destroy", "--force"), d.name+"-ServiceToken")
	d.removeObject(bucket, "data/table")
	if err := f.delete(ctx, user); err != nil {
		t.Fatal(err)
	}
	if err := cdk("destroy", "--force"); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}
