//go:build e2e

package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// An app is a copy of a CDK example, run by the command in its own cdk.json.
type app struct {
	t     *testing.T
	stack string
	dir   string
	args  []string
	env   []string
}

// newApp copies an example without what was installed or made in its folder.
func newApp(t *testing.T, folder, stack string) *app {
	t.Helper()
	t.Parallel()
	a := &app{t: t, stack: stack, dir: filepath.Join(t.TempDir(), folder)}
	if err := os.Mkdir(a.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, entry := range cloudtest.Must(os.ReadDir(folder))(t) {
		if entry.Type().IsRegular() {
			a.write(entry.Name(), read(t, folder, entry.Name()))
		}
	}
	return a
}

func (a *app) write(file, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, file), []byte(text), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

func (a *app) cdk(command, option string) {
	a.t.Helper()
	args := append([]string{command, a.stack, option}, a.args...)
	if err := cloud.CDK(a.t.Context(), local.CDKRun{Dir: a.dir, Args: args, Env: a.env}); err != nil {
		a.t.Fatal(err)
	}
}

// liveOnce deploys the app, uses what it made, changes the prefix in the source,
// deploys again, and destroys all of it.
func (a *app) liveOnce(source string) {
	a.t.Helper()
	a.cdk("deploy", "--require-approval=never")
	first := cloudtest.Must(cloud.Outputs(a.t.Context(), a.stack))(a.t)
	use(a.t, first["SecretArn"], "clickhouse/")
	if arn, ok := first["BackupsSecretArn"]; ok {
		use(a.t, arn, "data/")
	}

	a.write(source, edit(a.t, read(a.t, a.dir, source), "clickhouse/", "moved/"))
	a.cdk("deploy", "--require-approval=never")
	second := cloudtest.Must(cloud.Outputs(a.t.Context(), a.stack))(a.t)
	use(a.t, second["SecretArn"], "moved/")
	if first["SecretArn"] != second["SecretArn"] || !strings.HasSuffix(second["Url"], "/moved/") {
		a.t.Errorf("outputs were %v and are %v", first, second)
	}

	a.cdk("destroy", "--force")
	cloud.WantNothing(a.t, a.stack)
}

// backups is a second resource, as somebody adds it to the stack of an app.
const backups = `
	backups := bucketuser.NewBucketUser(stack, jsii.String("Backups"), &bucketuser.BucketUserProps{OnDelete: bucketuser.OnDeletePurge})
	awscdk.NewCfnOutput(stack, jsii.String("BackupsSecretArn"), &awscdk.CfnOutputProps{Value: backups.SecretArn()})

`

// TestCDKGo is an app that says nothing of where it is deployed to: the environment names the function.
func TestCDKGo(t *testing.T) {
	a := newApp(t, "cdk-go", "StorageGo")
	// Elsewhere, go.mod has to say where the construct is.
	cloudtest.Run(t, a.dir, nil, "go", "mod", "edit", "-replace", "bucketuser="+cloud.Root)
	cloudtest.Run(t, a.dir, nil, "go", "vet", ".")
	source := read(t, a.dir, "main.go")
	a.write("main.go", edit(t, source, "	app.Synth(nil)\n", backups+"	app.Synth(nil)\n"))
	a.env = []string{"BUCKETUSER_CODE=" + cloud.Function.Dir} // as the shell of the demo has it
	a.liveOnce("main.go")
}

func TestCDKTypeScript(t *testing.T) {
	a := newApp(t, "cdk-typescript", "StorageTypeScript")
	if err := os.Symlink(cloud.Tools.NodeModules, filepath.Join(a.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	cloudtest.Run(t, a.dir, nil, "npm", "run", "build")
	a.liveOnce("app.ts")
}

func TestCDKPython(t *testing.T) {
	a := newApp(t, "cdk-python", "StoragePython")
	a.env = []string{"PATH=" + cloud.Tools.PythonBin + string(filepath.ListSeparator) + os.Getenv("PATH")} // as activate does
	a.liveOnce("app.py")
}
