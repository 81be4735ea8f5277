package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/values"
)

type m = map[string]any

func lines(changes []change) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.String())
	}
	return all
}

// What is forgotten is told from what is changed, and from what is the default under another spelling.
func TestWhatADeploymentChanges(t *testing.T) {
	tests := map[string]struct {
		deployed, next m
		given          string
		want           []string
		asked          string
	}{
		"nothing":          {m{"Prefix": "a/"}, m{"Prefix": "a/"}, "", nil, ""},
		"default, written": {m{"Prefix": "data/", "FolderMarker": true}, m{}, "", nil, ""},
		"as text":          {m{"FolderMarker": "false", "KeySerial": "3"}, m{"FolderMarker": false, "KeySerial": 3}, "", nil, ""},
		"forgotten":        {m{"Prefix": "a/"}, m{}, "", []string{"  Prefix: a/ -> data/, its default: no value is given any more"}, "Prefix"},
		"null":             {m{"OnDelete": "Retain"}, m{}, "OnDelete", []string{"  OnDelete: Retain -> DeleteIfEmpty"}, ""},
		"changed":          {m{"OnDelete": "Retain"}, m{"OnDelete": "Purge"}, "OnDelete", []string{"  OnDelete: Retain -> Purge"}, ""},
		"new":              {m{}, m{"Access": "Full"}, "Access", []string{"  Access: ReadWrite -> Full"}, ""},
		"identity": {m{"BucketName": "a"}, m{"BucketName": "b"}, "BucketName",
			[]string{"  BucketName: a -> b, which replaces user, key, bucket and secret"}, "BucketName"},
		"identity, forgotten": {m{"UserName": "a"}, m{}, "",
			[]string{"  UserName: a -> generated, its default: no value is given any more, which replaces user, key, bucket and secret"}, "UserName"},
		"identity, null": {m{"SecretName": "a"}, m{}, "SecretName", []string{"  SecretName: a -> generated, which replaces user, key, bucket and secret"}, "SecretName"},
		"lists": {m{"Tags": []any{m{"Key": "a", "Value": "b"}}}, m{}, "",
			[]string{`  Tags: [{"Key":"a","Value":"b"}] -> none, its default: no value is given any more`}, "Tags"},
		"what acts once": {m{"Trigger": "1", "PreviousKey": "Delete"}, m{}, "",
			[]string{"  PreviousKey: Delete -> Keep", "  Trigger: 1 -> none"}, ""},
		"serial, higher": {m{"KeySerial": "9"}, m{"KeySerial": 10}, "KeySerial", []string{"  KeySerial: 9 -> 10"}, ""},
		"serial, lower": {m{"KeySerial": "2"}, m{"KeySerial": 1}, "KeySerial",
			[]string{"  KeySerial: 2 -> 1: is not higher, so no key is rotated"}, "KeySerial"},
		"leak": {m{"KeySerial": 1}, m{"KeySerial": 2, "PreviousKey": "Delete"}, "KeySerial PreviousKey",
			[]string{"  KeySerial: 1 -> 2", "  PreviousKey: Keep -> Delete: ends the key in the secret, and the previous one"}, ""},
		"leak, same serial": {m{"KeySerial": 1}, m{"KeySerial": 1, "PreviousKey": "Delete"}, "KeySerial PreviousKey",
			[]string{"  PreviousKey: Keep -> Delete: ends the previous key; the one in the secret stays, since KeySerial is not higher than 1"}, ""},
		"architecture": {m{"Architecture": "x86_64"}, m{"Architecture": "arm64"}, "", []string{"  Architecture: x86_64 -> arm64"}, ""},
	}
	for name, test := range tests {
		got := changesOf(test.deployed, test.next, strings.Fields(test.given))
		if diff := cmp.Diff(test.want, lines(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if names := namesOf(asked(got, nil)); names != test.asked {
			t.Errorf("%s: asks about %q, want %q", name, names, test.asked)
		}
		if names := namesOf(asked(got, strings.Fields(test.asked))); names != "" {
			t.Errorf("%s: asks about %q, which is accepted", name, names)
		}
	}
}

// Who answers a leak again with what has answered the last one is told that nothing is rotated.
func TestPreviousKeyThatStands(t *testing.T) {
	for want, test := range map[string][2]m{
		"PreviousKey stays Delete, and KeySerial stays 2: a key that works is neither rotated nor ended": {{"PreviousKey": "Delete", "KeySerial": "2"}, {"PreviousKey": "Delete", "KeySerial": 2}},
		"": {{"PreviousKey": "Delete", "KeySerial": "2"}, {"PreviousKey": "Delete", "KeySerial": 3}},
	} {
		if got := noRotation(test[0], test[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := noRotation(m{"KeySerial": 2}, m{"KeySerial": 2, "PreviousKey": "Delete"}); got != "" {
		t.Errorf("%q of a PreviousKey that is new", got)
	}
}

func TestAPrefixThatLeavesObjects(t *testing.T) {
	for from, want := range map[string]map[string]bool{
		"a/":   {"b/": true, "a/b/": true, "aa/": true},
		"a/b/": {"a/": false, "a/b/c/": true},
	} {
		for to, leaves := range want {
			if c := (change{name: "Prefix", from: from, to: to}); c.leaves() != leaves {
				t.Errorf("%s to %s: %v", from, to, c.leaves())
			}
		}
	}
	if (change{name: "UserName", from: "a", to: "b"}).leaves() {
		t.Error("a name is no prefix")
	}
	c := change{name: "Prefix", from: "a/", to: "b/", strands: "the user loses access to 3 objects and versions under a/, which stay there"}
	if want := "  Prefix: a/ -> b/\n    the user loses access to 3 objects and versions under a/, which stay there"; c.String() != want || !c.isAsked() {
		t.Errorf("%s", c)
	}
}

// A yes on a terminal deploys. Without one only ACCEPT does, and what is said leads to a file that keeps everything.
func TestSettling(t *testing.T) {
	changes := []change{
		{name: "Access", from: "Full", to: "ReadOnly"},
		{name: "Prefix", from: "a/", to: "data/", deployed: "a/", isForgotten: true},
		{name: "BucketName", from: "generated", to: "b", isIdentity: true},
	}
	for name, test := range map[string]struct {
		line, answer string
		want         []string // of the error
	}{
		"yes":                {"deploy -stack A", "y\n", nil},
		"yes, in full":       {"deploy -stack A", "YES\n", nil},
		"no":                 {"deploy -stack A", "n\n", []string{"nothing was deployed; to keep what is deployed, write into values.yaml:\n\nA:\n", "Prefix: a/\n", "BucketName: null\n"}},
		"nothing":            {"deploy -stack A", "\n", []string{"nothing was deployed"}},
		"end":                {"deploy -stack A", "", []string{"nothing was deployed"}},
		"nobody":             {"deploy -stack A -approval never", "y\n", []string{`make deploy: nobody is asked here, and nothing was deployed. ACCEPT="Prefix BucketName" says yes to that; to keep`}},
		"part":               {"deploy -stack A -approval never -accept Prefix", "", []string{`ACCEPT="BucketName"`}},
		"accepted":           {"deploy -stack A -approval never -accept BucketName,Prefix", "", nil},
		"accepted, terminal": {"deploy -stack A -accept BucketName,Prefix", "", nil},
		"other file":         {"deploy -stack A -approval never -values ../b.yaml", "", []string{"write into ../b.yaml:"}},
	} {
		d, err := parsed(test.line)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = d.settle(changes, strings.NewReader(test.answer), &out)
		wantTexts(t, name, err, test.want)
		if isAsked := strings.Contains(out.String(), "(y/N) "); isAsked && strings.HasSuffix(out.String(), "\n") != (test.answer == "") {
			t.Errorf("%s: the line of the question ends where no answer has ended it, and only there: %q", name, &out)
		}
		if !strings.HasPrefix(out.String(), "what changes:\n  Access: Full -> ReadOnly\n  Prefix: a/") {
			t.Errorf("%s: printed %s", name, &out)
		}
	}
}

// wantTexts wants an error that says all of the texts, or none where there are none.
func wantTexts(t *testing.T, name string, err error, texts []string) {
	t.Helper()
	if (err == nil) != (texts == nil) {
		t.Errorf("%s: %v", name, err)
	}
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %s", name, err, text)
		}
	}
}

func TestNothingToSettle(t *testing.T) {
	d, _ := parsed("deploy -stack A -approval never")
	for want, changes := range map[string][]change{"": nil, "what changes:\n  Access: Full -> ReadOnly\n": {{name: "Access", from: "Full", to: "ReadOnly"}}} {
		var out strings.Builder
		if err := d.settle(changes, strings.NewReader(""), &out); err != nil || out.String() != want {
			t.Errorf("%v, %s", err, &out)
		}
	}
}

const ours = `{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Architectures": ["x86_64"]}},
	"BucketUser": {"Type": "Custom::BucketUser", "Properties": {"ServiceToken": {"Fn::GetAtt": ["F", "Arn"]}, "Prefix": "a/"}}}}`

// A stack of something else is left alone. The app would delete what it holds.
func TestStacksOfOthers(t *testing.T) {
	others := "Resources:\n  Disk:\n    Type: Custom::BucketUser\n    Properties: {ServiceToken: !ImportValue BucketUserProvider-ServiceToken}\n"
	provider := `{"Resources": {"ProviderFunction": {"Type": "AWS::Lambda::Function", "Properties": {}}}, "Parameters": {"BucketNamePattern": {}, "Other": {}}}`
	for name, test := range map[string]struct {
		line, has, next string
		want            string
	}{
		"ours":                  {"deploy -stack A", ours, strings.ReplaceAll(ours, "a/", "b/"), "  Prefix: a/ -> b/"},
		"architecture":          {"deploy -stack A", ours, strings.ReplaceAll(ours, "x86_64", "arm64"), "  Architecture: x86_64 -> arm64"},
		"another's":             {"deploy -stack A", others, ours, "stack A: was deployed by something else, whose resources would be deleted; choose another name with STACK="},
		"another beside ours":   {"deploy -stack A", strings.Replace(ours, `"BucketUser"`, `"Disk": {"Type": "Custom::BucketUser"}, "BucketUser"`, 1), ours, "stack A: was deployed by something else"},
		"provider":              {"deploy -stack A", provider, ours, "stack A: was deployed by something else"},
		"one that has no type":  {"deploy -stack A", `{}`, ours, "stack A: was deployed by something else"},
		"resource for provider": {"deploy -provider -stack A", ours, provider, "stack A: was deployed by something else, whose resources would be deleted; choose another name with PROVIDER="},
		"no provider":           {"deploy -provider -stack A", "{}", provider, "stack A: was deployed by something else"},
		"provider's parameters": {"deploy -provider -stack A -- --parameters BucketNamePattern=b-* --parameters Other=same", provider, provider, "  BucketNamePattern: a-* -> b-*"},
	} {
		d, err := parsed(test.line)
		has, errHas := parseTemplate([]byte(test.has))
		next, errNext := parseTemplate([]byte(test.next))
		if err != nil || errHas != nil || errNext != nil {
			t.Fatal(name, err, errHas, errNext)
		}
		changes, err := d.compare(&deployedStack{template: has, parameters: map[string]string{"BucketNamePattern": "a-*", "Other": "same"}}, next)
		got := strings.Join(lines(changes), "\n")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestValuesOfAFile(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, values.DefaultFile)
	text := "A: {Prefix: a/, Versioning: null}\nP: {BucketNamePattern: a-*, LogRetentionInDays: 7, Architecture: x86_64, BoundaryArn: null}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]struct{ given, synthesis, arguments string }{
		"deploy -stack A":                   {"Prefix Versioning", "-c values=" + file, "deploy A"},
		"deploy -stack A -- -c access=Full": {"Access Prefix Versioning", "-c values=" + file + " -c access=Full", "deploy A -c access=Full"},
		"deploy -stack B":                   {"", "-c values=" + file, "deploy B"},
		"deploy -provider -stack P": {"Architecture BoundaryArn BucketNamePattern LogRetentionInDays", "-c provider=true -c values=" + file,
			"deploy P --parameters BoundaryArn= --parameters BucketNamePattern=a-* --parameters LogRetentionInDays=7"},
		"deploy -provider -stack P -- --parameters BucketNamePattern=b-*": {"Architecture BoundaryArn BucketNamePattern LogRetentionInDays", "-c provider=true -c values=" + file,
			"deploy P --parameters BoundaryArn= --parameters LogRetentionInDays=7 --parameters BucketNamePattern=b-*"},
	} {
		var said strings.Builder
		d, err := parsed(line)
		if err == nil {
			err = d.readValues(root, &said)
		}
		if err != nil {
			t.Fatal(line, err)
		}
		if wantSaid := d.stack == "B"; wantSaid != strings.Contains(said.String(), "has no section B: what it does not get by CONTEXT has its default") {
			t.Errorf("%s: said %q", line, &said)
		}
		given := sorted(d.given)
		synthesis := strings.TrimPrefix(strings.Join(d.synthesis(), " "), "synth "+d.stack+" -c stackName="+d.stack+" ")
		if arguments := strings.Join(d.arguments(), " "); given != want.given || synthesis != want.synthesis || arguments != want.arguments {
			t.Errorf("%s: %s, %s, %s, want %v", line, given, synthesis, arguments, want)
		}
	}
	d, _ := parsed("deploy -stack A -values no-such.yaml")
	if err := d.readValues(root, io.Discard); err == nil || !strings.Contains(err.Error(), "no-such.yaml: no such file") {
		t.Error(err)
	}
	none, _ := parsed("deploy -stack A")
	if err := none.readValues(t.TempDir(), io.Discard); err != nil || none.values != "" || len(none.given) > 0 {
		t.Errorf("without a file: %v, %q, %q", err, none.values, none.given)
	}
}

func TestParametersOfAProvider(t *testing.T) {
	next := template{Parameters: m{"BucketNamePattern": nil, "BoundaryArn": nil}}
	for line, want := range map[string]string{
		"deploy -provider -stack P -- --parameters BucketNamePattern=a": "",
		"deploy -provider -stack P -- --parameters BucketNamePatern=a":  "BucketNamePatern: is not a parameter of the provider; did you mean BucketNamePattern?",
		"deploy -provider -stack P -- --parameters Colour=a":            "Colour: is not a parameter of the provider; it has BoundaryArn, BucketNamePattern",
	} {
		d, err := parsed(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.checkParameters(next); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func TestWhatBecomesOfTheData(t *testing.T) {
	for want, got := range map[string]string{
		"bucket b: is empty": becomes("b", "Purge", ""),
		"bucket b: holds 3 objects and versions, ALL OF WHICH ARE DELETED":                                              becomes("b", "Purge", "3 objects and versions"),
		"bucket b: holds 3 objects and versions, and stays with them":                                                   becomes("b", "Retain", "3 objects and versions"),
		"bucket b: holds 3 objects and versions, and the deployed OnDelete is DeleteIfEmpty: the destruction will fail": becomes("b", "DeleteIfEmpty", "3 objects and versions"),
	} {
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestStatesOfAStack(t *testing.T) {
	for status, want := range map[string]string{
		"": "", "REVIEW_IN_PROGRESS": "", "CREATE_COMPLETE": "", "ROLLBACK_COMPLETE": "", "UPDATE_ROLLBACK_COMPLETE": "",
		"DELETE_FAILED":      "stack A: is in DELETE_FAILED, in which it can only be deleted; make destroy says what that takes",
		"UPDATE_IN_PROGRESS": "stack A: is in UPDATE_IN_PROGRESS; deploy again when that is over",
	} {
		stack := &deployedStack{name: "A", status: status}
		if status == "" {
			stack = nil
		}
		if err := (deployment{command: "deploy"}).checkDeployable(stack); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", status, err, want)
		}
	}
	provider := deployment{command: "deploy", isProvider: true}
	if err := provider.checkDeployable(&deployedStack{name: "P", status: "DELETE_FAILED"}); err == nil || !strings.Contains(err.Error(), "make destroy-provider says what that takes") {
		t.Error(err)
	}
}

func sorted(words []string) string {
	slices.Sort(words)
	return strings.Join(words, " ")
}
