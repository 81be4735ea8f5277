package main

import (
	"strings"
	"testing"

	"bucketuser/infra/internal/values"
)

// Changes of a provider that take it away from resources are asked about, wherever they are given. Others are not.
func TestWhatAProviderIsAskedAbout(t *testing.T) {
	has := map[string]string{"BucketNamePattern": "a-*", "SecretNamePattern": "a/*", "FunctionName": "f", "LogRetentionInDays": "7"}
	defaults := map[string]string{"BucketNamePattern": "bucketuser-*", "LogRetentionInDays": "30"}
	for name, test := range map[string]struct {
		parameters string
		kept       values.Section
		asked      string
		want       []string
	}{
		"nothing":              {"", nil, "", nil},
		"other function":       {"FunctionName=g", nil, "FunctionName", []string{"  FunctionName: f -> g\n    it replaces the function, ", `leave out PARAMETERS="FunctionName=g"`}},
		"function of the file": {"", values.Section{"FunctionName": "g"}, "FunctionName", []string{"FunctionName: f\n"}},
		"function taken away":  {"", values.Section{"FunctionName": nil}, "FunctionName", []string{"  FunctionName: f -> generated\n", "FunctionName: f\n"}},
		"wider":                {"BucketNamePattern=a*", values.Section{"SecretNamePattern": "*"}, "", nil},
		"narrower": {"BucketNamePattern=a-b-*", nil, "BucketNamePattern",
			[]string{"  BucketNamePattern: a-* -> a-b-*\n    resources with names under a-* that a-b-* does not cover can then neither be updated nor deleted\n"}},
		"another": {"SecretNamePattern=b/*", values.Section{"SecretNamePattern": "c/*"}, "SecretNamePattern",
			[]string{`leave out PARAMETERS="SecretNamePattern=b/*", and write into values.yaml`, "SecretNamePattern: a/*\n"}},
		"null":     {"", values.Section{"BucketNamePattern": nil, "LogRetentionInDays": nil}, "BucketNamePattern", []string{"  BucketNamePattern: a-* -> bucketuser-*\n", "  LogRetentionInDays: 7 -> 30\n"}},
		"harmless": {"LogRetentionInDays=30", values.Section{"BoundaryArn": nil}, "", nil},
	} {
		d := ofProvider(t, test.parameters)
		d.kept, d.defaults = test.kept, defaults
		changes := d.compareParameters(has)
		if names := namesOf(asked(changes, nil)); names != test.asked {
			t.Errorf("%s: asks about %q, want %q", name, names, test.asked)
		}
		said, err := settled(d, changes)
		if (err != nil) != (test.asked != "") {
			t.Errorf("%s: %v", name, err)
		}
		for _, text := range test.want {
			if !strings.Contains(said, text) {
				t.Errorf("%s: %s, want %s", name, said, text)
			}
		}
		d.accepted = strings.Fields(test.asked)
		if _, err := settled(d, changes); err != nil {
			t.Errorf("%s: accepted: %v", name, err)
		}
	}
}

// ofProvider is a deployment of a provider that asks nothing.
func ofProvider(t *testing.T, parameters string) deployment {
	t.Helper()
	line := "deploy -provider -stack P -approval never --"
	if parameters != "" {
		line += " --parameters " + parameters
	}
	d, err := parsed(line)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// settled is what is said of changes, with the error.
func settled(d deployment, changes []change) (string, error) {
	var out strings.Builder
	err := d.settle(changes, strings.NewReader(""), &out)
	if err != nil {
		out.WriteString(err.Error())
	}
	return out.String(), err
}

func TestCoveringPatterns(t *testing.T) {
	for wider, patterns := range map[string]map[string]bool{
		"*":      {"a-*": true, "a": true, "*": true},
		"a-*":    {"a-*": true, "a-b-*": true, "a-b": true, "a*": false, "b-*": false, "*": false},
		"a*":     {"a-*": true},
		"a-*-c*": {"a-b-c*": true, "a-*-c-*": true, "a-*": false, "a-*c*": false},
		"a.*":    {"a.b*": true, "a/*": false},
		"a":      {"a": true, "a*": false},
	} {
		for pattern, want := range patterns {
			if got := covers(wider, pattern); got != want {
				t.Errorf("%s covers %s: %v", wider, pattern, got)
			}
		}
	}
}

func TestDefaultsOfParameters(t *testing.T) {
	next, err := parseTemplate([]byte(`{"Parameters": {"A": {"Type": "String", "Default": ""}, "B": {"Type": "Number", "Default": 30}, "C": {"Type": "String"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := next.defaults()
	if _, ok := got["C"]; ok || len(got) != 2 || got["A"] != "" || got["B"] != "30" {
		t.Errorf("%v", got)
	}
	d := deployment{isProvider: true, command: "deploy", kept: values.Section{"Colour": nil}}
	if err := d.checkParameters(next); err == nil || !strings.Contains(err.Error(), "Colour: is not a parameter of the provider") {
		t.Errorf("null for a parameter that there is not: %v", err)
	}
}
