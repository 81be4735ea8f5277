//go:build e2e

package examples

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.yaml.in/yaml/v3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// TestClickHouseServer has chDB load the configuration, with the environment file that the
// README has made of a secret, and keep a table on the disk.
func TestClickHouseServer(t *testing.T) {
	t.Parallel()
	const name = "StorageServer"
	p := newPublic(t)
	template := edit(t, read(t, "cloudformation", "ssm.yaml"), "Prefix: clickhouse/", awkward+"\n      OnDelete: Purge")
	secret := deploy(t, name, template)["DiskSecret"]
	u, dir := user(t, secret), t.TempDir()
	p.shell(t, dir, printed(t, "clickhouse-server/README.md", "aws secretsmanager get-secret-value",
		"<SecretArn>", secret, "/etc/clickhouse-server/", ""))
	fields := environmentFile(t, read(t, dir, "s3.env"))
	if !maps.Equal(fields, u.Fields) {
		t.Errorf("the environment file has %q, the secret %q", fields, u.Fields)
	}

	file := cloudtest.Must(filepath.Abs(filepath.Join("clickhouse-server", "storage.xml")))(t)
	got, err := p.clickhouse(t, file, fields)
	if err != nil || got != `"s3_disk","s3_cache",4999950000` {
		t.Errorf("%s %v", got, err)
	}
	objects := cloudtest.Must(u.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
		Bucket: aws.String(fields["S3_BUCKET"]), Prefix: aws.String(fields["S3_PREFIX"])}))(t).Contents
	if len(objects) < 5 {
		t.Errorf("%d objects below the prefix", len(objects))
	}

	fields["AWS_SECRET_ACCESS_KEY"] = "wrong" + fields["AWS_SECRET_ACCESS_KEY"][5:]
	if got, err := p.clickhouse(t, file, fields); err == nil || !strings.Contains(got, "signature") {
		t.Errorf("with a wrong secret: %s %v", got, err)
	}
	destroy(t, name)
}

// environmentFile reads what systemd reads of an EnvironmentFile= whose values are in double
// quotes (systemd.exec): a backslash there escapes a quote, a backslash, "`" and "$", and is one
// before anything else.
func environmentFile(t *testing.T, text string) map[string]string {
	t.Helper()
	line := regexp.MustCompile(`^([A-Z0-9_]+)="((?:[^"\\]|\\.)*)"$`)
	values := map[string]string{}
	for entry := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		match := line.FindStringSubmatch(entry)
		if match == nil {
			t.Fatalf("not NAME=\"value\": %s", entry)
		}
		values[match[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`").Replace(match[2])
	}
	return values
}

// clickhouse runs testdata/storage.py with these variables.
func (p *public) clickhouse(t *testing.T, file string, fields map[string]string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cloud.Tools.ClickHouse, filepath.Join("testdata", "storage.py"), t.TempDir(), file)
	cmd.Env = p.env(variables(fields)...)
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

// TestRow29ClickHouseBackupOfAnObjectDisk looks at what clickhouse-backup would be started
// with, and holds it to its rules for tables on an object disk, as clickhouse-server has one.
func TestRow29ClickHouseBackupOfAnObjectDisk(t *testing.T) {
	t.Parallel()
	fields := map[string]string{}
	for _, field := range spec.SecretFields {
		fields[field.Name] = "the " + field.Name
	}
	fields["S3_PREFIX"], fields["S3_BACKUP_PREFIX"] = "data/", "data/backups/"
	environment := backupEnvironment(t, fields)
	// The names are those of S3Config in clickhouse-backup's pkg/config/config.go.
	for name, want := range map[string]string{
		"S3_ACCESS_KEY": "the AWS_ACCESS_KEY_ID", "S3_SECRET_KEY": "the AWS_SECRET_ACCESS_KEY", "S3_REGION": "the AWS_REGION",
		"S3_BUCKET": "the S3_BUCKET", "S3_PATH": "data/backups/", "S3_OBJECT_DISK_PATH": "data/object_disks", "S3_ACL": "",
		"arguments": "--config clickhouse-backup/config.yml create_remote nightly",
	} {
		if got, ok := environment[name]; !ok || got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := (trial{prefix: "data/", fields: fields}).backup(environment); got != "" {
		t.Error(got)
	}
}

// backupEnvironment runs backup.sh with the fields of a secret, and returns the environment
// and the arguments with which it starts clickhouse-backup. A stand-in reports them.
func backupEnvironment(t *testing.T, fields map[string]string) map[string]string {
	t.Helper()
	bin := t.TempDir()
	stub := "#!/bin/sh\nprintf 'arguments=%s\\0' \"$*\"\nexec env -0\n"
	if err := os.WriteFile(filepath.Join(bin, "clickhouse-backup"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	given := append(variables(fields), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	output := cloudtest.Run(t, ".", given, filepath.Join("clickhouse-backup", "backup.sh"), "create_remote", "nightly")
	environment := map[string]string{}
	for entry := range strings.SplitSeq(output, "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		environment[name] = value
	}
	return environment
}

// TestClickHouseBackupConfiguration reads the file with no keys allowed but those of
// GeneralConfig and S3Config in clickhouse-backup's pkg/config/config.go.
func TestClickHouseBackupConfiguration(t *testing.T) {
	var file struct {
		General struct {
			RemoteStorage string `yaml:"remote_storage"`
			KeepRemote    int    `yaml:"backups_to_keep_remote"`
		}
		S3 struct {
			ACL         *string
			Compression string `yaml:"compression_format"`
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "clickhouse-backup", "config.yml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if file.General.RemoteStorage != "s3" || file.S3.ACL == nil || *file.S3.ACL != "" {
		t.Errorf("%+v", file)
	}
}

func variables(fields map[string]string) []string {
	var list []string
	for name, value := range fields {
		list = append(list, name+"="+value)
	}
	return list
}
