package release

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A step is one of a job in a workflow.
type step struct {
	Uses, Run string
	With      map[string]string
}

// steps are those of a workflow of this repository.
func steps(t *testing.T, file string) (all []step) {
	t.Helper()
	var workflow struct {
		Jobs map[string]struct {
			Uses  string
			Steps []step
		}
	}
	read(t, &workflow, "workflows", file)
	for _, job := range workflow.Jobs {
		all = append(all, job.Steps...)
		if job.Uses != "" {
			all = append(all, step{Uses: job.Uses})
		}
	}
	return all
}

// read reads a file of .github.
func read(t *testing.T, into any, path ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{root, ".github"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%v: %v", path, err)
	}
}

// A tag of an action may be moved to another commit by whoever has its repository.
func TestActionsAreThoseOfACommit(t *testing.T) {
	pinned := regexp.MustCompile(`^(actions/[a-z-]+@[0-9a-f]{40}|\./\.github/workflows/[a-z]+\.yml)$`)
	for _, file := range []string{"test.yml", "release.yml"} {
		used := 0
		for _, s := range steps(t, file) {
			if s.Uses == "" {
				continue
			}
			used++
			if !pinned.MatchString(s.Uses) {
				t.Errorf("%s: %s is not GitHub's, or is not pinned to a commit", file, s.Uses)
			}
		}
		if used < 4 {
			t.Errorf("%s: %d actions", file, used)
		}
	}
}

// What is tested is what is released: with one Go, whose version is in the bytes.
func TestWorkflowsHaveOneGo(t *testing.T) {
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	minor := regexp.MustCompile(`(?m)^go ([0-9]+\.[0-9]+)`).FindSubmatch(module)
	var versions []string
	for _, s := range slices.Concat(steps(t, "test.yml"), steps(t, "release.yml")) {
		if version, ok := s.With["go-version"]; ok {
			versions = append(versions, version)
		}
	}
	if len(versions) != 3 || len(slices.Compact(slices.Clone(versions))) != 1 || !strings.HasPrefix(versions[0], string(minor[1])+".") {
		t.Errorf("versions of Go %v, and go.mod has %s", versions, minor[1])
	}
}

// The workflows run what people run.
func TestWorkflowsRunTheMakefile(t *testing.T) {
	for file, want := range map[string]string{"test.yml": ".ci/run", "release.yml": `make release VERSION="${GITHUB_REF_NAME#v}"`} {
		if !slices.ContainsFunc(steps(t, file), func(s step) bool { return s.Run == want }) {
			t.Errorf("%s does not run %s", file, want)
		}
	}
}

// Whoever reports a fault is asked for what most answers begin with.
func TestFormsAskForStatusAndVersion(t *testing.T) {
	type form struct {
		Name, Description string
		Body              []struct {
			ID          string
			Attributes  struct{ Label, Description string }
			Validations struct{ Required bool }
		}
	}
	for _, file := range []string{"bug.yml", "feature.yml", "live.yml"} {
		var f form
		read(t, &f, "ISSUE_TEMPLATE", file)
		if f.Name == "" || f.Description == "" || len(f.Body) < 3 {
			t.Errorf("%s: GitHub shows no form without a name, a description and a body", file)
		}
		asked := map[string]string{}
		for _, field := range f.Body {
			if field.Validations.Required {
				asked[field.ID] = field.Attributes.Label + " " + field.Attributes.Description
			}
		}
		if file == "bug.yml" && (!strings.Contains(asked["status"], "bucketuser status") || !strings.Contains(asked["version"], "bucketuser --version")) {
			t.Errorf("%s asks for %v", file, asked)
		}
	}
}
