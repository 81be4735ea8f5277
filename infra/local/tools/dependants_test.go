package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A provider that users need is not destroyed unless that is said. Whoever cannot see them is asked.
func TestDestroyingAProviderInUse(t *testing.T) {
	denied := errors.New("AccessDenied: not authorized to perform: iam:ListEntitiesForPolicy")
	for name, test := range map[string]struct {
		line, answer string
		users        []string
		unseen       error
		want         []string // of the error
		said         string
	}{
		"unused": {"", "", nil, nil, nil, ""},
		"one user": {"", "y\n", []string{"A"}, nil, []string{"stack P: 1 user has its permissions boundary: A. Without the provider",
			"delete their stacks first. Nothing was destroyed; ACCEPT=users goes on"}, ""},
		"unasked":          {"-approval never", "", []string{"A", "B"}, nil, []string{"stack P: 2 users have its permissions boundary: A, B."}, ""},
		"accepted":         {"-accept users", "", []string{"A"}, nil, nil, "stack P: 1 user has its permissions boundary: A\n"},
		"unseen, yes":      {"", "y\n", nil, denied, nil, "perform: iam:ListEntitiesForPolicy\nDestroy it unseen? (y/N) "},
		"unseen, no":       {"", "\n", nil, denied, []string{"nothing was destroyed"}, "infra/policies/deploy.json has the rights"},
		"unseen, unasked":  {"-approval never", "y\n", nil, denied, []string{"make destroy-provider: nobody is asked here, and nothing was destroyed; ACCEPT=users goes on unseen"}, "iam:ListEntitiesForPolicy"},
		"unseen, accepted": {"-approval never -accept users", "", nil, denied, nil, "iam:ListEntitiesForPolicy"},
	} {
		d, err := parsed("destroy -provider -stack P " + test.line)
		if err != nil {
			t.Fatal(name, err)
		}
		var out strings.Builder
		wantTexts(t, name, d.leave(test.users, test.unseen, strings.NewReader(test.answer), &out), test.want)
		if said := out.String(); !strings.Contains(said, test.said) || (said == "") != (test.said == "") {
			t.Errorf("%s: said %q, want %q", name, said, test.said)
		}
	}
	var many []string
	for i := range 13 {
		many = append(many, fmt.Sprint("u", i))
	}
	if got := some(many); !strings.HasSuffix(got, "u8, u9 and 3 more") {
		t.Error(got)
	}
}
