//go:build e2e

package offline

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/Altinity/clickhouse-backup/v2/pkg/config"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// What bucketuser credentials writes of an awkward prefix. A test beside it holds the program to these files.
const awkward = "../../internal/formats/testdata/awkward."

// The prefix of them.
const prefix = `it's "a" (small) #1 & <x> \ ; ~ ` + "`id`" + ` | %2F: - !x/`

// TestClickHouseBackupLoadsIt has clickhouse-backup load the configuration and hold it to its own rules, for tables on an
// object disk as well. Loading ignores keys that it does not know; here they are refused.
func TestClickHouseBackupLoadsIt(t *testing.T) {
	c, err := config.LoadConfig(awkward + "clickhouse-backup")
	if err != nil {
		t.Fatal(err)
	}
	if err := config.ValidateObjectDiskConfig(c); err != nil {
		t.Error(err)
	}
	got := []string{c.General.RemoteStorage, c.S3.AccessKey, c.S3.SecretKey, c.S3.Region, c.S3.Bucket, c.S3.ACL, c.S3.Path + "/", c.S3.ObjectDiskPath}
	want := []string{"s3", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "eu-west-1", "bucketuser-123456789012-eu-west-1-ycgzlptdcp6f", "",
		prefix + "backups/", prefix + "object_disks"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantKnownKeys(t, awkward+"clickhouse-backup")
}

// TestClickHouseBackupLoadsTheExample does the same with the example's file.
func TestClickHouseBackupLoadsTheExample(t *testing.T) {
	file := filepath.Join("..", "clickhouse-backup", "config.yml")
	c, err := config.LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.General.RemoteStorage != "s3" || c.General.BackupsToKeepRemote != 7 || c.S3.ACL != "" || c.S3.CompressionFormat != "zstd" {
		t.Errorf("%+v %+v", c.General, c.S3)
	}
	wantKnownKeys(t, file)
}

func wantKnownKeys(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&config.Config{}); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// TestDockerReadsWhatIsNotQuoted has Docker read a file of variables. It takes quotes for a part of the value, which the
// program says of the lines that have some; it reads every other line as a shell does.
func TestDockerReadsWhatIsNotQuoted(t *testing.T) {
	got, err := kvfile.Parse(awkward+"env", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		"AWS_REGION=eu-west-1", "S3_USER_ARN=arn:aws:iam::123456789012:user/bucketuser/_+=,.@-x"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %q", want, got)
		}
	}
	if !slices.ContainsFunc(got, func(entry string) bool { return strings.HasPrefix(entry, "S3_PREFIX='it") }) {
		t.Errorf("Docker has read the quotes of %q", got)
	}
}
