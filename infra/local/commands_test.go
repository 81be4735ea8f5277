package local

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// stubs stand for the programs that install packages: each makes the directory that
// the real one makes, and adds a line to the file runs.
var stubs = map[string]string{
	"python3": `PATH=/usr/bin:/bin
case "$2" in
venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python3" ;;
pip) echo "${PWD##*/}" >>"$RUNS" ;;
esac`,
	"npm":  `PATH=/usr/bin:/bin; mkdir node_modules && echo "${PWD##*/}" >>"$RUNS"`,
	"node": `:`,
}

// onlyStubs leaves nothing in PATH but these stubs. It returns the root of a
// repository with nothing installed, and a function that lists what was installed
// since, with repetitions.
func onlyStubs(t *testing.T, names ...string) (root string, installed func() []string) {
	t.Helper()
	repository, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	bin, root := t.TempDir(), t.TempDir()
	if err := os.Symlink(filepath.Join(repository, "infra"), filepath.Join(root, "infra")); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+stubs[name]+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	t.Setenv("RUNS", filepath.Join(bin, "runs"))
	return root, func() []string {
		b, _ := os.ReadFile(filepath.Join(bin, "runs")) // none if nothing ran
		return slices.Sorted(slices.Values(strings.Fields(string(b))))
	}
}

func TestCommandInstallsWhatItNeedsAndNoMore(t *testing.T) {
	for command, needs := range commands() {
		t.Run(string(command), func(t *testing.T) {
			root, installed := onlyStubs(t, programsOf(t, command)...)
			var out strings.Builder
			tools, err := Install(t.Context(), root, command, &out)
			if err != nil {
				t.Fatal(err)
			}
			if got := installed(); !slices.Equal(got, slices.Sorted(slices.Values(needs))) {
				t.Errorf("installed %q, needs %q", got, needs)
			}
			if lines := strings.Count(out.String(), "\n"); lines != len(needs)+1 || !strings.HasPrefix(out.String(), "to install, once: ") {
				t.Errorf("%d lines for %d toolsets and what they cost:\n%s", lines, len(needs), &out)
			}
			if (tools.CDK != "") != slices.Contains(needs, cdkCLI) || (tools.ClickHouse != "") != slices.Contains(needs, clickHouse) {
				t.Errorf("the tools of %q are %+v", needs, tools)
			}
		})
	}
}

// programsOf are all that a command may find in PATH: no Python if it needs none.
func programsOf(t *testing.T, command Command) (programs []string) {
	t.Helper()
	sets, err := toolsetsFor(command)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range sets {
		programs = append(programs, set.registry.needs...)
	}
	return programs
}

// make deploy is for those who have a cloud and no Python.
func TestDeploymentNeedsTheCDKAlone(t *testing.T) {
	for _, command := range []Command{ForDeploy} {
		if needs := commands()[command]; !slices.Equal(needs, []string{cdkCLI}) {
			t.Errorf("%s needs %q", command, needs)
		}
	}
}

// make test runs commands after and beside each other on a machine that has nothing.
func TestTogetherCommandsInstallEachToolsetOnce(t *testing.T) {
	root, installed := onlyStubs(t, slices.Collect(maps.Keys(stubs))...)
	var group sync.WaitGroup
	for command := range commands() {
		group.Go(func() {
			if _, err := Install(t.Context(), root, command, io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var all []string
	for _, set := range toolsets() {
		all = append(all, set.dir)
	}
	if got := installed(); !slices.Equal(got, slices.Sorted(slices.Values(all))) {
		t.Errorf("installed %q, the toolsets are %q", got, all)
	}
}

func TestMissingProgramIsNamedWithCommandAndRemedy(t *testing.T) {
	const python, node = "install Python 3.10 or newer with its venv module (Debian: apt install python3-venv)", "install Node.js 22 or newer, which comes with npm"
	for name, test := range map[string]struct {
		command Command
		have    []string
		want    string
	}{
		"no npm":    {ForDeploy, nil, "make bootstrap, deploy, synth and destroy: cdk CLI: npm not found: " + node},
		"no node":   {ForDeploy, []string{"npm"}, "make bootstrap, deploy, synth and destroy: cdk CLI: node not found: " + node},
		"no Python": {ForDemo, []string{"npm", "node"}, "make demo: embedded AWS: python3 not found: " + python},
	} {
		t.Run(name, func(t *testing.T) {
			root, installed := onlyStubs(t, test.have...)
			if _, err := Install(t.Context(), root, test.command, io.Discard); err == nil || err.Error() != test.want {
				t.Errorf("%v\nwant %s", err, test.want)
			}
			if got := installed(); len(got) > 0 {
				t.Errorf("installed %q before", got)
			}
		})
	}
}

func TestUnknownCommandInstallsNothing(t *testing.T) {
	root, installed := onlyStubs(t, "npm", "node", "python3")
	if _, err := Install(t.Context(), root, "make tea", io.Discard); err == nil || !strings.Contains(err.Error(), "make tea") {
		t.Error(err)
	}
	if got := installed(); len(got) > 0 {
		t.Errorf("installed %q", got)
	}
}

// A command is named as somebody types it.
func TestCommandsAreThoseOfTheRepository(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for command := range commands() {
		words := strings.Fields(strings.NewReplacer(",", "", " and ", " ").Replace(string(command)))
		if words[0] == "go" {
			folder := words[len(words)-1]
			if _, err := os.Stat(filepath.Join(root, folder)); err != nil {
				t.Errorf("%s: %v", command, err)
			}
			continue
		}
		for _, target := range words[1:] {
			if !strings.Contains(string(makefile), "\n"+target+":") {
				t.Errorf("%s: the Makefile has no %s", command, target)
			}
		}
	}
}
