//go:build e2e

package examples

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/compile"
	"bucketuser/infra/internal/pages"
	"bucketuser/infra/local"
)

// A released is what make release wrote, in an account of its own, where no provider stack of the default name is.
type released struct {
	*public
	dir string
	env []string
}

const codeBucket = "code-of-the-release"

// TestRow39ReleaseLinesOfReadme makes the provider stack from a release with the aws CLI, and has it serve the lines of
// YAML that stand there: not with the functions of the release, which cannot answer here, but with the demo's.
func TestRow39ReleaseLinesOfReadme(t *testing.T) {
	t.Parallel()
	r := released{newPublic(t), t.TempDir(), as(aws.Credentials{AccessKeyID: cloudtest.OtherAccount, SecretAccessKey: "test"})}
	cloudtest.Run(t, cloud.Root, append(os.Environ(), "CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20"),
		"go", "run", "./infra/release", "-version", "1.2.3", "-out", r.dir) // as make release VERSION=1.2.3
	r.run(t, printed(t, inFull, "aws s3 mb", "<code-bucket>", codeBucket))
	r.run(t, printed(t, inFull, "sha256sum"))
	r.run(t, printed(t, inFull, "aws s3 cp bucketuser", "<code-bucket>", codeBucket))
	r.deployProvider(t, "")
	token := r.run(t, "aws ssm get-parameter --name /bucketuser/BucketUserProvider/ServiceToken --query Parameter.Value --output text")
	if !strings.HasPrefix(token, "arn:aws:lambda:"+cloudtest.Region+":"+cloudtest.OtherAccount+":function:") {
		t.Errorf("service token %s", token)
	}
	if stacks := r.run(t, printed(t, inFull, "aws cloudformation list-stacks")); !strings.Contains(stacks, ":stack/BucketUserProvider/") {
		t.Errorf("stacks: %s", stacks)
	}
	r.updateProvider(t)
	r.wantRefused(t, "arm64")
	r.run(t, "aws s3 cp bucketuser_1.2.3_linux_amd64.zip s3://"+codeBucket)
	cloudtest.Must(cloud.Other.Deploy(t.Context(), "BucketUserProvider", read(t, r.dir, "template.yaml"),
		map[string]string{"CodeBucket": codeBucket, "Architecture": "x86_64"}))(t)
	r.wantRefused(t, "amd64")
	r.wantServed(t)
	r.run(t, `aws cloudformation delete-stack --stack-name BucketUserProvider
		aws cloudformation wait stack-delete-complete --stack-name BucketUserProvider
		aws s3 rb --force s3://`+codeBucket)
}

// run runs a command in the folder of the release, and returns what it prints.
func (r released) run(t *testing.T, command string) string {
	t.Helper()
	return r.shell(t, r.dir, command, r.env...)
}

// deployProvider runs the printed command, with more parameters.
func (r released) deployProvider(t *testing.T, parameters string) {
	t.Helper()
	r.run(t, printed(t, inFull, "aws cloudformation deploy", "<code-bucket>", codeBucket)+parameters)
}

// lines are those of YAML that use the provider.
func lines(t *testing.T) string {
	t.Helper()
	return pages.Blocks(pages.Marked(read(t, inFull), "embed"))[0].Text
}

// wantRefused deploys the lines with a function of the release. It can answer nobody here, and whoever deployed them
// learns at once why that is so; nothing is left.
func (r released) wantRefused(t *testing.T, goarch string) {
	t.Helper()
	want := "the function is built for AWS, and would answer nobody else: for the embedded AWS deploy the one that make demo builds"
	if goarch != runtime.GOARCH {
		want = "the function is not built for this machine"
	}
	_, err := cloud.Other.Deploy(t.Context(), "Refused", lines(t), nil)
	if err == nil || !strings.Contains(err.Error(), "ROLLBACK_COMPLETE") || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", goarch, err, want)
	}
	if err := cloud.Other.DeleteStack(t.Context(), "Refused"); err != nil {
		t.Error(err)
	}
}

// wantServed puts the function of the demo in the place that the page says, and uses what the lines make.
func (r released) wantServed(t *testing.T) {
	t.Helper()
	if err := local.ZipFunction(cloud.Function.Dir); err != nil { // as make demo does
		t.Fatal(err)
	}
	const parameters = "CodePrefix=demo/ Architecture=x86_64"
	if !strings.Contains(read(t, inFull), "`"+parameters+"`") {
		t.Errorf("the page does not say %s", parameters)
	}
	r.run(t, printed(t, inFull, "aws s3 cp ../function.zip", "<code-bucket>", codeBucket,
		"../function.zip", cloud.Function.Dir+".zip", "bucketuser_1.2.3_linux_amd64.zip", compile.ZipFile("1.2.3", runtime.GOARCH)))
	r.deployProvider(t, " "+strings.Replace(parameters, "x86_64", cloud.Function.Architecture, 1))

	// By the calls of the CLI, and not by itself: it would look half a minute later whether they are done.
	outputs := cloudtest.Must(cloud.Other.Deploy(t.Context(), "Lines", lines(t), nil))(t)
	there := &cloudtest.Cloud{AWS: cloud.AWS, Clients: cloud.Other}
	for output, prefix := range map[string]string{"DiskSecret": "clickhouse/", "BackupsSecret": "data/"} {
		useAs(t, cloudtest.Must(there.User(t.Context(), outputs[output]))(t), prefix)
	}
	if err := cloud.Other.DeleteStack(t.Context(), "Lines"); err != nil {
		t.Error(err)
	}
}

// TestReleaseIsNotDeployedHere deploys the app of this repository without the demo's function.
func TestReleaseIsNotDeployedHere(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"provider=false", "provider=true"} {
		err := cloud.CDK(t.Context(), local.CDKRun{Dir: cloud.Root, Args: []string{
			"deploy", "--all", "--app", cloud.App, "--output", t.TempDir(), "--require-approval=never", "-c", "stackName=NotHere", "-c", kind}})
		const want = "it would answer AWS alone, and AWS_ENDPOINT_URL is https://127.0.0.1:"
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", kind, err, want)
		}
	}
	cloud.WantNothing(t, "NotHere")
}
