package cfnfake_test

import (
	"net/http"
	"strings"
	"testing"

	"bucketuser/lambda/internal/cfnfake"
)

const noResponse = "CloudFormation did not receive a response from your Custom Resource"

// receptions has the first PUTs received in these ways.
func (f *function) receptions(first ...cfnfake.Reception) {
	f.cloud.Receive = func() (next cfnfake.Reception) {
		if len(first) > 0 {
			next, first = first[0], first[1:]
		}
		return next
	}
}

func TestAnswerThatIsNotTaken(t *testing.T) {
	tests := []struct {
		reception   cfnfake.Reception
		created     bool
		invocations int
		outcome     string
	}{
		{cfnfake.Unavailable, true, 2, "SUCCESS"},
		{cfnfake.Forbidden, true, 2, "SUCCESS"},
		{cfnfake.Hanging, true, 2, "SUCCESS"},
		{cfnfake.Unconfirmed, true, 2, "SUCCESS"},
		{cfnfake.Swallowed, false, 1, noResponse},
	}
	for _, test := range tests {
		t.Run(string(test.reception), func(t *testing.T) {
			inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
				f.receptions(test.reception)
				equal(t, "created", s.Create(t.Context(), a, cfnfake.How{}), test.created)
				f.cloud.Settle()
				invocations := f.calls
				if !test.created {
					invocations-- // of the Delete that follows
				}
				equal(t, "invocations", invocations, test.invocations)
				equal(t, "outcome", f.cloud.Exchanges()[0].Outcome, test.outcome)
			})
		})
	}
}

// The first answer counts, whatever the second says.
func TestSecondAnswerIsDropped(t *testing.T) {
	inCloud(t, on("Create", behaviour{again: "FAILED"}), func(t *testing.T, f *function, s *cfnfake.Stack) {
		equal(t, "created", s.Create(t.Context(), a, cfnfake.How{}), true)
		f.cloud.Settle()
		equal(t, "answers that were dropped", f.cloud.Dropped(), 1)
	})
}

// A breach is an answer that CloudFormation does not expect.
type breach struct {
	name   string
	kind   string // of event that is answered so
	answer behaviour
	reason string // of the resource's status; "" for any
	want   string // part of a violation
}

func TestBreachesOfTheContract(t *testing.T) {
	tests := []breach{
		{"no id", "Create", behaviour{change: map[string]string{"PhysicalResourceId": ""}}, "Invalid PhysicalResourceId", "has an id of 0 bytes"},
		{"a long id", "Create", behaviour{change: map[string]string{"PhysicalResourceId": strings.Repeat("a", 1025)}}, "Invalid PhysicalResourceId", "has an id of 1025 bytes"},
		{"no reason", "Create", behaviour{change: map[string]string{"Status": "FAILED"}}, "", "FAILED without a Reason"},
		{"another status", "Create", behaviour{change: map[string]string{"Status": "OK"}}, "", `Status is "OK"`},
		{"more than 4,096 bytes", "Create", behaviour{change: map[string]string{"Reason": strings.Repeat("a", 4096)}}, "Response object is too long.", "the answer has 4"},
		{"no JSON", "Create", behaviour{body: "SUCCESS"}, "Invalid response object", "is not JSON"},
		{"another stack", "Create", behaviour{change: map[string]string{"StackId": "x"}}, noResponse, "for another event"},
		{"another request", "Create", behaviour{change: map[string]string{"RequestId": "x"}}, noResponse, "for another event"},
		{"another resource", "Create", behaviour{change: map[string]string{"LogicalResourceId": "x"}}, noResponse, "for another event"},
		{"a content type", "Create", behaviour{header: http.Header{"Content-Type": {"application/json"}}}, noResponse, "SignatureDoesNotMatch"},
		{"a failed Update under another id", "Update", behaviour{fails: "no", change: map[string]string{"PhysicalResourceId": "x"}}, "no", "reads as a replacement"},
		{"a Delete under another id", "Delete", behaviour{change: map[string]string{"PhysicalResourceId": "x"}}, "", "answered under another id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, on(test.kind, test.answer), test.check)
		})
	}
}

// check lives the life of a resource in which the breach happens.
func (x breach) check(t *testing.T, f *function, s *cfnfake.Stack) {
	if s.Create(t.Context(), a, cfnfake.How{}); x.kind == "Update" {
		s.Update(t.Context(), b, cfnfake.How{})
	}
	reason := s.Reason
	if s.State == cfnfake.Live {
		s.Delete(t.Context(), cfnfake.How{})
	}
	f.cloud.Settle()
	if got := strings.Join(f.cloud.Violations(), "\n"); !strings.Contains(got, x.want) {
		t.Errorf("violations: %q", got)
	}
	if x.reason != "" && reason != x.reason {
		t.Errorf("reason: %s", reason)
	}
}
