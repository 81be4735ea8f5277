package cfnfake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/cfnfake"
)

type properties = map[string]any

// function is a resource without substance: its id is the property Name, and a test
// decides what becomes of each invocation.
type function struct {
	cloud    *cfnfake.Cloud
	calls    int
	statuses []string
	behave   func(n int, e cfnfake.Event) behaviour // n counts invocations from 1
}

// behaviour is what one invocation does. The zero value answers as it should.
type behaviour struct {
	takes   time.Duration
	crashes bool              // before it answers
	fails   string            // the reason of a FAILED answer
	change  map[string]string // fields of the answer, by name
	body    string            // instead of the answer
	header  http.Header
	again   string // a second answer, with this status
}

func inCloud(t *testing.T, behave func(n int, e cfnfake.Event) behaviour, test func(*function, *cfnfake.Stack)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &function{cloud: cfnfake.New("123456789012", "eu-west-1"), behave: behave}
		f.cloud.Start = f.start
		f.cloud.Status = func(_, _, id, status string) { f.statuses = append(f.statuses, strings.TrimSpace(status+" "+id)) }
		test(f, f.cloud.NewStack("analytics", "Disk"))
		f.cloud.Settle()
	})
}

func (f *function) start(payload json.RawMessage, answers http.RoundTripper) func(context.Context) error {
	f.calls++
	var e cfnfake.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return func(context.Context) error { return err }
	}
	var b behaviour
	if f.behave != nil {
		b = f.behave(f.calls, e)
	}
	return func(ctx context.Context) error {
		time.Sleep(b.takes)
		if b.crashes {
			return errors.New("killed")
		}
		answer := map[string]string{"Status": "SUCCESS", "StackId": e.StackId, "RequestId": e.RequestId,
			"LogicalResourceId": e.LogicalResourceId, "PhysicalResourceId": "id-" + fmt.Sprint(e.ResourceProperties["Name"])}
		if e.RequestType == "Delete" {
			answer["PhysicalResourceId"] = e.PhysicalResourceId
		}
		if b.fails != "" {
			answer["Status"], answer["Reason"] = "FAILED", b.fails
			if e.PhysicalResourceId != "" {
				answer["PhysicalResourceId"] = e.PhysicalResourceId
			}
		}
		for name, value := range b.change {
			answer[name] = value
		}
		if err := put(ctx, answers, e.ResponseURL, b, answer); err != nil || b.again == "" {
			return err
		}
		answer["Status"] = b.again
		return put(ctx, answers, e.ResponseURL, b, answer)
	}
}

