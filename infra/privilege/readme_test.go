//go:build e2e

package privilege

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// A place is where the table of what the user may do has an answer.
type place struct {
	action, access    string
	inside, versioned bool
}

// tableOf is the table of infra/README.md: what the evaluators agreed on.
func tableOf(points []point, allowed []bool) string {
	got := map[place]bool{}
	for i, p := range points {
		if p.group == "levels" && p.bucket.spec.EnforceTls {
			got[place{p.use.action, p.bucket.spec.Access, p.inside, p.bucket.spec.IsVersioned()}] = allowed[i]
		}
	}
	var b strings.Builder
	b.WriteString("| action | `ReadOnly` | `ReadWrite` | `Full` |\n| --- | --- | --- | --- |\n")
	for _, u := range uses {
		fmt.Fprintf(&b, "| `%s` |", u.action)
		for _, access := range []string{spec.ReadOnly, spec.ReadWrite, spec.Full} {
			fmt.Fprintf(&b, " %s |", textOf(u, func(inside, versioned bool) bool {
				return got[place{u.action, access, inside, versioned}]
			}))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// textOf says where a use is allowed.
func textOf(u use, allowed func(inside, versioned bool) bool) string {
	var text string
	switch plain, versioned := allowed(true, false), allowed(true, true); {
	case plain && versioned:
		text = "yes"
	case versioned:
		text = "with `Versioning`"
	case plain:
		text = "without `Versioning`"
	default:
		return "–"
	}
	if !u.object {
		return text
	}
	switch plain, versioned := allowed(false, false), allowed(false, true); {
	case plain && versioned:
		return text + ", everywhere"
	case plain || versioned:
		return text + ", partly everywhere"
	}
	return text + ", below the prefix"
}

// checkReadme compares the table with that of infra/README.md, or writes it with -update.
func checkReadme(t *testing.T, table string) {
	t.Helper()
	readme := filepath.Join(root.Root, "infra", "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "<!-- access -->\n")
	have, after, foundEnd := strings.Cut(rest, "<!-- /access -->")
	if !found || !foundEnd {
		t.Fatal("infra/README.md has no place for the table of what the user may do")
	}
	if *update {
		if err := os.WriteFile(readme, []byte(before+"<!-- access -->\n"+table+"<!-- /access -->"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(have, table); diff != "" {
		t.Errorf("the table of infra/README.md is not what the evaluators say; write it with -update\n%s", diff)
	}
}
