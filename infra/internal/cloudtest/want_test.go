package cloudtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/smithy-go"
)

func TestCode(t *testing.T) {
	refusal := &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}
	for name, test := range map[string]struct {
		err  error
		code string
	}{
		"success":                   {nil, ""},
		"a refusal":                 {refusal, "AccessDenied"},
		"a refusal with more words": {fmt.Errorf("bucket: %w", refusal), "AccessDenied"},
		"no answer":                 {errors.New("connection reset"), "no answer: connection reset"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Code(test.err); got != test.code {
				t.Errorf("got %q, want %q", got, test.code)
			}
		})
	}
}

// recorder is a test that goes on after its failures.
type recorder struct {
	testing.TB
	failures int
}

func (r *recorder) Helper()               {}
func (r *recorder) Fatal(...any)          { r.failures++ }
func (r *recorder) Errorf(string, ...any) { r.failures++ }

func TestFailedCallFailsTheTest(t *testing.T) {
	r := &recorder{TB: t}
	if got := Must("value", nil)(r); got != "value" || r.failures != 0 {
		t.Errorf("after success: %q, %d failures", got, r.failures)
	}
	Must("value", errors.New("refused"))(r)
	if r.failures != 1 {
		t.Errorf("after an error: %d failures", r.failures)
	}
}

func TestAnotherCodeFailsTheTest(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDenied"}
	r := &recorder{TB: t}
	WantCode(r, nil, "")
	WantCode(r, denied, "AccessDenied")
	if r.failures != 0 {
		t.Errorf("with the code: %d failures", r.failures)
	}
	WantCode(r, nil, "AccessDenied")
	WantCode(r, denied, "")
	WantCode(r, denied, "NoSuchKey")
	if r.failures != 3 {
		t.Errorf("with another: %d failures, want 3", r.failures)
	}
}

func TestChangesAreWhatIsGoneAndWhatIsNew(t *testing.T) {
	got := Changes([]string{"a", "b", "c"}, []string{"b", "c", "d"})
	if !slices.Equal(got, []string{"- a", "+ d"}) {
		t.Errorf("%q", got)
	}
	if got := Changes([]string{"a", "b"}, []string{"b", "a"}); len(got) > 0 {
		t.Errorf("in another order: %q", got)
	}
}

func TestOutputOfAProgramIsThatOfItsStandardOutput(t *testing.T) {
	if got := Run(t, t.TempDir(), []string{"WORD=out"}, "/bin/sh", "-c", `echo "$WORD"; echo err >&2`); got != "out\n" {
		t.Errorf("%q", got)
	}
}
