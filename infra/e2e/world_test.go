//go:build e2e

// Package e2e tests the product as its users have it: the cdk CLI deploys the
// construct with the built function to the embedded AWS, with TLS and under IAM
// enforcement, and what the account then holds is looked at from outside.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/stack"
	"bucketuser/infra/local"
)

// cloud is the embedded AWS that all tests of the package share; app the built CDK
// app, code and architecture its function.
var (
	root, app, code, architecture string
	cloud                         *local.AWS
	config                        aws.Config // as root of the account
)

func TestMain(m *testing.M) {
	status, err := run(context.Background(), m)
	if err != nil {
		log.Fatal("end-to-end tests: ", err)
	}
	os.Exit(status)
}

func run(ctx context.Context, m *testing.M) (status int, err error) {
	if root, err = local.Root(); err != nil {
		return 0, err
	}
	tools, err := local.Install(ctx, root, os.Stderr)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "bucketuser-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	code = filepath.Join(dir, "function")
	contextArgs, err := local.BuildFunction(ctx, root, code)
	if err != nil {
		return 0, err
	}
	architecture = strings.TrimPrefix(contextArgs[3], "architecture=")
	app = filepath.Join(dir, "app")
	build := exec.CommandContext(ctx, "go", "build", "-o", app, "./infra/e2e/app")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("app: %w\n%s", err, output)
	}
	if cloud, err = local.Start(ctx, tools, local.Options{Dir: filepath.Join(dir, "aws"), Region: "eu-west-1"}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cloud.Stop(ctx)) }()
	if err := cloud.Bootstrap(ctx); err != nil {
		return 0, err
	}
	if config, err = cloud.Config(); err != nil {
		return 0, err
	}
	status = m.Run()
	wire.figure("on the wire")
	deployed.figure("of deployed stacks")
	return status, nil
}

type props = bucketuser.BucketUserProps

// deployment is one stack under test. Its name starts the names of what it makes,
// so that tests can run beside each other in one account.
type deployment struct {
	t    *testing.T
	name string
	dir  string
}

func newDeployment(t *testing.T, name string) *deployment {
	t.Helper()
	t.Parallel()
	return &deployment{t: t, name: name, dir: t.TempDir()}
}

// named returns properties with three given names, which differ for each suffix.
func (d *deployment) named(suffix string) props {
	return props{
		BucketName: aws.String(strings.ToLower(d.name) + "-bucket" + suffix),
		UserName:   aws.String(d.name + "-user" + suffix),
		SecretName: aws.String(d.name + "/secret" + suffix),
	}
}

// deploy runs cdk deploy and returns the stack's outputs.
func (d *deployment) deploy(p props) (map[string]string, error) {
	d.t.Helper()
	return d.deployBeside(p, false)
}

// deployBeside deploys, on demand with a sibling that cannot be created.
func (d *deployment) deployBeside(p props, failing bool) (map[string]string, error) {
	d.t.Helper()
	err := d.cdk("deploy", &p, failing, "--require-approval", "never")
	if err != nil {
		return nil, err
	}
	return stack.Outputs(d.t.Context(), config, d.name)
}

func (d *deployment) destroy() error {
	d.t.Helper()
	return d.cdk("destroy", nil, false, "--force")
}

func (d *deployment) cdk(command string, p *props, failing bool, args ...string) error {
	d.t.Helper()
	description, err := json.Marshal(map[string]any{
		"Stack": d.name, "Code": code, "Architecture": architecture, "Resource": p, "Failing": failing})
	if err != nil {
		d.t.Fatal(err)
	}
	file := filepath.Join(d.dir, "app.json")
	if err := os.WriteFile(file, description, 0o600); err != nil {
		d.t.Fatal(err)
	}
	return cloud.CDK(d.t.Context(), local.CDKRun{
		Dir:  d.dir,
		Args: append([]string{command, d.name, "--app", app, "--output", filepath.Join(d.dir, "cdk.out")}, args...),
		// The validator of CDK takes most of a synthesis; cfn-lint sees the template elsewhere.
		Env: []string{"E2E_APP=" + file, "CDK_VALIDATION=false"},
	})
}

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

// refused fails the test unless err says all of the texts.
func refused(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("was not refused")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Fatalf("%v\nwant %q", err, text)
		}
	}
}

// left lists what the account holds under the deployment's name.
func (d *deployment) left() []string {
	d.t.Helper()
	var left []string
	for _, item := range must[[]string](d.t)(cloud.Inventory(d.t.Context())) {
		if strings.Contains(strings.ToLower(item), strings.ToLower(d.name)) {
			left = append(left, item)
		}
	}
	return left
}

// wantNothing fails the test if anything of the deployment is left.
func (d *deployment) wantNothing() {
	d.t.Helper()
	if left := d.left(); len(left) > 0 {
		d.t.Errorf("left: %v", left)
	}
}

// as returns an S3 client with the credentials of the deployed resource.
func (d *deployment) as(outputs map[string]string) *s3.Client {
	d.t.Helper()
	fields := must[map[string]string](d.t)(stack.Secret(d.t.Context(), config, outputs["SecretArn"]))
	c := must[aws.Config](d.t)(cloud.ConfigAs(aws.Credentials{
		AccessKeyID: fields["AWS_ACCESS_KEY_ID"], SecretAccessKey: fields["AWS_SECRET_ACCESS_KEY"]}, nil))
	return s3.NewFromConfig(c)
}

func put(ctx context.Context, client *s3.Client, bucket, key string) error {
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("content")})
	return err
}

// wantDenied fails the test unless err is a refusal for lack of permission.
func wantDenied(t *testing.T, err error) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" {
		t.Errorf("was not refused: %v", err)
	}
}

// figure adds a line to the file that make test prints at its end. go test shows
// nothing of what a successful test says.
func figure(format string, args ...any) {
	file, err := os.OpenFile(os.Getenv("FIGURES"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil { // nobody asked for figures
		return
	}
	defer file.Close()
	fmt.Fprintf(file, format+"\n", args...)
}
