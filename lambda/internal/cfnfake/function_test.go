package cfnfake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
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
	cloud *cfnfake.Cloud

	mu       sync.Mutex // of what is below: a delivery may go on beside its stack
	calls    int
	statuses []string
	stack    string                                 // its status now
	sent     []string                               // the events, each with the status that the stack had then
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

func inCloud(t *testing.T, behave func(n int, e cfnfake.Event) behaviour, test func(*testing.T, *function, *cfnfake.Stack)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &function{cloud: cfnfake.New("123456789012", "eu-west-1"), behave: behave}
		f.cloud.Start = f.start
		f.cloud.Status = func(_, _, id, status string) { f.statuses = append(f.statuses, strings.TrimSpace(status+" "+id)) }
		f.cloud.StackStatus = func(_, status string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.stack = status
		}
		test(t, f, f.cloud.NewStack("analytics", "Disk"))
		f.cloud.Settle()
	})
}

func (f *function) start(payload json.RawMessage, answers http.RoundTripper) func(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	var e cfnfake.Event
	if err := json.Unmarshal(payload, &e); err != nil {
		return func(context.Context) error { return err }
	}
	f.sent = append(f.sent, e.RequestType+" in "+f.stack)
	var b behaviour
	if f.behave != nil {
		b = f.behave(f.calls, e)
	}
	return func(ctx context.Context) error { return b.run(ctx, e, answers) }
}

// run is one invocation from its start to its end.
func (b behaviour) run(ctx context.Context, e cfnfake.Event, answers http.RoundTripper) error {
	work := time.NewTimer(b.takes)
	defer work.Stop()
	select {
	case <-work.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	if b.crashes {
		return errors.New("killed")
	}
	answer := b.answer(e)
	if err := sendAnswer(ctx, answers, e.ResponseURL, b, answer); err != nil || b.again == "" {
		return err
	}
	answer["Status"] = b.again
	return sendAnswer(ctx, answers, e.ResponseURL, b, answer)
}

// answer is the fields of the answer to an event, by name.
func (b behaviour) answer(e cfnfake.Event) map[string]string {
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
	return answer
}

func sendAnswer(ctx context.Context, answers http.RoundTripper, address string, b behaviour, answer map[string]string) error {
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
