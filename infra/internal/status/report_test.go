package status

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/canary"
	"bucketuser/lambda/spec"
)

// broken are facts with everything that a report may show.
func broken() facts {
	f := healthy(rotated)
	f.addKey("AKIAPREVIOUS", 35*day, true)
	f.usedBefore("AKIAPREVIOUS", time.Hour)
	f.tagSecretWith(map[string]string{spec.TagPreviousKey: "AKIAPREVIOUS"})
	f.target.Endpoint = "https://127.0.0.1:4566"
	f.secret.value.LastRotatedDate = before(5 * day)
	f.pending = answer[time.Time]{value: *before(2 * time.Hour)}
	f.tags.value = map[string]string{"team": "data", "evil": "\x1b[2J"}
	f.tried.err = noPair("SignatureDoesNotMatch")
	return f
}

// fields are the names in a value, each with those that it is in.
func fields(of any, within string, all map[string]bool) {
	switch v := of.(type) {
	case map[string]any:
		for name, value := range v {
			all[within+name] = true
			fields(value, within+name+".", all)
		}
	case []any:
		for _, value := range v {
			fields(value, within, all)
		}
	}
}

// What monitors read keeps its names: a change here is a new version of the report.
func TestFieldsOfTheJSON(t *testing.T) {
	all := map[string]bool{}
	for _, f := range []facts{broken(), healthy(nil)} {
		var out strings.Builder
		var decoded any
		if err := judge(f).WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(out.String()), &decoded); err != nil {
			t.Fatal(err)
		}
		fields(decoded, "", all)
	}
	want := []string{"account", "at", "bucket", "checks", "checks.check", "checks.commands", "checks.state", "checks.todo", "checks.what", "endpoint", "exitCode",
		"keySerial", "keys", "keys.active", "keys.created", "keys.id", "keys.lastUsed", "keys.lastUsedService", "keys.role",
		"objects", "objects.count", "objects.more", "objects.moreOutside", "objects.outside", "prefix", "region", "resource",
		"rotation", "rotation.days", "rotation.last", "rotation.next", "rotation.on", "rotation.pendingSince",
		"secret", "secretArn", "stack", "stackId", "user", "verdict", "version"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(all))); diff != "" || ReportVersion != 1 {
		t.Errorf("version %d: %s", ReportVersion, diff)
	}
}

// Checks keep their names, too.
func TestNamesOfChecks(t *testing.T) {
	names := map[string]bool{}
	for _, f := range []facts{broken(), healthy(nil)} {
		for _, found := range judge(f).Checks {
			names[found.Check] = true
		}
	}
	want := []string{"boundary", "bucket", "bucketTags", "format", "key", "objects", "otherKey", "policy", "provider", "publicAccess", "rotation", "secret", "secretTags", "stack", "user", "userTags"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(names))); diff != "" {
		t.Error(diff)
	}
}

// The table fits its width; commands are not broken, so that they can be copied.
func TestTable(t *testing.T) {
	r := judge(broken())
	var out strings.Builder
	if err := r.WriteTable(&out, 100, false); err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, line := range strings.Split(out.String(), "\n") {
		command, isCommand := strings.CutPrefix(line, "  $ ")
		switch {
		case isCommand:
			commands = append(commands, command)
		case utf8.RuneCountInString(line) > 100:
			t.Errorf("%d characters: %s", utf8.RuneCountInString(line), line)
		}
	}
	var want []string
	for _, found := range r.Checks {
		want = append(want, found.Commands...)
	}
	if diff := cmp.Diff(want, commands); diff != "" || len(want) < 2 {
		t.Error(diff)
	}
	for _, text := range []string{" key           WRONG    the secret holds another", "\nkey: update resource Disk with another Trigger, such as 2026-11-27T12:00:00"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("does not say %q:\n%s", text, out.String())
		}
	}
	again := judge(healthy(nil))
	again.Checks = append(again.Checks, Finding{"a", Fault, "x", "do it", nil}, Finding{"b", Fault, "y", "do it", nil})
	if is := again.toDo(100); is != "\na, b: do it\n" {
		t.Errorf("what two need: %q", is)
	}
	if want := "faulty: 11 ok, 1 warning, 0 unknown, 3 wrong"; r.Sum() != want {
		t.Errorf("%s, want %s", r.Sum(), want)
	}
	r.Checks = append(r.Checks, Finding{"a", Warning, "x", "", nil})
	if want := "faulty: 11 ok, 2 warnings, 0 unknown, 3 wrong"; r.Sum() != want {
		t.Errorf("%s, want %s", r.Sum(), want)
	}
}

// Neither the secret access key nor what a terminal would obey is ever printed.
func TestPrintsNothingSecret(t *testing.T) {
	for i, f := range []facts{broken(), healthy(nil)} {
		f.value.value.fields["password"] = theSecret
		var out strings.Builder
		r := judge(f)
		if err := r.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		if err := r.WriteTable(&out, 80, false); err != nil {
			t.Fatal(err)
		}
		text := out.String() + fmt.Sprint(r)
		var c canary.Canary
		c.Secret(theSecret)
		if err := c.Scan("report", text); err != nil || strings.ContainsRune(text, '\x1b') {
			t.Errorf("%d: %v: %q", i, err, text)
		}
	}
}
