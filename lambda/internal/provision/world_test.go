package provision_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/canary"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/provision"
	"bucketuser/lambda/spec"
)

const (
	account     = "123456789012"
	stackID     = "arn:aws:cloudformation:eu-west-1:123456789012:stack/analytics/5f0c2b10-0000-11ee-be56-0242ac120002"
	logicalID   = "Disk"
	boundary    = "arn:aws:iam::123456789012:policy/boundary"
	responseURL = "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/x?X-Amz-Signature=urlsignature&X-Amz-Date="
)

// world is an account, a provider in it, and the answers that CloudFormation got.
type world struct {
	t        *testing.T
	aws      *awsfake.AWS
	provider spec.Provider
	stackID  string
	log      canary.Journal // of all invocations

	mu      sync.Mutex
	answers []string // that CloudFormation got, as they were sent
	errors  []string // that Lambda got
	canary  canary.Canary

	sent sending
}

// sending is what CloudFormation has sent up to now.
type sending struct {
	last string               // event
	at   time.Time            // of it
	when map[string]time.Time // of every event, the last time
}

// sign returns the ResponseURL of an event. One that is delivered again keeps its own;
// any other is later than those before it.
func (w *world) sign(kind, id string, p, old properties) string {
	content := fmt.Sprint(kind, id, p, old)
	if content != w.sent.last {
		w.sent.at = later(w.sent.at, time.Now())
		w.sent.last, w.sent.when[content] = content, w.sent.at
	}
	return urlOf(w.sent.at)
}

// signed returns the ResponseURL that an event had when it was sent.
func (w *world) signed(kind, id string, p, old properties) string {
	w.t.Helper()
	at, ok := w.sent.when[fmt.Sprint(kind, id, p, old)]
	if !ok {
		w.t.Fatalf("%s was never sent", kind)
	}
	return urlOf(at)
}

func urlOf(at time.Time) string { return responseURL + at.UTC().Format("20060102T150405Z") }

// later is the next second after at, or now.
func later(at, now time.Time) time.Time {
	if now = now.Truncate(time.Second); now.After(at) {
		return now
	}
	return at.Add(time.Second)
}

// inWorld runs a test in a bubble, where waiting takes no time, on an empty account
// in eu-west-1 whose IAM needs time to spread the word.
func inWorld(t *testing.T, test func(*world)) {
	t.Helper()
	inRegion(t, "eu-west-1", func(w *world) {
		test(w)
		w.leaked()
		w.everyLineNamesItsEvent()
	})
}

func inRegion(t *testing.T, region string, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newWorld(t, region)) })
}

// A moment is an account at a time.
type moment struct {
	aws  *awsfake.AWS
	at   time.Time
	sent sending
}

func (w *world) moment() moment { return moment{w.aws.Clone(), time.Now(), w.sent.clone()} }

func (s sending) clone() sending {
	s.when = maps.Clone(s.when)
	return s
}

// goTo puts a copy of the account of a moment into a world that is younger.
func (w *world) goTo(m moment) {
	<-time.After(time.Until(m.at))
	w.aws, w.sent = m.aws.Clone(), m.sent.clone()
}

