package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// wantFile wants a file that its owner alone may read, with what the stack's secret holds, and no other file beside it.
func wantFile(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || string(text) != "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s3cr3t\n" {
		t.Errorf("%q %v", text, err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
}

// With --output nothing is printed, and the file is its owner's alone: a new one, one that was there, and one
// that a symbolic link leads to, which stays.
func TestOutput(t *testing.T) {
	deployed(t)
	file := filepath.Join(t.TempDir(), "s3.env")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{file, file, link} {
		status, out, notes := ran(t, "credentials", "--output", output)
		if status != 0 || out != "" || !strings.Contains(notes, "wrote "+file) || strings.Contains(notes, "s3cr3t") {
			t.Errorf("%s: %d: %s%s", output, status, out, notes)
		}
		wantFile(t, file)
	}
	if to, err := os.Readlink(link); err != nil || to != file {
		t.Errorf("the link leads to %s: %v", to, err)
	}
}

// A file that others may read is not written, nor one whose content would be lost, and nothing is fetched for the first.
func TestOutputIsRefused(t *testing.T) {
	c := deployed(t)
	c.Secrets[0].Value = `{"AWS_ACCESS_KEY_ID":"AKIA1","AWS_SECRET_ACCESS_KEY":"s3cr3t","AWS_REGION":"eu-west-1"}`
	dir := t.TempDir()
	for name, test := range map[string]struct {
		mode   os.FileMode
		text   string
		format string
		want   string
	}{
		"group":    {0o640, "", "env", "others may use it (mode 0640); chmod 600 it"},
		"others":   {0o602, "", "env", "others may use it (mode 0602)"},
		"profiles": {0o600, "[default]\nregion = x\n[BucketUser_Data]\n", "aws-profile", "has other profiles, which would be lost"},
		"own":      {0o600, "[BucketUser_Data]\nregion = x\n", "aws-profile", ""},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(test.text), test.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, test.mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		c.Called = nil
		status, out, notes := ran(t, "credentials", "--format", test.format, "--output", file)
		text, err := os.ReadFile(file)
		if isKept := string(text) == test.text; err != nil || out != "" || isKept != (test.want != "") || !strings.Contains(notes, test.want) {
			t.Errorf("%s: %d: %s%s%q", name, status, out, notes, text)
		}
		if isAsked := len(c.Called) > 0; isAsked != (test.mode == 0o600) {
			t.Errorf("%s: called %q", name, c.Called)
		}
	}
	for file, want := range map[string]string{"/dev/null": "is no file", dir: "is no file", filepath.Join(dir, "none", "x"): "no such file or directory"} {
		if status, _, notes := ran(t, "credentials", "--output", file); status != 2 || !strings.Contains(notes, want) {
			t.Errorf("%s: %d: %s", file, status, notes)
		}
	}
}

// A server that runs as another user goes on to read its file when root has replaced it.
func TestOutputKeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	deployed(t)
	file := filepath.Join(t.TempDir(), "s3.env")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(file, 12345, 23456); err != nil {
		t.Fatal(err)
	}
	if status, _, notes := ran(t, "credentials", "--output", file); status != 0 {
		t.Fatal(notes)
	}
	wantFile(t, file)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 12345 || owner.Gid != 23456 {
		t.Errorf("the file belongs to %d and %d", owner.Uid, owner.Gid)
	}
}
