package local

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPinsNameNoPlaceToDownloadFrom(t *testing.T) {
	for _, file := range []string{"requirements.txt", "package-lock.json", "checks/package-lock.json"} {
		b, err := pins.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"://", "index-url", "find-links", "resolved"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s: %s", file, word)
			}
		}
	}
}

func TestEveryPinHasAHash(t *testing.T) {
	b, err := pins.ReadFile("requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	for requirement := range strings.SplitSeq(strings.TrimSpace(strings.ReplaceAll(string(b), "\\\n", "")), "\n") {
		if !strings.Contains(requirement, "==") || !strings.Contains(requirement, "--hash=sha256:") {
			t.Errorf("%.60s", requirement)
		}
	}
}

// set makes the directory "made" by counting its runs.
func countingSet(needs string, steps ...[]string) toolset {
	return toolset{name: "things", made: "made", pins: []string{"package.json"}, needs: needs, hint: "install it", steps: steps}
}

func TestInstalledOnceUntilThePinsChange(t *testing.T) {
	dir := t.TempDir()
	set := countingSet("sh", []string{"sh", "-c", "mkdir -p made; echo run >> runs"})
	runs := func() int {
		b, _ := os.ReadFile(filepath.Join(dir, "runs"))
		return strings.Count(string(b), "run")
	}
	var out strings.Builder
	for range 2 {
		if err := set.ensure(t.Context(), dir, &out); err != nil {
			t.Fatal(err)
		}
	}
	if runs() != 1 || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%d runs, printed %q", runs(), out.String())
	}
	set.pins = []string{"package-lock.json"}
	if err := set.ensure(t.Context(), dir, &out); err != nil || runs() != 2 {
		t.Errorf("other pins: %d runs, %v", runs(), err)
	}
}

func TestInterruptedInstallationIsRepeated(t *testing.T) {
	dir := t.TempDir()
	half := countingSet("sh", []string{"sh", "-c", "mkdir -p made; echo broken; exit 1"})
	err := half.ensure(t.Context(), dir, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "broken") || !strings.Contains(err.Error(), "install it") {
		t.Errorf("the error does not help: %v", err)
	}
	whole := countingSet("sh", []string{"sh", "-c", "touch made/whole"})
	if err := whole.ensure(t.Context(), dir, &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "made", "whole")); err != nil {
		t.Error("what was left half-made is taken as whole")
	}
}

func TestMissingProgramIsNamedWithTheRemedy(t *testing.T) {
	err := countingSet("no-such-program").ensure(t.Context(), t.TempDir(), &strings.Builder{})
	if err == nil || err.Error() != "no-such-program not found: install it" {
		t.Error(err)
	}
}

func TestInstallationsWaitForEachOther(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(impatient, file); err == nil {
		t.Error("locked twice")
	}
	unlock()
	again, err := lock(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
