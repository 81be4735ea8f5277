package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bucketuser/infra/local"
)

// make help has the commands for users before those for developers, each target once, within 80 columns.
func TestHelp(t *testing.T) {
	root, err := local.Root()
	if err != nil {
		t.Fatal(err)
	}
	output := func(command string) string {
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", command)
		cmd.Dir = root
		text, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var groups, commands []string
	use := 0
	for line := range strings.Lines(output("env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make help")) {
		line = strings.TrimSuffix(line, "\n")
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("%s: is longer than 80 columns", line)
		}
		words := strings.Fields(line)
		if words[0] != "make" {
			groups, use = append(groups, line), len(commands)
			continue
		}
		if len(words) < 4 {
			t.Errorf("%s: says nothing", line)
		}
		commands = append(commands, words[1])
	}
	if want := []string{"Use it:", "Work on it:"}; !slices.Equal(groups, want) {
		t.Errorf("groups %q, want %q", groups, want)
	}
	for _, name := range []string{"demo", "demo-down", "bootstrap", "deploy", "destroy", "credentials"} {
		if !slices.Contains(commands[:use], name) {
			t.Errorf("%s is not among %q", name, commands[:use])
		}
	}
	phony := strings.Fields(strings.TrimPrefix(output("grep ^.PHONY: Makefile"), ".PHONY:"))
	slices.Sort(phony)
	slices.Sort(commands)
	if !slices.Equal(phony, commands) {
		t.Errorf("make help has %q, and .PHONY %q", commands, phony)
	}
}