func newWorld(t *testing.T, region string) *world {
	w := &world{t: t, aws: awsfake.New(account, region), stackID: strings.Replace(stackID, "eu-west-1", region, 1)}
	w.sent.when = map[string]time.Time{}
	w.aws.UserPropagation = 12 * time.Second
	w.aws.KeyPropagation = 8 * time.Second
	w.provider = spec.Provider{Partition: "aws", Region: region, Account: account, IAMPath: spec.DefaultIAMPath, BoundaryARN: boundary}
	if err := w.aws.AddManagedPolicy(boundary, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`); err != nil {
		t.Fatal(err)
	}
	return w
}

type properties = map[string]any

var named = properties{"BucketName": "my-data", "UserName": "clickhouse", "SecretName": "clickhouse/s3"}

// with returns a copy of named with other values.
func with(pairs ...any) properties {
	p := maps.Clone(named)
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i].(string)] = pairs[i+1]
	}
	return p
}

// answer is what CloudFormation receives.
type answer struct {
	Status, Reason, PhysicalResourceId, StackId, RequestId, LogicalResourceId string
	Data                                                                      map[string]string
}

func (w *world) create(p properties) answer { return w.send("Create", "", p, nil) }

// created makes a resource.
func (w *world) created(p properties) answer { return w.succeeded(w.create(p)) }

func (w *world) update(id string, p, old properties) answer { return w.send("Update", id, p, old) }

func (w *world) delete(id string, p properties) answer { return w.send("Delete", id, p, nil) }

// send delivers one event to a new invocation of the function and returns the
// answer. The status of the resource is what CloudFormation would say meanwhile.
func (w *world) send(kind, id string, p, old properties) answer {
	w.t.Helper()
	w.begin(kind, id, p, old)
	return w.deliver(w.aws.Session("provider"), kind, id, p, old)
}

// begin has CloudFormation begin an operation, unless it is the one under way, and
// returns the ResponseURL of its event.
func (w *world) begin(kind, id string, p, old properties) string {
	before := w.sent.at
	url := w.sign(kind, id, p, old)
	if w.sent.at != before {
		w.aws.SetResourceStatus(w.stackID, logicalID, strings.ToUpper(kind)+"_IN_PROGRESS")
		w.aws.SetPhysicalResourceID(w.stackID, logicalID, id)
	}
	return url
}

func (w *world) deliver(session *awsfake.Session, kind, id string, p, old properties) answer {
	w.t.Helper()
	return w.answered(session, w.sign(kind, id, p, old), kind, id, p, old)
}

// deliverLate delivers an event of the past once more.
func (w *world) deliverLate(kind, id string, p, old properties) answer {
	w.t.Helper()
	return w.answered(w.aws.Session("provider"), w.signed(kind, id, p, old), kind, id, p, old)
}

func (w *world) answered(session *awsfake.Session, url, kind, id string, p, old properties) answer {
	w.t.Helper()
	a, err := w.invoke(session, url, kind, id, p, old)
	if err != nil {
		w.t.Fatalf("%s: %v", kind, err)
	}
	return a
}

// invoke runs the function once in a process of its own. It returns an error if
// CloudFormation got no answer: a process that is dead sends none.
func (w *world) invoke(session *awsfake.Session, url, kind, id string, p, old properties) (answer, error) {
	event := map[string]any{
		"RequestType": kind, "RequestId": "request", "ResponseURL": url, "ResourceType": spec.ResourceType,
		"StackId": w.stackID, "LogicalResourceId": logicalID, "ResourceProperties": p,
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
	var answers []answer
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	handler := cfnresource.Handler{
		Resource: provision.New(session.Config(), w.provider, log),
		Client: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if session.Killed() {
				return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}, nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			w.note(&w.answers, string(body))
			var a answer
			if err := json.Unmarshal(body, &a); err != nil {
				return nil, err
			}
			answers = append(answers, a)
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})},
		Log: log, LogStream: "stream", DNSSuffix: "amazonaws.com",
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 15*time.Minute)
	defer cancel()
	// An error beside an answer only asks for another delivery, as undoing failed.
	if err := handler.Handle(ctx, payload); err != nil {
		w.note(&w.errors, err.Error())
		if len(answers) == 0 {
			return answer{}, err
		}
	}
	if len(answers) != 1 {
		return answer{}, fmt.Errorf("%d answers", len(answers))
	}
	return answers[0], nil
}

// note keeps what left the function, for leaked.
func (w *world) note(texts *[]string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*texts = append(*texts, text)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// deny refuses the operations for good.
func deny(operations ...string) func(context.Context, awsfake.Call) awsfake.Decision {
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if slices.Contains(operations, c.Operation) {
			return awsfake.Refuse(awsfake.AccessDenied)
		}
		return awsfake.Decision{}
	}
}
