package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sources are the Go files below the repository's root, in one text.
func sources(t *testing.T, pattern string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "git", "-C", "..", "grep", "--untracked", "-h", "-E", pattern, "--", "*.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(output)
}

// Every package stands under Rooms, and every tag in the table of tags.
func TestReadmeHasEveryRoomAndTag(t *testing.T) {
	text := readme(t)
	for path := range list(t) {
		room, ok := strings.CutPrefix(path, "lambda/")
		if ok && !regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(room)+`/ `).MatchString(text) {
			t.Errorf("README.md has no room %s", room)
		}
	}
	_, table, _ := strings.Cut(text, "<!-- tags -->")
	table, _, _ = strings.Cut(table, "<!-- /tags -->")
	var documented, defined []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(bucketuser:[a-z-]+)`").FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	for _, constant := range regexp.MustCompile(`Tag[A-Za-z]+ += "(bucketuser:[a-z-]+)"`).FindAllStringSubmatch(sources(t, `^\s+Tag[A-Za-z]+ +=`), -1) {
		defined = append(defined, constant[1])
	}
	slices.Sort(documented)
	slices.Sort(defined)
	if !slices.Equal(documented, defined) || len(defined) == 0 {
		t.Errorf("tags: README.md has %v, the code %v", documented, defined)
	}
}

// What README.md says holds a bug is there.
func TestReadmeNamesTestsThatExist(t *testing.T) {
	tests, races := sources(t, `^func (Test|Fuzz)`), sources(t, `"`)
	for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)`").FindAllStringSubmatch(readme(t), -1) {
		if !strings.Contains(tests, "func "+name[1]+"(") {
			t.Errorf("README.md names %s, which is no test", name[1])
		}
	}
	for _, name := range regexp.MustCompile(`race "([^"…]+)"`).FindAllStringSubmatch(readme(t), -1) {
		if !strings.Contains(races, `"`+name[1]+`"`) {
			t.Errorf("README.md names the race %q, which there is not", name[1])
		}
	}
	for _, path := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		if _, err := os.Stat(path[1]); err != nil {
			t.Errorf("README.md links to %s: %v", path[1], err)
		}
	}
}

// The commands that repeat a violation, as they stand there.
func TestReadmeCommandsRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the tests that they name")
	}
	_, block, _ := strings.Cut(readme(t), "```console\n$ go test")
	block, _, _ = strings.Cut("$ go test"+block, "```")
	for line := range strings.Lines(block) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !ok {
			t.Errorf("no command: %s", line)
			continue
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = ".."
		output, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(output), "no tests to run") {
			t.Errorf("%s: %v\n%s", command, err, output)
		}
	}
}
