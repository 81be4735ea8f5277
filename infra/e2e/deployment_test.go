//go:build e2e

// Package e2e tests the product as its users have it: the cdk CLI deploys the
// construct with the built function to the embedded AWS, with TLS and under IAM
// enforcement, and what the account then holds is looked at from outside.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// cloud is the embedded AWS that all tests of the package share; root the repository's
// directory.
var (
	cloud *cloudtest.Cloud
	root  string
)

func TestMain(m *testing.M) {
	o := cloudtest.Options{Name: "e2e", Needs: local.ForE2ETests, App: "./infra/e2e/app", Rotation: local.Rotation{Day: aDay}}
	os.Exit(cloudtest.Main(context.Background(), o, func(_ context.Context, c *cloudtest.Cloud) (status int, err error) {
		cloud, root = c, c.Root
		status = m.Run()
		wire.figure("on the wire")
		deployed.figure("of deployed stacks")
		return status, nil
	}))
}

type props = bucketuser.BucketUserProps

// deployment is one stack under test. Its name starts the names of what it makes,
// so that tests can run beside each other in one account.
type deployment struct {
	t    *testing.T
	name string
	dir  string

	code, app string // folder of the function, and executable of the app
}

func newDeployment(t *testing.T, name string) *deployment {
	t.Helper()
	t.Parallel()
	return newSerialDeployment(t, name)
}

// newSerialDeployment leaves it to the test when it becomes parallel.
func newSerialDeployment(t *testing.T, name string) *deployment {
	t.Helper()
	return &deployment{t: t, name: name, dir: t.TempDir(), code: cloud.Function.Dir, app: cloud.App}
}

// named returns properties with three given names, which differ for each suffix.
func (d *deployment) named(suffix string) props {
	return props{
		BucketName: aws.String(strings.ToLower(d.name) + "-bucket" + suffix),
		UserName:   aws.String(d.name + "-user" + suffix),
		SecretName: aws.String(d.name + "/secret" + suffix),
	}
}

// renamed returns properties with the three names of another suffix.
func (d *deployment) renamed(p props, suffix string) props {
	names := d.named(suffix)
	p.BucketName, p.UserName, p.SecretName = names.BucketName, names.UserName, names.SecretName
	return p
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
	return cloud.Outputs(d.t.Context(), d.name)
}

func (d *deployment) destroy() error {
	d.t.Helper()
	return d.cdk("destroy", nil, false, "--force")
}

func (d *deployment) cdk(command string, p *props, failing bool, args ...string) error {
	d.t.Helper()
	description, err := json.Marshal(map[string]any{
		"Stack": d.name, "Code": d.code, "Architecture": cloud.Function.Architecture, "Resource": p, "Failing": failing})
	if err != nil {
		d.t.Fatal(err)
	}
	file := filepath.Join(d.dir, "app.json")
	if err := os.WriteFile(file, description, 0o600); err != nil {
		d.t.Fatal(err)
	}
	return cloud.CDK(d.t.Context(), local.CDKRun{
		Dir:  d.dir,
		Args: append([]string{command, d.name, "--app", d.app, "--output", filepath.Join(d.dir, "cdk.out")}, args...),
		Env:  []string{"E2E_APP=" + file},
	})
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
	return cloudtest.Must(cloud.Left(d.t.Context(), d.name))(d.t)
}

// wantNothing fails the test if anything of the deployment is left.
func (d *deployment) wantNothing() {
	d.t.Helper()
	cloud.WantNothing(d.t, d.name)
}

// as returns the user whose credentials the deployed resource has handed out.
func (d *deployment) as(outputs map[string]string) *cloudtest.User {
	d.t.Helper()
	return userOf(d.t, outputs["SecretArn"])
}

// userOf returns the user whose credentials a secret holds.
func userOf(t *testing.T, secretArn string) *cloudtest.User {
	t.Helper()
	return cloudtest.Must(cloud.User(t.Context(), secretArn))(t)
}

// wantDenied fails the test unless err is a refusal for lack of permission.
func wantDenied(t *testing.T, err error) {
	t.Helper()
	cloudtest.WantCode(t, err, "AccessDenied")
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
