//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"bucketuser/infra/internal/cloudtest"
)

// TestDemo runs what make demo, make credentials and make demo-down run, on an
// embedded AWS of its own, the demo to its end twice. Each is interrupted, killed and hindered on the way.
func TestDemo(t *testing.T) {
	t.Parallel()
	d := newDemoCommand(t)
	dir := d.dir
	starting := d.beforeItIsUp()

	first := d.succeeds("up", "17 checks, 0 missed", "the embedded AWS runs at")
	narrow(t, first)
	d.isInReadme(starting, first)
	d.shell()

	fields := credentialsOf(t, dir)
	want(t, credentials(t, dir, "csv"),
		"Access key ID,Secret access key\n"+fields["AWS_ACCESS_KEY_ID"]+","+fields["AWS_SECRET_ACCESS_KEY"]+"\n")
	env := credentials(t, dir, "env")
	for name, value := range fields {
		want(t, strings.Contains(env, name+"="+value+"\n"), true)
	}

	d.until("up", "rotating the key", syscall.SIGKILL)
	d.succeeds("up", "the embedded AWS runs at", "17 checks, 0 missed")
	after := credentialsOf(t, dir)
	if after["AWS_ACCESS_KEY_ID"] == fields["AWS_ACCESS_KEY_ID"] {
		t.Errorf("the second demo has not rotated the key %s", fields["AWS_ACCESS_KEY_ID"])
	}
	for name := range fields {
		if keyed := strings.HasPrefix(name, "AWS_ACCESS") || strings.HasPrefix(name, "AWS_SECRET") || name == "BUCKETUSER_KEY_SERIAL"; !keyed {
			want(t, after[name], fields[name])
		}
	}

	d.goesDown()
	d.ends("down -force")
	d.ends("clean")
}

// credentialsOf are the fields that make credentials prints of the demo in dir.
func credentialsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	if err := json.Unmarshal([]byte(credentials(t, dir, "json")), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// credentials is what make credentials prints of the demo in dir.
func credentials(t *testing.T, dir, format string) string {
	t.Helper()
	return runIn(t, "go", "run", "./infra/local/tools", "operator", "-dir", dir, "-where", "demo", "credentials", "--format", format)
}

// runIn runs a program in the repository and returns what it prints.
func runIn(t *testing.T, name string, args ...string) string {
	t.Helper()
	return cloudtest.Run(t, root, nil, name, args...)
}
