//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// TestProviderStack deploys the released template, embeds the README's resources,
// by export and by parameter, uses them, updates both stacks and deletes them.
func TestProviderStack(t *testing.T) {
	d := newDeployment(t, "ReleasedProvider")
	ctx, parameters := t.Context(), codeFor(t, "ReleasedProvider")
	published := cloudtest.Must(cloud.Deploy(ctx, d.name, releasedTemplate(t), parameters))(t)
	if !strings.Contains(published["ServiceToken"], ":function:ReleasedProvider-") {
		t.Errorf("service token %s", published["ServiceToken"])
	}

	embedding := strings.ReplaceAll(snippet(t, "embed"), "BucketUserProvider", d.name)
	if strings.Count(embedding, d.name) != 2 {
		t.Fatalf("the README's template:\n%s", embedding)
	}
	user := d.name + "User"
	outputs := cloudtest.Must(cloud.Deploy(ctx, user, embedding, nil))(t)
	for name, key := range map[string]string{"DiskSecret": "clickhouse/table", "BackupsSecret": "data/table"} {
		client := userOf(t, outputs[name])
		if err := client.Put(ctx, client.Bucket(), key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantDenied(t, client.Put(ctx, client.Bucket(), "elsewhere/table"))
	}

	// An update of the embedding stack, and one of the provider under it.
	readOnly := strings.Replace(embedding, "Prefix: clickhouse/", "Prefix: clickhouse/\n      Access: ReadOnly", 1)
	updated := cloudtest.Must(cloud.Deploy(ctx, user, readOnly, nil))(t)
	if diff := cmp.Diff(outputs, updated); diff != "" {
		t.Errorf("outputs after the update (-before +after):\n%s", diff)
	}
	client := userOf(t, updated["DiskSecret"])
	wantDenied(t, client.Put(ctx, client.Bucket(), "clickhouse/after"))
	again := cloudtest.Must(cloud.Deploy(ctx, d.name, releasedTemplate(t), with(parameters, map[string]string{"LogRetentionInDays": "7"})))(t)
	if diff := cmp.Diff(published, again); diff != "" {
		t.Errorf("the provider's outputs after its update (-before +after):\n%s", diff)
	}
	if got := d.logRetention(); got != 7 {
		t.Errorf("logs are kept for %d days", got)
	}

	refused(t, cloud.DeleteStack(ctx, d.name), d.name+"-ServiceToken", user)
	wantStatus(t, d.name, types.StackStatusUpdateComplete)

	d.removeObject(client.Bucket(), "clickhouse/table")
	d.removeObject(userOf(t, updated["BackupsSecret"]).Bucket(), "data/table")
	for _, name := range []string{user, d.name} {
		if err := cloud.DeleteStack(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	d.wantOnlyCode()
}

// TestNamesOutsideTheProvidersPatterns is refused by the parameter's name, and
// leaves nothing behind. A removal that an earlier one has begun looks for the rest for two
// minutes, so this one begins before the parallel tests.
func TestNamesOutsideTheProvidersPatterns(t *testing.T) {
	d := newSerialDeployment(t, "Patterns")
	ctx := t.Context()
	provider := with(codeFor(t, d.name), map[string]string{"BucketNamePattern": "patterns-*", "SecretNamePattern": "Patterns/*"})
	cloudtest.Must(cloud.Deploy(ctx, d.name, releasedTemplate(t), provider))(t)
	user := d.name + "User"
	d.wantRefusedByPatterns(user)

	inside := d.resource("      BucketName: patterns-a\n      SecretName: Patterns/a\n")
	outputs := cloudtest.Must(cloud.Deploy(ctx, user, inside, nil))(t)
	client := userOf(t, outputs["Secret"])
	if err := client.Put(ctx, client.Bucket(), "data/table"); err != nil {
		t.Error(err)
	}

	d.wantBoundaryAtPattern(client, outputs["User"])
	d.removeObject(client.Bucket(), "data/table")

	// A pattern that is narrowed over a resource does not make its deletion a leak.
	narrow := with(provider, map[string]string{"BucketNamePattern": "patterns-new-*"})
	cloudtest.Must(cloud.Deploy(ctx, d.name, releasedTemplate(t), narrow))(t)
	refused(t, cloud.DeleteStack(ctx, user), "bucket patterns-a", "patterns were narrowed")
	cloudtest.Must(cloud.Deploy(ctx, d.name, releasedTemplate(t), provider))(t)
	again := cloudtest.Must(cloud.Settled(ctx, user))(t).StackId
	if _, err := cloud.Stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: again}); err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	wantStatus(t, *again, types.StackStatusDeleteComplete)
	if err := cloud.DeleteStack(ctx, d.name); err != nil {
		t.Fatal(err)
	}
	d.wantOnlyCode()
}

// wantRefusedByPatterns tries names outside the patterns, one after the other.
func (d *deployment) wantRefusedByPatterns(user string) {
	d.t.Helper()
	ctx, before := d.t.Context(), d.left()
	for name, test := range map[string]struct{ properties, reason string }{
		"bucket": {"      BucketName: other-patterns\n      SecretName: Patterns/a\n",
			"BucketName: other-patterns does not match the provider's parameter BucketNamePattern patterns-*"},
		"secret": {"      BucketName: patterns-a\n      SecretName: other/Patterns\n",
			"SecretName: other/Patterns does not match the provider's parameter SecretNamePattern Patterns/*"},
		"generated": {"", "does not match the provider's parameter BucketNamePattern patterns-*"},
	} {
		_, err := cloud.Deploy(ctx, user, d.resource(test.properties), nil)
		if err == nil || !strings.Contains(err.Error(), test.reason) {
			d.t.Errorf("%s: %v, want %q", name, err, test.reason)
		}
		wantStatus(d.t, user, types.StackStatusRollbackComplete)
		if err := cloud.DeleteStack(ctx, user); err != nil {
			d.t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(before, d.left()); diff != "" {
			d.t.Errorf("%s: left (-want +got):\n%s", name, diff)
		}
	}
}

// wantBoundaryAtPattern opens two buckets to the user: the boundary ends at the
// pattern, whoever lets the user in.
func (d *deployment) wantBoundaryAtPattern(client *cloudtest.User, userArn string) {
	d.t.Helper()
	ctx := d.t.Context()
	near, foreign := d.bucketFor("patterns-open", userArn), d.bucketFor("other-patterns-open", userArn)
	if err := client.Put(ctx, near, "data/table"); err != nil {
		d.t.Errorf("another bucket within the pattern: %v", err)
	}
	wantDenied(d.t, client.Put(ctx, foreign, "data/table"))
	d.removeObject(near, "data/table")
	for _, bucket := range []string{near, foreign} {
		if _, err := cloud.S3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// TestBoundaryOfOnesOwn gives the users another permissions boundary: what ships for that, and one Deny more.
func TestBoundaryOfOnesOwn(t *testing.T) {
	d := newDeployment(t, "OwnLimit")
	ctx := t.Context()
	limit := readPolicy(t, "boundary.json", "<bucket-pattern>", spec.GeneratedBucketPrefix+"*")
	limit.Statement = append(limit.Statement, map[string]any{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::*/data/forbidden"})
	boundary := managedPolicy(t, "OwnLimit-boundary", limit)
	provider := with(codeFor(t, d.name), map[string]string{"BoundaryArn": boundary})
	cloudtest.Must(cloud.Deploy(ctx, d.name, releasedTemplate(t), provider))(t)
	user := d.name + "User"
	outputs := cloudtest.Must(cloud.Deploy(ctx, user, d.resource("      OnDelete: Purge\n"), nil))(t)
	client := userOf(t, outputs["Secret"])
	if err := client.Put(ctx, client.Bucket(), "data/table"); err != nil {
		t.Error(err)
	}
	wantDenied(t, client.Put(ctx, client.Bucket(), "data/forbidden"))
	session := cloudtest.Must(cloud.SessionOf(ctx, client.Clients))(t)
	wantDenied(t, session.Put(ctx, client.Bucket(), "data/table"))
	for _, name := range []string{user, d.name} {
		if err := cloud.DeleteStack(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cloud.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &boundary}); err != nil {
		t.Error(err)
	}
	d.wantOnlyCode()
}

// TestMakeDeployProvider deploys the provider as make deploy-provider does.
func TestMakeDeployProvider(t *testing.T) {
	d := newDeployment(t, "CdkProvider")
	ctx := t.Context()
	app := filepath.Join(t.TempDir(), "app")
	runIn(t, "go", "build", "-o", app, "./infra")
	cdk := func(command string, args ...string) error {
		return cloud.CDK(ctx, local.CDKRun{Dir: d.dir, Args: append([]string{
			command, d.name, "--app", app, "--output", filepath.Join(d.dir, "cdk.out"),
			"-c", "provider=true", "-c", "stackName=" + d.name}, append(args, cloud.Function.Context...)...)})
	}
	deploy := func() error {
		return cdk("deploy", "--require-approval", "never", "--parameters", "BucketNamePattern=cdkprovider-*", "--parameters", "SecretNamePattern=CdkProvider/*")
	}
	if err := deploy(); err != nil {
		t.Fatal(err)
	}
	user := d.name + "User"
	properties := "      BucketName: cdkprovider-a\n      SecretName: CdkProvider/a\n"
	outputs := cloudtest.Must(cloud.Deploy(ctx, user, d.resource(properties), nil))(t)
	client := userOf(t, outputs["Secret"])
	if err := client.Put(ctx, client.Bucket(), "data/table"); err != nil {
		t.Error(err)
	}
	if err := deploy(); err != nil { // again: nothing to do
		t.Error(err)
	}
	refused(t, cdk("destroy", "--force"), d.name+"-ServiceToken")
	d.removeObject(client.Bucket(), "data/table")
	if err := cloud.DeleteStack(ctx, user); err != nil {
		t.Fatal(err)
	}
	if err := cdk("destroy", "--force"); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}
