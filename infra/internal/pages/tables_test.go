package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProgramIsDescribed wants each format of credentials and each check of a status in a table of the long page, as the
// sources name them, and no other.
func TestProgramIsDescribed(t *testing.T) {
	for chapter, source := range map[string]struct{ folder, name string }{
		"Formats of credentials": {"formats", `\{Name: "([a-z-]+)"`},
		"Status":                 {"status", `(?:Check: |ofTags\()"([A-Za-z]+)"`},
	} {
		if diff := cmp.Diff(named(t, source.folder, source.name), listed(all(t)[InFull], chapter)); diff != "" {
			t.Errorf("%s, %s (-code +page):\n%s", InFull, chapter, diff)
		}
	}
}

// named are the names in the sources of a package.
func named(t *testing.T, folder, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "infra", "internal", folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of %s: %v", len(files), folder, err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// listed are the names in the first column of the table of a chapter.
func listed(text, chapter string) []string {
	part := regexp.MustCompile(`(?s)\n#+ ` + chapter + `\n(.*?)\n#`).FindString(text)
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(part, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			names = append(names, name[1])
		}
	}
	slices.Sort(names)
	return names
}
