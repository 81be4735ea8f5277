//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bucketuser/infra/internal/cloudtest"
)

// TestDemo runs what make demo, make credentials and make demo-down run, on an
// embedded AWS of its own, and the demo twice.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	demo := filepath.Join(t.TempDir(), "demo")
	runIn(t, "go", "build", "-o", demo, "./infra/demo")
	defer func() { // in case the test ends early: nothing may stay up
		stop := exec.Command(demo, "down", "-dir", dir)
		stop.Dir = root
		_ = stop.Run()
	}()

	readme := string(cloudtest.Must(os.ReadFile(filepath.Join(root, "README.md")))(t))
	first := runIn(t, demo, "up", "-dir", dir)
	for _, check := range []string{
		"s3(): writes a file and reads it", "s3(): uploads a file in several parts", "S3 disk: a MergeTree table keeps its parts there",
		"BACKUP … TO S3", "RESTORE … FROM S3", "refused: a write outside the prefix", "refused: a wrong secret", "refused: plain http",
		"refused: another user's key", "refused: iam:CreateAccessKey with the user's key", "refused: iam:CreateUser with the user's key",
		"public access: all four switches of the bucket block it",
	} {
		if !strings.Contains(first, "  "+check+"  ") {
			t.Errorf("the table has no line for %q", check)
		}
		if !strings.Contains(readme, "  "+check+"  ") {
			t.Errorf("the README's table has no line for %q", check)
		}
	}
	if !strings.Contains(first, "12 checks, 0 missed") {
		t.Errorf("the first demo:\n%s", first)
	}

	fields := map[string]string{}
	if err := json.Unmarshal([]byte(runIn(t, "go", "run", "./infra/credentials", "-dir", dir, "-format", "json")), &fields); err != nil {
		t.Fatal(err)
	}
	want(t, runIn(t, "go", "run", "./infra/credentials", "-dir", dir, "-format", "csv"),
		"Access key ID,Secret access key\n"+fields["AWS_ACCESS_KEY_ID"]+","+fields["AWS_SECRET_ACCESS_KEY"]+"\n")
	env := runIn(t, "go", "run", "./infra/credentials", "-dir", dir)
	for name, value := range fields {
		want(t, strings.Contains(env, name+"="+value+"\n"), true)
	}

	again := runIn(t, demo, "up", "-dir", dir)
	if !strings.Contains(again, "the embedded AWS runs at") || !strings.Contains(again, "12 checks, 0 missed") {
		t.Errorf("the second demo:\n%s", again)
	}
	after := runIn(t, "go", "run", "./infra/credentials", "-dir", dir)
	want(t, after, env)

	if down := runIn(t, demo, "down", "-dir", dir); !strings.Contains(down, "nothing is left") {
		t.Errorf("the end of the demo:\n%s", down)
	}
}

// runIn runs a program in the repository and returns what it prints.
func runIn(t *testing.T, name string, args ...string) string {
	t.Helper()
	return cloudtest.Run(t, root, nil, name, args...)
}
