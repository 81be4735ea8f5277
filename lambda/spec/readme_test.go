package spec_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"bucketuser/lambda/spec"
)

var update = flag.Bool("update", false, "write the tables of the pages anew")

// The pages with tables: what people need to start, and the rest.
const (
	readme = "../../README.md"
	inFull = "../../infra/README.md"
)

func TestReadmeNamesTheTags(t *testing.T) {
	text, err := os.ReadFile(inFull)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{spec.TagOwner, spec.TagStackID, spec.TagLogicalID, spec.TagLastEvent, spec.TagAdopted} {
		if !strings.Contains(string(text), "`"+tag) {
			t.Errorf("%s does not say what %s is", inFull, tag)
		}
	}
}

// The tables are what the code says, or what is computed in beyond_test.go. go test ./lambda/spec -update writes them.
func TestReadmeTables(t *testing.T) {
	for file, tables := range map[string]map[string]string{
		readme: {
			"properties": propertyTable(func(p spec.Property) string { return p.Short }),
			"values":     bothTable(t),
		},
		inFull: {
			"properties": propertyTable(func(p spec.Property) string { return p.Meaning }),
			"values":     valueTable("attribute", spec.ReturnValues),
			"secret":     valueTable("field", spec.SecretFields),
			"beyond":     beyondText(),
		},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, table := range tables {
			text = withTable(t, file, text, name, table)
		}
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// withTable is the text of a page with a table in its place. Without -update the table must be there.
func withTable(t *testing.T, file string, text []byte, name, table string) []byte {
	t.Helper()
	before, rest, found := strings.Cut(string(text), "<!-- "+name+" -->\n")
	got, after, foundEnd := strings.Cut(rest, "<!-- /"+name+" -->")
	if !found || !foundEnd {
		t.Fatalf("%s has no place for the table of %s", file, name)
	}
	if got != table && !*update {
		t.Errorf("the table of %s in %s is not what the code says; write it with: go test ./lambda/spec -update", name, file)
	}
	return []byte(before + "<!-- " + name + " -->\n" + table + "<!-- /" + name + " -->" + after)
}

func propertyTable(meaning func(spec.Property) string) string {
	var b strings.Builder
	b.WriteString("| property | default | on change | meaning |\n| --- | --- | --- | --- |\n")
	for _, p := range spec.Table {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, p.Default, p.OnChange, meaning(p))
	}
	return b.String()
}

func valueTable(kind string, values []spec.Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | meaning |\n| --- | --- |\n", kind)
	for _, value := range values {
		fmt.Fprintf(&b, "| `%s` | %s |\n", value.Name, value.Meaning)
	}
	return b.String()
}

// bothTable has a row for each field of the secret, with the attribute that holds the same value, and then one for the
// attributes that stand alone.
func bothTable(t *testing.T) string {
	t.Helper()
	s, err := spec.Parse(map[string]any{}, "arn:aws:cloudformation:us-east-1:111122223333:stack/Data/0", "Data",
		spec.Provider{Partition: "aws", Region: "us-east-1", Account: "111122223333"})
	if err != nil {
		t.Fatal(err)
	}
	attributeOf, alone := map[string]spec.Value{}, []string{}
	fields := s.SecretValue("an access key id", "a secret access key")
	data := s.Data("an access key id", "an ARN", "a version")
	for _, value := range spec.ReturnValues {
		attributeOf[data[value.Name]] = value
		if !slices.Contains(slices.Collect(maps.Values(fields)), data[value.Name]) {
			alone = append(alone, quoted(value.Name))
		}
	}
	var b strings.Builder
	b.WriteString("| field of the secret | attribute | meaning |\n| --- | --- | --- |\n")
	for _, field := range spec.SecretFields {
		attribute := attributeOf[fields[field.Name]]
		meaning := field.Meaning
		if meaning == "`"+attribute.Name+"`" {
			meaning = attribute.Meaning
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", field.Name, quoted(attribute.Name), meaning)
	}
	fmt.Fprintf(&b, "| | %s | |\n", strings.Join(alone, ", "))
	return b.String()
}

// quoted is a name as code, or nothing.
func quoted(name string) string {
	if name == "" {
		return ""
	}
	return "`" + name + "`"
}
