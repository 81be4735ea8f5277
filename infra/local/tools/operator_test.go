package main

import (
	"strings"
	"testing"
)

// Without a demo WHERE=demo fails, WHERE=aws does not take the demo's environment for AWS, and what is neither is refused.
func TestWhereOperatorsAsk(t *testing.T) {
	for _, test := range []struct{ where, endpoint, want string }{
		{"demo", "", "WHERE=demo, but no demo is up; make demo starts one"},
		{"AWS", "", `WHERE="AWS": must be demo or aws`},
		{"aws", "https://127.0.0.1:4566", "WHERE=aws, but AWS_ENDPOINT_URL is https://127.0.0.1:4566"},
		{"aws", "https://s3.eu-west-1.amazonaws.com", ""},
		{"aws", "", ""},
		{"", "", ""},
	} {
		t.Setenv("AWS_ENDPOINT_URL", test.endpoint)
		env, isDemo, err := environment(t.Context(), test.where, t.TempDir())
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("WHERE=%s: %v", test.where, err)
		}
		if isDemo || err == nil && len(env) == 0 {
			t.Errorf("WHERE=%s: the environment of a demo: %t, %d variables", test.where, isDemo, len(env))
		}
	}
}
