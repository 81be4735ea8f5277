package provision_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// holdsTable fails the test unless the package page has exactly this table. What fails
// prints the table as it should stand there.
func holdsTable(t *testing.T, rows [][]string) {
	t.Helper()
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "//\t"+strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(strings.Replace(table.String(), "//  ", "//\t", -1)) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	if want := strings.Join(lines, "\n") + "\n"; !strings.Contains(string(text), want) {
		t.Errorf("doc.go lacks this table, which is what the function does:\n%s", want)
	}
}

// What each event does with a thing, by whose it is.
func TestDocOfClaims(t *testing.T) {
	ours := func(w *bench) map[string]string { return claim.MadeSecret(w.parse(named), spec.OriginMade).Tags() }
	states := []struct {
		name string
		tags func(*bench) map[string]string
	}{
		{"Foreign", func(*bench) map[string]string { return foreignTags }},
		{"Released", func(*bench) map[string]string { return map[string]string{"bucketuser:owner": "released"} }},
		{"Leaving", func(w *bench) map[string]string {
			return map[string]string{"bucketuser:owner": "released", "bucketuser:released-by": w.idOf(named)}
		}},
		{"Ours", ours},
		{"Adopted", func(w *bench) map[string]string {
			tags := maps.Clone(ours(w))
			tags["bucketuser:adopted"] = "true"
			return tags
		}},
	}
	rows := [][]string{{"thing", "state", "Create", "Create, OnDelete Retain", "Delete"}}
	for _, kind := range []string{"secret", "user", "bucket"} {
		for _, state := range states {
			row := []string{kind, state.name}
			for _, e := range []event{create(named), create(with("OnDelete", "Retain")), remove(named)} {
				inWorld(t, func(w *bench) {
					w.add(kind, state.tags(w))
					row = append(row, w.outcome(kind, e))
				})
			}
			rows = append(rows, row)
		}
	}
	holdsTable(t, rows)
}

// add puts a thing with tags into an account that has nothing else.
func (w *bench) add(kind string, tags map[string]string) {
	switch kind {
	case "secret":
		w.AWS.AddSecret("clickhouse/s3", "", tags)
	case "user":
		w.AWS.AddUser("clickhouse", "/bucketuser/", tags)
		w.AWS.SetBoundary("clickhouse", sim.Boundary) // TestA26NoKeyInACreate is about one without
	case "bucket":
		w.AWS.AddBucket("my-data", tags)
	}
}

// outcome says in a word what an event did with a thing.
func (w *bench) outcome(kind string, e event) string {
	r := w.play(e, nil)
	if r.err != nil {
		w.t.Fatal(r.err)
	}
	if r.answer.Status == "FAILED" {
		return "refused"
	}
	now := w.AWS.Snapshot()
	var tags map[string]string
	switch kind {
	case "secret":
		tags = now.Secrets["clickhouse/s3"].Tags
	case "user":
		tags = now.Users["clickhouse"].Tags
	case "bucket":
		tags = now.Buckets["my-data"].Tags
	}
	switch {
	case tags == nil:
		return "removed"
	case now.Secrets["clickhouse/s3"].DeletedDays > 0:
		return "removed, recoverable"
	case tags["bucketuser:owner"] == w.idOf(named) && e.kind == "Create" && tags["bucketuser:adopted"] == "true":
		return "taken, adopted"
	case tags["bucketuser:owner"] == w.idOf(named) && e.kind == "Create":
		return "taken"
	case tags["bucketuser:owner"] == "released" && slices.Contains(w.operations(), "PutBucketTagging"):
		return "released"
	default:
		return "left"
	}
}

func (w *bench) operations() (names []string) {
	for _, call := range w.AWS.Calls() {
		names = append(names, call.Operation)
	}
	return names
}

// What each operation does with the value of the secret, by what it is.
func TestDocOfValues(t *testing.T) {
	recovering := with("SecretRecoveryDays", "9")
	values := []struct {
		name string
		make func(*bench)
	}{
		{"none", func(w *bench) { w.killedAfter("CreateUser", create(recovering)) }},
		{"earlier", func(w *bench) {
			w.history(create(recovering), remove(recovering))
			w.killedAfter("CreateUser", create(recovering))
		}},
		{"tombstone", func(w *bench) { w.history(create(recovering)); w.AWS.PutSecretValue("clickhouse/s3", "null") }},
		{"foreign", func(w *bench) { w.history(create(recovering)); w.AWS.PutSecretValue("clickhouse/s3", "nonsense") }},
		{"incomplete", func(w *bench) {
			w.history(create(recovering))
			w.AWS.PutSecretValue("clickhouse/s3", `{"AWS_ACCESS_KEY_ID":"`+w.keys()[0]+`"}`)
		}},
		{"committed", func(w *bench) { w.history(create(recovering)) }},
		{"unreadable", func(w *bench) { w.history(create(recovering)); w.AWS.SetKmsKeyUsable("", false) }},
	}
	rows := [][]string{{"value", "Create", "Update", "undo", "Delete, SecretRecoveryDays 9"}}
	for _, value := range values {
		row := []string{value.name}
		for _, do := range []func(*bench) string{keyOf(create(recovering)), keyOf(update(recovering, recovering, recovering)), undone(recovering), recovery(recovering)} {
			inWorld(t, func(w *bench) {
				value.make(w)
				row = append(row, do(w))
			})
		}
		rows = append(rows, row)
	}
	holdsTable(t, rows)
}

// keyOf says what an event does about the key.
func keyOf(e event) func(*bench) string {
	return func(w *bench) string {
		was := w.AWS.Snapshot().Users["clickhouse"].Keys
		r := w.play(e, nil)
		switch {
		case r.err != nil:
			w.t.Fatal(r.err)
		case r.answer.Status == "FAILED":
			return "stops"
		case len(was) == 1 && was[0].ID == r.answer.Data["AccessKeyId"]:
			return "keeps the key"
		}
		return "mints a key"
	}
}

// undone says what becomes of the set when a Create of it fails.
func undone(p sim.Properties) func(*bench) string {
	return func(w *bench) string {
		w.AWS.Before = deny("PutPublicAccessBlock", "GetPublicAccessBlock")
		w.refused(w.create(p), "AccessDenied")
		switch secret, ok := w.AWS.Snapshot().Secrets["clickhouse/s3"]; {
		case !ok:
			return "removed"
		case secret.DeletedDays > 0:
			return fmt.Sprintf("recoverable for %d days", secret.DeletedDays)
		}
		return "stays"
	}
}

// recovery says for how long the secret can be recovered after a Delete.
func recovery(p sim.Properties) func(*bench) string {
	return func(w *bench) string {
		w.history(remove(p))
		if secret, ok := w.AWS.Snapshot().Secrets["clickhouse/s3"]; ok {
			return fmt.Sprintf("recoverable for %d days", secret.DeletedDays)
		}
		return "removed"
	}
}
