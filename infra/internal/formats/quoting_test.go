package formats_test

import (
	"encoding/csv"
	"encoding/xml"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"bucketuser/infra/internal/formats"
	"bucketuser/lambda/spec"
)

// Whatever printable text the fields hold, a reader has the same. Their prefixes never hold some of it, but an earlier
// version may have accepted it.

// drawn are fields with any printable text in each.
func drawn(t *rapid.T) map[string]string {
	fields := map[string]string{}
	for _, field := range spec.SecretFields {
		fields[field.Name] = rapid.StringMatching(`[ -~]{1,12}`).Draw(t, field.Name)
	}
	return fields
}

func TestShellReadsEnv(t *testing.T) {
	for _, shell := range []string{"sh", "bash"} {
		rapid.Check(t, func(rt *rapid.T) {
			fields := drawn(rt)
			text, _ := textOf(t, "env", jsonOf(t, fields))
			cmd := exec.CommandContext(t.Context(), shell, "-euc", "set -a\n"+text+"env -0")
			cmd.Env = []string{"PATH=/usr/bin:/bin"}
			output, err := cmd.CombinedOutput()
			if err != nil {
				rt.Fatalf("%v: %s\n%s", err, output, text)
			}
			entries := strings.Split(string(output), "\x00")
			for name, want := range fields {
				if !slices.Contains(entries, name+"="+want) {
					rt.Errorf("%s: %s is not %q in\n%s", shell, name, want, text)
				}
			}
		})
	}
}

func TestCSVIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fields := drawn(rt)
		text, _ := textOf(t, "csv", jsonOf(t, fields))
		got, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		want := [][]string{{"Access key ID", "Secret access key"}, {fields[spec.FieldAccessKeyID], fields[spec.FieldSecretAccessKey]}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			rt.Errorf("%v %s", err, diff)
		}
	})
}

func TestXMLIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fields := drawn(rt)
		text, _ := textOf(t, "clickhouse-xml", jsonOf(t, fields))
		type key struct {
			Hide  bool   `xml:"hide_in_preprocessed,attr"`
			Value string `xml:",chardata"`
		}
		var got struct {
			URL    string `xml:"storage_configuration>disks>Storage_Disk>endpoint"`
			Region string `xml:"storage_configuration>disks>Storage_Disk>region"`
			ID     key    `xml:"storage_configuration>disks>Storage_Disk>access_key_id"`
			Secret key    `xml:"storage_configuration>disks>Storage_Disk>secret_access_key"`
		}
		err := xml.Unmarshal([]byte(text), &got)
		want := got
		want.URL, want.Region = fields[spec.FieldURL], fields[spec.FieldRegion]
		want.ID, want.Secret = key{true, fields[spec.FieldAccessKeyID]}, key{true, fields[spec.FieldSecretAccessKey]}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			rt.Errorf("%v %s\n%s", err, diff, text)
		}
	})
}

func TestYAMLIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		fields := drawn(rt)
		text, _ := textOf(t, "clickhouse-backup", jsonOf(t, fields))
		var got map[string]map[string]string
		err := yaml.Unmarshal([]byte(text), &got)
		want := map[string]map[string]string{"general": {"remote_storage": "s3"}, "s3": {
			"access_key": fields[spec.FieldAccessKeyID], "secret_key": fields[spec.FieldSecretAccessKey], "region": fields[spec.FieldRegion],
			"bucket": fields[spec.FieldBucket], "path": fields[spec.FieldBackupPrefix], "object_disk_path": fields[spec.FieldPrefix] + "object_disks", "acl": ""}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			rt.Errorf("%v %s\n%s", err, diff, text)
		}
	})
}

// The note names the lines that docker run --env-file would read otherwise, and there is none where it reads all.
func TestNoteOfEnv(t *testing.T) {
	for prefix, want := range map[string]string{
		"data/": "", "a_=,.@:%/": "", "my data/": "S3_PREFIX and S3_BACKUP_PREFIX in quotes", "it's/": "S3_PREFIX and S3_BACKUP_PREFIX in quotes",
	} {
		_, r := textOf(t, "env", secretOf(t, prefix))
		f, err := formats.Named("env")
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Note(r); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q", prefix, got)
		}
	}
}
