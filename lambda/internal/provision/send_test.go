package provision_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
	"bucketuser/lambda/spec"
)

// answer is what CloudFormation receives.
type answer = cfnfake.Answer

// requestID is that of every event: an answer is told from others by who waits for it.
const requestID = "request"

// sending is what CloudFormation has sent up to now.
type sending struct {
	signer cfnfake.Signer
	last   string               // event
	when   map[string]time.Time // of every event, the last time

	begun awsfake.Begun // the rotation whose steps Secrets Manager sends one by one
}

func (s sending) clone() sending {
	s.when = maps.Clone(s.when)
	return s
}

// sign returns the ResponseURL of an event. One that is delivered again keeps its own;
// any other is later than those before it.
func (w *bench) sign(kind, id string, p, old sim.Properties) string {
	content := fmt.Sprint(kind, id, p, old)
	if content != w.sent.last {
		w.sent.last, w.sent.when[content] = content, w.sent.signer.Next()
	}
	return w.urlOf(w.sent.signer.Last)
}

// signed returns the ResponseURL that an event had when it was sent.
func (w *bench) signed(kind, id string, p, old sim.Properties) string {
	w.t.Helper()
	at, ok := w.sent.when[fmt.Sprint(kind, id, p, old)]
	if !ok {
		w.t.Fatalf("%s was never sent", kind)
	}
	return w.urlOf(at)
}

func (w *bench) urlOf(at time.Time) string {
	return w.sent.signer.URL(w.stackID, sim.LogicalID, requestID, at)
}

func (w *bench) create(p sim.Properties) answer { return w.send("Create", "", p, nil) }

// created makes a resource.
func (w *bench) created(p sim.Properties) answer { return w.succeeded(w.create(p)) }

func (w *bench) update(id string, p, old sim.Properties) answer { return w.send("Update", id, p, old) }

func (w *bench) delete(id string, p sim.Properties) answer { return w.send("Delete", id, p, nil) }

// send delivers one event to a new invocation of the function and returns the
// answer. The status of the resource is what CloudFormation would say meanwhile.
func (w *bench) send(kind, id string, p, old sim.Properties) answer {
	w.t.Helper()
	w.begin(kind, id, p, old)
	return w.deliver(w.AWS.Session("provider"), kind, id, p, old)
}

// begin has CloudFormation begin an operation, unless it is the one under way, and
// returns the ResponseURL of its event.
func (w *bench) begin(kind, id string, p, old sim.Properties) string {
	before := w.sent.signer.Last
	url := w.sign(kind, id, p, old)
	if w.sent.signer.Last != before {
		w.AWS.SetResourceStatus(w.stackID, sim.LogicalID, strings.ToUpper(kind)+"_IN_PROGRESS")
		w.AWS.SetPhysicalResourceID(w.stackID, sim.LogicalID, id)
	}
	return url
}

// becomes has CloudFormation set another status than that of the event under way, after it has
// sent the event: see minLead.
func (w *bench) becomes(status string) {
	time.Sleep(3 * time.Second)
	w.AWS.SetResourceStatus(w.stackID, sim.LogicalID, status)
}

func (w *bench) deliver(session *awsfake.Session, kind, id string, p, old sim.Properties) answer {
	w.t.Helper()
	return w.answered(session, w.sign(kind, id, p, old), kind, id, p, old)
}

// deliverLate delivers an event of the past once more.
func (w *bench) deliverLate(kind, id string, p, old sim.Properties) answer {
	w.t.Helper()
	return w.answered(w.AWS.Session("provider"), w.signed(kind, id, p, old), kind, id, p, old)
}

func (w *bench) answered(session *awsfake.Session, url, kind, id string, p, old sim.Properties) answer {
	w.t.Helper()
	a, err := w.invoke(session, url, kind, id, p, old)
	if err != nil {
		w.t.Fatalf("%s: %v", kind, err)
	}
	return a
}

// invoke runs the function once in a process of its own. It returns an error if
// CloudFormation got no answer: a process that is dead sends none.
func (w *bench) invoke(session *awsfake.Session, url, kind, id string, p, old sim.Properties) (answer, error) {
	event := map[string]any{
		"RequestType": kind, "RequestId": requestID, "ResponseURL": url, "ResourceType": spec.ResourceType,
		"StackId": w.stackID, "LogicalResourceId": sim.LogicalID, "ResourceProperties": p,
	}
	if id != "" {
		event["PhysicalResourceId"] = id
	}
	if old != nil {
		event["OldResourceProperties"] = old
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return answer{}, err
	}
	r, status := &receiver{}, w.AWS.StackStatus(w.stackID)
	ctx, cancel := context.WithTimeout(w.t.Context(), 15*time.Minute)
	defer cancel()
	// An error beside an answer only asks for another delivery, as undoing failed.
	if err := w.Invoke(ctx, session, process{session, w.Keeping(r)}, payload); err != nil && len(r.answers) == 0 {
		return answer{}, err
	}
	if len(r.answers) != 1 {
		return answer{}, fmt.Errorf("%d answers", len(r.answers))
	}
	w.advisesWhatCanBeDone(kind, status, r.answers[0])
	return r.answers[0], nil
}

// advisesWhatCanBeDone fails the test for a Reason that advises what nobody can do, unless the stack went on meanwhile.
func (w *bench) advisesWhatCanBeDone(kind, status string, a answer) {
	w.t.Helper()
	if err := sim.Advice(kind, status, a.Reason); err != nil && status == w.AWS.StackStatus(w.stackID) {
		w.t.Error(err)
	}
}

// process is the way from a process to the receiver of its answer. A dead one sends none.
type process struct {
	session *awsfake.Session
	answers http.RoundTripper
}

func (p process) RoundTrip(put *http.Request) (*http.Response, error) {
	if p.session.Killed() {
		return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}, nil
	}
	return p.answers.RoundTrip(put)
}

// receiver is CloudFormation's end of one invocation.
type receiver struct{ answers []answer }

func (r *receiver) RoundTrip(put *http.Request) (*http.Response, error) {
	var a answer
	if err := json.NewDecoder(put.Body).Decode(&a); err != nil {
		return nil, err
	}
	r.answers = append(r.answers, a)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// event is one request of CloudFormation. Its id is that of a set of properties.
type event struct {
	kind    string
	id      sim.Properties
	p, old  sim.Properties
	refused bool // the answer is FAILED when nothing goes wrong
	late    bool // it was sent before others, and is delivered once more
	noTime  bool // its ResponseURL does not say when it was sent

	rotating rotating      // of kindRotation
	isLoose  bool          // either answer is right
	after    time.Duration // that passes before it is sent

	step     smfake.Step // of the n-th rotation that was begun, and no request of CloudFormation
	rotation int
}

// isAnsweredBy reports whether an answer is the right one when nothing goes wrong.
func (e event) isAnsweredBy(a answer) bool { return e.isLoose || (a.Status == "FAILED") == e.refused }

func create(p sim.Properties) event          { return event{kind: "Create", p: p} }
func update(id, p, old sim.Properties) event { return event{kind: "Update", id: id, p: p, old: old} }
func remove(p sim.Properties) event          { return event{kind: "Delete", id: p, p: p} }
func late(e event) event                     { e.late = true; return e }
func loose(e event) event                    { e.isLoose = true; return e }
func soon(e event) event                     { e.after = 0; return e }
func hourLater(e event) event                { e.after = time.Hour; return e }
func withoutTime(e event) event              { e.noTime = true; return e }
