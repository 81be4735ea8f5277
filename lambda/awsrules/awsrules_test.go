package awsrules

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

func TestEveryRuleHasANameOfItsOwnAndASource(t *testing.T) {
	names := map[string]bool{}
	for _, rule := range All() {
		if rule.Name == "" || names[rule.Name] {
			t.Errorf("rule %q: there twice, or without a name", rule.Name)
		}
		names[rule.Name] = true
		if rule.Source == "" || rule.play == nil {
			t.Errorf("rule %q: without a source, or nothing to play", rule.Name)
		}
	}
}

func missing() *string { return nil }

func TestCheckSaysWhatDiffers(t *testing.T) {
	for name, test := range map[string]struct {
		play func(t T, e *env)
		want string
	}{
		"nothing":                 {func(T, *env) {}, ""},
		"two things":              {func(t T, _ *env) { Equal(t, "a", 1, 2); Equal(t, "b", true, false) }, "a: got 1, want 2\nb: got true, want false"},
		"the first that ends it":  {func(t T, _ *env) { t.Fatalf("no %s", "bucket"); t.Errorf("went on") }, "no bucket"},
		"an answer without parts": {func(t T, _ *env) { t.Errorf("%s", *missing()) }, "unexpected answer"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := Rule{Name: name, play: test.play}
			got := ""
			if err := rule.Check(t.Context(), Account{Config: aws.Config{Region: "eu-west-1"}}); err != nil {
				got = err.Error()
			}
			if got != test.want && (test.want != "unexpected answer" || !strings.HasPrefix(got, test.want+": ")) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCheckCleansUpTheLastFirstAlsoAfterTheEnd(t *testing.T) {
	var order []string
	rule := Rule{play: func(t T, _ *env) {
		t.Cleanup(func() { order = append(order, "first") })
		t.Cleanup(func() { order = append(order, "last") })
		t.Fatalf("the end")
	}}
	if err := rule.Check(t.Context(), Account{Config: aws.Config{Region: "eu-west-1"}}); err == nil {
		t.Error("no difference")
	}
	if diff := cmp.Diff([]string{"last", "first"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestWantAsksForAnErrorOfAWS(t *testing.T) {
	rule := Rule{play: func(t T, _ *env) { Want(t, errors.New("dial tcp: refused"), 404, "NoSuchBucket") }}
	err := rule.Check(t.Context(), Account{Config: aws.Config{Region: "eu-west-1"}})
	if want := "got dial tcp: refused, want 404 NoSuchBucket"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}