func put(ctx context.Context, answers http.RoundTripper, address string, b behaviour, answer map[string]string) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	if b.body != "" {
		body = []byte(b.body)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, address, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header = b.header
	response, err := answers.RoundTrip(r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}

// history is one line for each event: its type, id, names, and what came of it.
func (f *function) history() []string {
	var lines []string
	for _, x := range f.cloud.Exchanges() {
		line := x.Event.RequestType
		if x.Event.PhysicalResourceId != "" {
			line += " " + x.Event.PhysicalResourceId
		}
		if old, ok := x.Event.OldResourceProperties["Name"]; ok {
			line += fmt.Sprintf(" %v to", old)
		}
		lines = append(lines, fmt.Sprintf("%s %v: %s", line, x.Event.ResourceProperties["Name"], x.Outcome))
	}
	return lines
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

var a, b = properties{"Name": "a", "Size": 1, "On": true}, properties{"Name": "b", "Size": 1, "On": true}

func on(kind string, what behaviour) func(int, cfnfake.Event) behaviour {
	return func(_ int, e cfnfake.Event) behaviour {
		if e.RequestType == kind {
			return what
		}
		return behaviour{}
	}
}

const noResponse = "CloudFormation did not receive a response from your Custom Resource"

func TestWhatFollowsWhat(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	failsOn := func(n int) func(int, cfnfake.Event) behaviour {
		return func(i int, _ cfnfake.Event) behaviour {
			if i == n {
				return behaviour{fails: "no"}
			}
			return behaviour{}
		}
	}
	tests := []struct {
		name   string
		behave func(int, cfnfake.Event) behaviour
		run    func(*cfnfake.Stack)
		want   []string
	}{
		{"create and delete", nil, func(s *cfnfake.Stack) { s.Create(a, cfnfake.How{}); s.Delete(cfnfake.How{}) },
			[]string{"Create a: SUCCESS", "Delete id-a a: SUCCESS"}},
		{"a failed Create is deleted under the id of its answer", on("Create", behaviour{fails: "no"}),
			func(s *cfnfake.Stack) { s.Create(a, cfnfake.How{}) },
			[]string{"Create a: FAILED", "Delete id-a a: SUCCESS"}},
		{"a failing sibling deletes what was created", nil, func(s *cfnfake.Stack) { s.Create(a, cfnfake.How{SiblingFails: true}) },
			[]string{"Create a: SUCCESS", "Delete id-a a: SUCCESS"}},
		{"a Create that is given up is deleted under an invented id", on("Create", behaviour{takes: time.Minute}),
			func(s *cfnfake.Stack) { s.Create(a, cfnfake.How{GiveUp: closed}) },
			[]string{"Create a: Resource operation cancelled", "Delete analytics-Disk-100000000002 a: SUCCESS"}},
		{"a Create without an answer is deleted under an invented id", on("Create", behaviour{crashes: true}),
			func(s *cfnfake.Stack) { s.Create(a, cfnfake.How{}) },
			[]string{"Create a: " + noResponse, "Delete analytics-Disk-100000000002 a: SUCCESS"}},
		{"the same properties are no update", nil, func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(properties{"Name": "a", "Size": "1", "On": "true"}, cfnfake.How{})
		}, []string{"Create a: SUCCESS"}},
		{"an Update under the same id is in place", nil, func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(properties{"Name": "a"}, cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to a: SUCCESS"}},
		{"an Update under another id is a replacement", nil, func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(b, cfnfake.How{})
			s.Delete(cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Delete id-a a: SUCCESS", "Delete id-b b: SUCCESS"}},
		{"a clean-up is tried three times", on("Delete", behaviour{fails: "no"}), func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(b, cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Delete id-a a: FAILED", "Delete id-a a: FAILED", "Delete id-a a: FAILED"}},
		{"a failed Update goes back under the old id", failsOn(2), func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(b, cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: FAILED", "Update id-a b to a: SUCCESS"}},
		{"a replacement is rolled back by Update and Delete", nil, func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(b, cfnfake.How{SiblingFails: true})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Update id-b b to a: SUCCESS", "Delete id-b b: SUCCESS"}},
		{"a replacement is rolled back by Delete alone", nil, func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(b, cfnfake.How{SiblingFails: true, OnlyDelete: true})
			s.Delete(cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Delete id-b b: SUCCESS", "Delete id-a a: SUCCESS"}},
		{"an Update that is given up is rolled back beside it", on("Update", behaviour{takes: time.Second}), func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(b, cfnfake.How{GiveUp: closed})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: Resource operation cancelled", "Update id-a b to a: SUCCESS"}},
		{"a failed rollback is continued", func(n int, _ cfnfake.Event) behaviour {
			if n == 2 || n == 3 {
				return behaviour{fails: "no"}
			}
			return behaviour{}
		}, func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Update(b, cfnfake.How{})
			s.ContinueRollback(cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: FAILED", "Update id-a b to a: FAILED", "Update id-a b to a: SUCCESS"}},
		{"a failed Delete is sent again", failsOn(2), func(s *cfnfake.Stack) {
			s.Create(a, cfnfake.How{})
			s.Delete(cfnfake.How{})
			s.Delete(cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Delete id-a a: FAILED", "Delete id-a a: SUCCESS"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, test.behave, func(f *function, s *cfnfake.Stack) {
				test.run(s)
				f.cloud.Settle()
				equal(t, "history", f.history(), test.want)
				equal(t, "violations", f.cloud.Violations(), []string(nil))
			})
		})
	}
}

func TestPrimitivesArriveAsStrings(t *testing.T) {
	inCloud(t, nil, func(f *function, s *cfnfake.Stack) {
		s.Create(properties{"Name": "a", "Size": 1, "On": true, "List": []any{properties{"Key": 2}}}, cfnfake.How{})
		got := f.cloud.Exchanges()[0].Event.ResourceProperties
		equal(t, "properties", got, properties{"Name": "a", "Size": "1", "On": "true", "List": []any{properties{"Key": "2"}},
			"ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:provider"})
	})
}

func TestStatusDuringEachOperation(t *testing.T) {
	inCloud(t, nil, func(f *function, s *cfnfake.Stack) {
		s.Create(a, cfnfake.How{})
		s.Update(b, cfnfake.How{CleanupStatus: "DELETE_IN_PROGRESS"})
		s.Delete(cfnfake.How{})
		equal(t, "statuses", f.statuses, []string{"CREATE_IN_PROGRESS", "CREATE_COMPLETE id-a", "UPDATE_IN_PROGRESS id-a",
			"UPDATE_COMPLETE id-b", "DELETE_IN_PROGRESS id-b", "UPDATE_COMPLETE id-b", "DELETE_IN_PROGRESS id-b", "DELETE_COMPLETE id-b"})
	})
}

func TestCrashIsRepeatedTwice(t *testing.T) {
	inCloud(t, func(n int, _ cfnfake.Event) behaviour { return behaviour{crashes: n < 3} }, func(f *function, s *cfnfake.Stack) {
		start := time.Now()
		equal(t, "created", s.Create(a, cfnfake.How{}), true)
		equal(t, "waited", time.Since(start), 3*time.Minute)
		equal(t, "invocations", f.calls, 3)
		equal(t, "failures", f.cloud.Failures(), []string{"killed", "killed"})
	})
}

func TestAnswerThatIsNotTakenIsNoAnswer(t *testing.T) {
	inCloud(t, nil, func(f *function, s *cfnfake.Stack) {
		f.cloud.AnswerStatus = func(n int) int { return map[bool]int{true: 503, false: 200}[n == 1] }
		equal(t, "created", s.Create(a, cfnfake.How{}), true)
		equal(t, "invocations", f.calls, 2)
	})
}

func TestEventsAreDeliveredTwice(t *testing.T) {
	inCloud(t, nil, func(f *function, s *cfnfake.Stack) {
		s.Create(a, cfnfake.How{Twice: true})
		f.cloud.Settle()
		equal(t, "invocations", f.calls, 2)
		equal(t, "answers that were dropped", f.cloud.Dropped(), 1)
		equal(t, "events", len(f.cloud.Exchanges()), 1)
	})
}

func TestLateDuplicateChangesNothing(t *testing.T) {
	inCloud(t, nil, func(f *function, s *cfnfake.Stack) {
		s.Create(a, cfnfake.How{})
		s.Delete(cfnfake.How{})
		f.cloud.Redeliver(0)
		f.cloud.Settle()
		equal(t, "state", s.State, cfnfake.None)
		equal(t, "answers that were dropped", f.cloud.Dropped(), 1)
	})
}

// The first answer counts, whatever the second says.
func TestSecondAnswerIsDropped(t *testing.T) {
	inCloud(t, on("Create", behaviour{again: "FAILED"}), func(f *function, s *cfnfake.Stack) {
		equal(t, "created", s.Create(a, cfnfake.How{}), true)
		f.cloud.Settle()
		equal(t, "answers that were dropped", f.cloud.Dropped(), 1)
	})
}

func TestBreachesOfTheContract(t *testing.T) {
	tests := []struct {
		name   string
		kind   string
		answer behaviour
		reason string
		want   string
	}{
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
			inCloud(t, on(test.kind, test.answer), func(f *function, s *cfnfake.Stack) {
				if s.Create(a, cfnfake.How{}); test.kind == "Update" {
					s.Update(b, cfnfake.How{})
				}
				reason := s.Reason
				if s.State == cfnfake.Live {
					s.Delete(cfnfake.How{})
				}
				f.cloud.Settle()
				if got := strings.Join(f.cloud.Violations(), "\n"); !strings.Contains(got, test.want) {
					t.Errorf("violations: %q", got)
				}
				if test.reason != "" && reason != test.reason {
					t.Errorf("reason: %s", reason)
				}
			})
		})
	}
}
