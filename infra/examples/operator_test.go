//go:build e2e

package examples

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/formats"
)

var operatorOnce sync.Once

// operator is the built program of whoever operates resources.
func operator(t *testing.T) string {
	t.Helper()
	program := filepath.Join(cloud.Dir(), "bucketuser")
	operatorOnce.Do(func() { cloudtest.Run(t, cloud.Root, nil, "go", "build", "-o", program, "./infra/cmd/bucketuser") })
	return program
}

// wantResourceOfTwo has the program hand out the credentials of one resource of a stack that has two, the other of which is
// called otherwise, and refuse to choose.
func wantResourceOfTwo(t *testing.T, stack, resource, secret, other string) {
	t.Helper()
	p := newPublic(t)
	var fields map[string]string
	output := p.shell(t, ".", operator(t)+" credentials --format json --resource "+resource+" "+stack)
	if err := json.Unmarshal([]byte(output), &fields); err != nil || !maps.Equal(fields, user(t, secret).Fields) {
		t.Errorf("credentials of %s in %s: %v", resource, stack, err)
	}
	cmd := exec.CommandContext(t.Context(), operator(t), "credentials", stack)
	cmd.Env = p.env()
	refused, _ := cmd.CombinedOutput() // the status says it
	for _, name := range []string{resource, other} {
		if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(refused), "name one with --resource (make: RESOURCE=): ") || !strings.Contains(string(refused), name) {
			t.Errorf("credentials of %s: %d %s", stack, cmd.ProcessState.ExitCode(), refused)
		}
	}
}

// wantFormats has those for whom the formats are read what the program writes of a stack.
func wantFormats(t *testing.T, p *public, stack string) {
	t.Helper()
	dir := t.TempDir()
	for file, format := range map[string]string{"config.d/disk.xml": "clickhouse-xml", "collections.sql": "clickhouse-sql", "profiles": "aws-profile"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if out := p.shell(t, dir, operator(t)+" credentials --output "+file+" --format "+format+" "+stack); out != "" {
			t.Errorf("%s: printed beside a file: %s", format, out)
		}
	}
	// The server's own configuration names nothing: it reads what is in config.d.
	if err := os.WriteFile(filepath.Join(dir, "config.xml"), []byte("<clickhouse/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	// No prefix has all of this in a URL, which is percent-encoded; what is quoted must be right all the same.
	var odd strings.Builder
	for c := ' '; c <= '~'; c++ {
		odd.WriteRune(c)
	}
	odd.WriteString(`\t\\'`)
	all := []trial{{fields: map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": odd.String(), "AWS_REGION": "r", "S3_URL": "u", "S3_BACKUP_URL": "b"}}}
	format(t, all)
	if err := os.WriteFile(filepath.Join(dir, "odd.sql"), []byte(all[0].texts["clickhouse-sql"]), 0o600); err != nil {
		t.Fatal(err)
	}
	got := cloudtest.Run(t, ".", p.env(), cloud.Tools.ClickHouse, filepath.Join("testdata", "operated.py"), dir, stack+"_Data")
	if want := "45\n45\n45\n" + odd.String() + "\n"; got != want {
		t.Errorf("ClickHouse: %q, want %q", got, want)
	}
	listed := p.shell(t, dir, `aws s3api list-objects-v2 --profile `+stack+`_Data --bucket bucketuser-s3--0 --output text --query 'length(Contents)'`,
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "profiles"), "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=")
	if strings.TrimSpace(listed) == "0" {
		t.Error("the aws CLI sees nothing in the bucket")
	}
}

// format gives each trial the texts of the formats that need more than the fields.
func format(t *testing.T, trials []trial) {
	t.Helper()
	for i := range trials {
		r := formats.Resource{Name: fmt.Sprintf("Consumer_%d", i)}
		trials[i].texts = map[string]string{"name": r.Name}
		value := string(cloudtest.Must(json.Marshal(trials[i].fields))(t))
		for _, name := range []string{"csv", "aws-profile", "clickhouse-xml", "clickhouse-sql"} {
			f := cloudtest.Must(formats.Named(name))(t)
			if err := f.Read(&r, value); err != nil {
				t.Fatal(err)
			}
			trials[i].texts[name] = string(cloudtest.Must(f.Text(r))(t))
		}
	}
}
