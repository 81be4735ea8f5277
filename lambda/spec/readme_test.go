package spec_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"bucketuser/lambda/spec"
)

var update = flag.Bool("update", false, "write the tables of the README anew")

const readme = "../../README.md"

func TestReadmeNamesTheTags(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{spec.TagOwner, spec.TagStackID, spec.TagLogicalID, spec.TagLastEvent, spec.TagAdopted} {
		if !strings.Contains(string(text), "`"+tag) {
			t.Errorf("the README does not say what %s is", tag)
		}
	}
}

// The README's tables are what the code says, or what is computed in beyond_test.go. go test ./lambda/spec -update
// writes them.
func TestReadmeTables(t *testing.T) {
	var properties strings.Builder
	properties.WriteString("| property | default | on change | meaning |\n| --- | --- | --- | --- |\n")
	for _, p := range spec.Table {
		fmt.Fprintf(&properties, "| `%s` | %s | %s | %s |\n", p.Name, p.Default, p.OnChange, p.Meaning)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]string{
		"properties": properties.String(),
		"values":     valueTable("attribute", spec.ReturnValues),
		"secret":     valueTable("field", spec.SecretFields),
		"beyond":     beyondText(),
	} {
		before, rest, found := strings.Cut(string(text), "<!-- "+name+" -->\n")
		got, after, foundEnd := strings.Cut(rest, "<!-- /"+name+" -->")
		if !found || !foundEnd {
			t.Fatalf("the README has no place for the table of %s", name)
		}
		if got != table && !*update {
			t.Errorf("the README's table of %s is not what the code says; write it with: go test ./lambda/spec -update", name)
		}
		text = []byte(before + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->" + after)
	}
	if *update {
		if err := os.WriteFile(readme, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func valueTable(kind string, values []spec.Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | meaning |\n| --- | --- |\n", kind)
	for _, value := range values {
		fmt.Fprintf(&b, "| `%s` | %s |\n", value.Name, value.Meaning)
	}
	return b.String()
}
