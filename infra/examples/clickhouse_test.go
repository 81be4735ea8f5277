//go:build e2e

package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.yaml.in/yaml/v3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// TestClickHouseServer has chDB load the configuration, with the fields of a secret
// in its environment, and keep a table on the disk.
func TestClickHouseServer(t *testing.T) {
	t.Parallel()
	const name = "StorageServer"
	template := edit(t, read(t, "cloudformation", "ssm.yaml"), "Prefix: clickhouse/", "Prefix: clickhouse/\n      OnDelete: Purge")
	u := user(t, deploy(t, name, template)["DiskSecret"])
	fields := u.Fields
	// On the embedded AWS, the bucket is part of the path.
	_, path, _ := strings.Cut(fields["S3_URL"], ".amazonaws.com/")
	fields["S3_URL"] = cloud.Endpoint + "/" + fields["S3_BUCKET"] + "/" + path

	file := cloudtest.Must(filepath.Abs(filepath.Join("clickhouse-server", "storage.xml")))(t)
	got, err := clickhouse(t, file, fields)
	if err != nil || got != `"s3_disk","s3_cache",4999950000` {
		t.Errorf("%s %v", got, err)
	}
	objects := cloudtest.Must(u.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
		Bucket: aws.String(fields["S3_BUCKET"]), Prefix: aws.String(fields["S3_PREFIX"])}))(t).Contents
	if len(objects) < 5 {
		t.Errorf("%d objects below the prefix", len(objects))
	}

	fields["AWS_SECRET_ACCESS_KEY"] = "wrong" + fields["AWS_SECRET_ACCESS_KEY"][5:]
	if got, err := clickhouse(t, file, fields); err == nil || !strings.Contains(got, "signature") {
		t.Errorf("with a wrong secret: %s %v", got, err)
	}
	destroy(t, name)
}

// clickhouse runs testdata/storage.py with these variables.
func clickhouse(t *testing.T, file string, fields map[string]string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cloud.Tools.ClickHouse, filepath.Join("testdata", "storage.py"), t.TempDir(), file)
	cmd.Env = append(cloud.Env(), variables(fields)...)
	output, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

// TestClickHouseBackup looks at what clickhouse-backup would be started with.
func TestClickHouseBackup(t *testing.T) {
	t.Parallel()
	fields := map[string]string{}
	for _, field := range spec.SecretFields {
		fields[field.Name] = "the " + field.Name
	}
	bin := t.TempDir()
	stub := "#!/bin/sh\necho \"arguments=$*\"\nenv\n"
	if err := os.WriteFile(filepath.Join(bin, "clickhouse-backup"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	environment := append(variables(fields), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	output := "\n" + cloudtest.Run(t, ".", environment, filepath.Join("clickhouse-backup", "backup.sh"), "create_remote", "nightly")
	// The names are those of S3Config in clickhouse-backup's pkg/config/config.go.
	for name, want := range map[string]string{
		"S3_ACCESS_KEY": "the AWS_ACCESS_KEY_ID", "S3_SECRET_KEY": "the AWS_SECRET_ACCESS_KEY", "S3_REGION": "the AWS_REGION",
		"S3_BUCKET": "the S3_BUCKET", "S3_PATH": "the S3_BACKUP_PREFIX", "S3_ACL": "",
		"arguments": "--config clickhouse-backup/config.yml create_remote nightly",
	} {
		if !strings.Contains(output, "\n"+name+"="+want+"\n") {
			t.Errorf("%s is not %q in:\n%s", name, want, output)
		}
	}
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
