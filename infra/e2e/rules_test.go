//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// runRules runs the table of rules of the fake AWS against the endpoint of env, and
// returns the first line that each failed rule said.
func runRules(t *testing.T, env []string) (failed map[string]string, ran int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-tags", "e2e", "-count=1", "-run", "^TestRulesElsewhere$", "./lambda/internal/awsfake")
	cmd.Dir, cmd.Env = root, env
	output, _ := cmd.Output() // rules that fail make it fail
	failed = map[string]string{}
	said := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(output))); lines.Scan(); {
		var line struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			t.Fatalf("go test says %q", lines.Text())
		}
		name, isRule := strings.CutPrefix(line.Test, "TestRulesElsewhere/")
		switch {
		case !isRule || strings.Contains(name, "/"):
		case line.Action == "output" && said[name] == "" && strings.HasPrefix(line.Output, "    "):
			said[name] = strings.TrimSpace(line.Output)
		case line.Action == "pass":
			ran++
		case line.Action == "fail":
			ran++
			failed[name] = said[name]
		}
	}
	return failed, ran
}

var update = flag.Bool("update", false, "write the lists of rules that other emulators do not follow anew")

// The rules that the fake AWS follows hold on the embedded AWS and on moto too, but
// for those in a list of each. A rule that starts to hold has to leave the list: so
// the fake cannot drift away from what others take AWS to be.
func TestRulesOnTheEmbeddedAWS(t *testing.T) {
	t.Parallel()
	compareRules(t, "ministack", cloud.Env())
}

func TestRulesOnMoto(t *testing.T) {
	t.Parallel()
	compareRules(t, "moto", cloudtest.Must(local.StartMoto(t.Context(), root, t.TempDir(), os.Stderr))(t))
}

func compareRules(t *testing.T, emulator string, env []string) {
	t.Helper()
	failed, ran := runRules(t, env)
	list := filepath.Join("testdata", "rules-"+emulator+".txt")
	if *update {
		text := strings.Join(slices.Sorted(maps.Keys(failed)), "\n") + "\n"
		if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	known := strings.Fields(string(cloudtest.Must(os.ReadFile(list))(t)))
	for name, said := range failed {
		if !slices.Contains(known, name) {
			t.Errorf("%s: %s", name, said)
		}
	}
	for _, name := range known {
		if _, ok := failed[name]; !ok {
			t.Errorf("%s holds: take it off %s", name, list)
		}
	}
	figure("rules of the fake AWS on %s: %d hold, %d known not to", emulator, ran-len(failed), len(failed))
}
