package values

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSectionOfAStack(t *testing.T) {
	yaml := file(t, `# ours
BucketUser:
  Prefix: clickhouse/
  Versioning: null
  KeySerial: 3
  FolderMarker: false
  Trigger: 2026-11-27
  Tags: [{Key: since, Value: 2026-01-02}]
Backups:
  Prefix: backups/
`)
	json := file(t, `{"BucketUser": {"Prefix": "clickhouse/", "Versioning": null, "KeySerial": 3, "FolderMarker": false,
		"Trigger": "2026-11-27", "Tags": [{"Key": "since", "Value": "2026-01-02"}]}, "Backups": {"Prefix": "backups/"}}`)
	want := Section{"Prefix": "clickhouse/", "Versioning": nil, "KeySerial": 3, "FolderMarker": false, "Trigger": "2026-11-27",
		"Tags": []any{map[string]any{"Key": "since", "Value": "2026-01-02"}}}
	for _, name := range []string{yaml, json} {
		for stack, want := range map[string]Section{"BucketUser": want, "Backups": {"Prefix": "backups/"}, "Other": nil} {
			got, err := Read(name, stack)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", stack, err, diff)
			}
		}
	}
	if got, err := Read(file(t, "BucketUser:\n"), "BucketUser"); got == nil || len(got) != 0 || err != nil {
		t.Errorf("an empty section: %v, %v", got, err)
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"BucketUser:\n  Prefix: a/\n  Prefix: b/\n": `mapping key "Prefix" already defined`,
		"BucketUser: Prefix":                        "section BucketUser must have properties by their names",
		"- Prefix: a/":                              "must have a section for each stack",
		"BucketUser: {":                             "must have a section for each stack",
	} {
		if _, err := Read(file(t, text), "BucketUser"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if _, err := Read("no-such.yaml", "BucketUser"); err == nil || !strings.Contains(err.Error(), "no-such.yaml: no such file") {
		t.Error(err)
	}
}
