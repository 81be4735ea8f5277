//go:build e2e

package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bucketuser/infra/internal/stack"
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
	a := &app{t: t, stack: stack, dir: filepath.Join(t.TempDir(), folder), env: quick}
	if err := os.Mkdir(a.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, entry := range must[[]os.DirEntry](t)(os.ReadDir(folder)) {
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
	first := must[map[string]string](a.t)(stack.Outputs(a.t.Context(), config, a.stack))
	use(a.t, first["SecretArn"], "clickhouse/")

	a.write(source, edit(a.t, read(a.t, a.dir, source), "clickhouse/", "moved/"))
	a.cdk("deploy", "--require-approval=never")
	second := must[map[string]string](a.t)(stack.Outputs(a.t.Context(), config, a.stack))
	use(a.t, second["SecretArn"], "moved/")
	if first["SecretArn"] != second["SecretArn"] || !strings.HasSuffix(second["Url"], "/moved/") {
		a.t.Errorf("outputs were %v and are %v", first, second)
	}

	a.cdk("destroy", "--force")
	wantGone(a.t, a.stack)
}

func TestCDKGo(t *testing.T) {
	a := newApp(t, "cdk-go", "StorageGo")
	// Elsewhere, go.mod has to say where the construct is.
	runIn(t, a.dir, nil, "go", "mod", "edit", "-replace", "bucketuser="+root)
	runIn(t, a.dir, nil, "go", "vet", ".")
	a.args = function
	a.liveOnce("main.go")
}

func TestCDKTypeScript(t *testing.T) {
	a := newApp(t, "cdk-typescript", "StorageTypeScript")
	if err := os.Symlink(libraries.NodeModules, filepath.Join(a.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	runIn(t, a.dir, nil, "npm", "run", "build")
	a.liveOnce("app.ts")
}

func TestCDKPython(t *testing.T) {
	a := newApp(t, "cdk-python", "StoragePython")
	a.env = append(a.env, "PATH="+libraries.PythonBin+string(filepath.ListSeparator)+os.Getenv("PATH")) // as activate does
	a.liveOnce("app.py")
}

// runIn runs a command in a folder and returns what it prints.
func runIn(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, env
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, output)
	}
	return string(output)
}
