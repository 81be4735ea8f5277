package local

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// eachPinFile calls check with every file of pins that the table names.
func eachPinFile(t *testing.T, check func(t *testing.T, path string, text []byte)) {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range toolsets() {
		for _, pin := range set.pins() {
			text, err := os.ReadFile(filepath.Join(root, pin))
			if err != nil {
				t.Errorf("%s: %v", set.name, err)
			}
			check(t, pin, text)
		}
	}
}

func TestPinsNameNoPlaceToDownloadFrom(t *testing.T) {
	eachPinFile(t, func(t *testing.T, path string, text []byte) {
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(strings.TrimSpace(line), `"url": `) { // of a project that asks for funding
				continue
			}
			for _, word := range []string{"://", "index-url", "find-links", "resolved"} {
				if strings.Contains(line, word) {
					t.Errorf("%s: %s", path, line)
				}
			}
		}
	})
}

func TestEveryPinHasAHash(t *testing.T) {
	eachPinFile(t, func(t *testing.T, file string, text []byte) {
		switch path.Base(file) {
		case "requirements.txt":
			wantHashes(t, file, text)
		case "package-lock.json":
			wantIntegrity(t, file, text)
		}
	})
}

func wantHashes(t *testing.T, file string, requirements []byte) {
	t.Helper()
	lines := strings.TrimSpace(strings.ReplaceAll(string(requirements), "\\\n", ""))
	for requirement := range strings.SplitSeq(lines, "\n") {
		if !strings.Contains(requirement, "==") || !strings.Contains(requirement, "--hash=sha256:") {
			t.Errorf("%s: %.60s", file, requirement)
		}
	}
}

// wantIntegrity lets a package be without a hash that is part of another's archive.
func wantIntegrity(t *testing.T, file string, text []byte) {
	t.Helper()
	var lock struct {
		Packages map[string]struct {
			Version, Integrity string
			InBundle           bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil || len(lock.Packages) < 2 {
		t.Errorf("%s: %d packages, %v", file, len(lock.Packages), err)
	}
	delete(lock.Packages, "") // the list itself
	for name, p := range lock.Packages {
		if p.Version == "" || p.Integrity == "" && !p.InBundle {
			t.Errorf("%s: %s", file, name)
		}
	}
}

func TestEachToolsetIsUsedByACommand(t *testing.T) {
	var used, known []string
	for _, needs := range commands() {
		used = append(used, needs...)
	}
	for _, set := range toolsets() {
		if !slices.Contains(used, set.dir) {
			t.Errorf("no command needs the %s", set.name)
		}
		if slices.Contains(known, set.dir) {
			t.Errorf("two toolsets are in %s", set.dir)
		}
		known = append(known, set.dir)
	}
	for _, name := range used {
		if !slices.Contains(known, name) {
			t.Errorf("%s is needed and not in the table", name)
		}
	}
}

// What is in these folders was installed, or made.
var notOfTheRepository = []string{".git", ".local", ".venv", "cdk.out", "node_modules"}

func TestEachPinFileBelongsToOneToolset(t *testing.T) {
	var rows []string
	for _, set := range toolsets() {
		rows = append(rows, set.pins()...)
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	err = fs.WalkDir(os.DirFS(root), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(notOfTheRepository, entry.Name()) {
			return fs.SkipDir
		}
		if !isPinFile(entry.Name()) {
			return nil
		}
		found++
		if n := count(rows, file); n != 1 {
			t.Errorf("%s belongs to %d toolsets", file, n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found != len(rows) {
		t.Errorf("found %d files of pins, the table has %d", found, len(rows))
	}
}

// isPinFile knows what pip and npm, and others like them, take for a list of packages.
func isPinFile(name string) bool {
	switch name {
	case "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml",
		"pyproject.toml", "setup.py", "Pipfile.lock", "poetry.lock", "uv.lock":
		return true
	}
	matched, _ := path.Match("*requirements*.txt", name)
	return matched
}

func count(list []string, item string) int {
	return len(slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s != item }))
}
