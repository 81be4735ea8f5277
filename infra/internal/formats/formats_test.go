package formats_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/formats"
	"bucketuser/lambda/spec"
)

var update = flag.Bool("update", false, "write testdata anew, to be read in the diff")

// awkward is a prefix with all that a shell, a file of variables, SQL, XML and YAML could take for more than text.
const awkward = `it's "a" (small) #1 & <x> \ ; ~ ` + "`id`" + ` | %2F: - !x/`

// secretOf is what the function puts into the secret of a resource with the prefix.
func secretOf(t *testing.T, prefix string) string {
	t.Helper()
	const account = "123456789012"
	s, err := spec.Parse(map[string]any{"Prefix": prefix, "UserName": "_+=,.@-x", "SecretName": "bucketuser/a_+=.@-/b"},
		"arn:aws:cloudformation:eu-west-1:"+account+":stack/Storage/e95054ae-28ef-46f0-bd90-a11a39dbde71", "Disk",
		spec.Provider{Partition: "aws", Region: "eu-west-1", Account: account, IAMPath: spec.DefaultIAMPath})
	if err != nil {
		t.Fatal(err)
	}
	return jsonOf(t, s.SecretValue("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
}

func jsonOf(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// textOf is what a format writes of the value of a secret, in a stack of its own.
func textOf(t *testing.T, format, value string) (string, formats.Resource) {
	t.Helper()
	f, err := formats.Named(format)
	if err != nil {
		t.Fatal(err)
	}
	r := formats.Resource{Name: formats.NameOf("Storage", "Disk", ""), SecretName: "bucketuser/a_+=.@-/b", Region: "eu-west-1"}
	if f.NeedsValue {
		if err := f.Read(&r, value); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
	}
	text, err := f.Text(r)
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return string(text), r
}

// What each format writes stands in testdata, to be read; infra/examples/offline has it read by what it is for.
func TestGolden(t *testing.T) {
	for _, format := range formats.Names() {
		got, _ := textOf(t, format, secretOf(t, awkward))
		file := filepath.Join("testdata", "awkward."+format)
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
		if isSecret := strings.Contains(got, "wJalrXUtnFEMI"); isSecret != (format != "external-secrets") {
			t.Errorf("%s: holds the key: %t", format, isSecret)
		}
	}
}

// A secret that lacks what the format needs is named by the field, and shows nothing of what it holds.
func TestReadRefuses(t *testing.T) {
	for value, want := range map[string]string{
		"s3cr3t":                         "holds no credentials",
		`"s3cr3t"`:                       "holds no credentials",
		`{"AWS_ACCESS_KEY_ID":"s3cr3t"}`: "has no field AWS_SECRET_ACCESS_KEY; the next update of the resource puts it back",
		`{"AWS_ACCESS_KEY_ID":"s3cr3t","AWS_SECRET_ACCESS_KEY":5}`:                         "has no field AWS_SECRET_ACCESS_KEY",
		`{"AWS_ACCESS_KEY_ID":"s3cr3t","AWS_SECRET_ACCESS_KEY":"s3cr3t","AWS_REGION":"a"}`: "has no field S3_URL",
	} {
		f, err := formats.Named("clickhouse-xml")
		if err != nil {
			t.Fatal(err)
		}
		err = f.Read(&formats.Resource{}, value)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

func TestNamed(t *testing.T) {
	for name, want := range map[string]string{
		"clickhouse-xlm": "did you mean clickhouse-xml?", "aws_profile": "did you mean aws-profile?", "ENV": "did you mean env?",
		"": "choose from env, csv, json, aws-profile, clickhouse-xml, clickhouse-sql, clickhouse-backup, external-secrets", "terraform": "choose from env, csv",
	} {
		if _, err := formats.Named(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Names of disks, collections and profiles have letters, digits and "_" alone, and start with a letter.
func TestNameOf(t *testing.T) {
	for _, test := range []struct{ stack, logicalID, secret, want string }{
		{"BucketUser", "BucketUser", "", "BucketUser"},
		{"ClickHouse-Storage", "Disk", "", "ClickHouse_Storage_Disk"},
		{"", "", "clickhouse/s3+a", "s3_clickhouse_s3_a"},
		{"", "", "1/é", "s3_1__"},
	} {
		if got := formats.NameOf(test.stack, test.logicalID, test.secret); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}
