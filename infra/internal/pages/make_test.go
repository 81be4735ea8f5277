package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	// makes are what the pages have make do: in a block, or between backticks.
	makes  = regexp.MustCompile("(?m)(?:^ *\\$ |`)make ([a-z0-9-]+)")
	target = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
)

// TestMakeHasWhatThePagesName wants a target in the Makefile for each command of make on a page, those for
// contributors among them.
func TestMakeHasWhatThePagesName(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, match := range target.FindAllStringSubmatch(string(text), -1) {
		targets[match[1]] = true
	}
	named := map[string]int{}
	for file, text := range all(t) {
		for _, match := range makes.FindAllStringSubmatch(text, -1) {
			named[file]++
			if !targets[match[1]] {
				t.Errorf("%s names make %s, and the Makefile has no such target", file, match[1])
			}
		}
	}
	for _, file := range []string{Readme, InFull, ".github/CONTRIBUTING.md"} {
		if named[file] < 5 {
			t.Errorf("%s names %d commands of make", file, named[file])
		}
	}
}
