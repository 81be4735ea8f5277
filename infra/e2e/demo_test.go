//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
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
	d.beforeItIsUp()

	readme := string(cloudtest.Must(os.ReadFile(filepath.Join(root, "infra", "README.md")))(t))
	first := d.succeeds("up", "17 checks, 0 missed", "the embedded AWS runs at")
	for _, check := range []string{
		"s3(): writes a file and reads it", "s3(): uploads a file in several parts", "S3 disk: a MergeTree table keeps its parts there",
		"BACKUP … TO S3", "RESTORE … FROM S3", "refused: a write outside the prefix", "refused: a wrong secret", "refused: plain http",
		"refused: another user's key", "refused: iam:CreateAccessKey with the user's key", "refused: iam:CreateUser with the user's key",
		"public access: all four switches of the bucket block it",
		"rotation: ClickHouse works with the key before", "rotation: the key before works beside the new one",
		"rotation: ClickHouse takes the new key over while it runs", "rotation: the key before is refused once it is retired",
		"rotation: ClickHouse wrote and read all the while",
	} {
		if !strings.Contains(first, "  "+check+"  ") {
			t.Errorf("the table has no line for %q", check)
		}
		if !strings.Contains(readme, "  "+check+"  ") {
			t.Errorf("the table of infra/README.md has no line for %q", check)
		}
	}
	for line := range strings.Lines(first) {
		if len([]rune(line)) > 81 { // with its end
			t.Errorf("it is wider than a terminal: %s", line)
		}
	}
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
