package pages

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const production = "infra/production.md"

// pin is an action at a full commit, with its version as a remark.
var pin = regexp.MustCompile(`uses: ([\w-]+/[\w-]+)@([0-9a-f]{40} # v\d+\.\d+\.\d+)\n`)

// TestWorkflowOfProduction has actionlint read the workflow that the page prints. Its actions are those of this repository's
// own workflows, it stays within its second checkout, and the trust policy below it is for the branch that it runs on.
func TestWorkflowOfProduction(t *testing.T) {
	workflow, trust := blockWith(t, "yaml", "jobs:"), blockWith(t, "json", "AssumeRoleWithWebIdentity")
	actionlint(t, workflow)

	own := map[string]string{}
	for _, file := range []string{"test.yml", "release.yml"} {
		for _, used := range pin.FindAllStringSubmatch(readFile(t, ".github", "workflows", file), -1) {
			own[used[1]] = used[2]
		}
	}
	used := pin.FindAllStringSubmatch(workflow, -1)
	if len(used) != strings.Count(workflow, "uses:") || len(used) != 5 {
		t.Errorf("%d actions are pinned:\n%s", len(used), workflow)
	}
	for _, action := range used {
		if at := own[action[1]]; strings.HasPrefix(action[1], "actions/") && action[2] != at {
			t.Errorf("%s is at %s, and in .github/workflows at %s", action[1], action[2], at)
		}
	}

	var read struct {
		On   struct{ Push struct{ Branches []string } }
		Jobs map[string]struct{ Steps []step }
	}
	if err := yaml.Unmarshal([]byte(workflow), &read); err != nil {
		t.Fatal(err)
	}
	steps := read.Jobs["deploy"].Steps
	if len(steps) != 6 || steps[1].With["path"] != "bucketuser" || steps[2].With["go-version-file"] != "bucketuser/go.mod" ||
		steps[5].Run != "make -C bucketuser deploy APPROVAL=never VALUES=../values.yaml" {
		t.Errorf("the steps are %+v", steps)
	}
	if subject := subjectOf(t, trust); len(read.On.Push.Branches) != 1 || !strings.HasSuffix(subject, ":ref:refs/heads/"+read.On.Push.Branches[0]) {
		t.Errorf("the workflow runs on %q, and the role trusts %q", read.On.Push.Branches, subject)
	}
}

type step struct {
	With map[string]any
	Run  string
}

func subjectOf(t *testing.T, trust string) string {
	t.Helper()
	var policy struct {
		Statement []struct {
			Condition struct{ StringEquals map[string]string }
		}
	}
	if err := json.Unmarshal([]byte(trust), &policy); err != nil || len(policy.Statement) != 1 {
		t.Fatalf("the trust policy: %v\n%s", err, trust)
	}
	return policy.Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"]
}

// actionlint reads a workflow as make lint does those of this repository.
func actionlint(t *testing.T, workflow string) {
	t.Helper()
	version := regexp.MustCompile(`(?m)^ACTIONLINT *:= (\S+)$`).FindStringSubmatch(readFile(t, "Makefile"))
	if version == nil {
		t.Fatal("the Makefile names no actionlint")
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", version[1], "-shellcheck=", "-pyflakes=", "-")
	cmd.Dir, cmd.Stdin = root, strings.NewReader(workflow)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("actionlint: %v\n%s", err, output)
	}
}

// blockWith is the one block of the page that has a text.
func blockWith(t *testing.T, language, text string) string {
	t.Helper()
	var found []string
	for _, block := range Blocks(readFile(t, production)) {
		if block.Language == language && strings.Contains(block.Text, text) {
			found = append(found, block.Text)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks with %s", production, len(found), text)
	}
	return found[0]
}

func readFile(t *testing.T, name ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.Join(name...)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
