package cfnresource_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/canary"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/provision"
	"bucketuser/lambda/spec"
)

// FuzzHandle gives the whole function any payload. It must not panic, must call AWS
// only for properties that were accepted and only when it may answer, and must give
// one answer within the limits to everything that has an acceptable ResponseURL.
//
//	go test ./lambda/internal/cfnresource -run '^$' -fuzz '^FuzzHandle$' -fuzztime 20s
func FuzzHandle(f *testing.F) {
	for _, name := range []string{"create", "update", "delete"} {
		f.Add(recordedSeed(f, name))
	}
	const head = `{"ResponseURL":"https://x.s3.amazonaws.com/y?X-Amz-Signature=` + fuzzSignature + `","RequestId":"r","LogicalResourceId":"Disk",` +
		`"StackId":"arn:aws:cloudformation:eu-west-1:123456789012:stack/analytics/5f0c2b10","RequestType":`
	for _, rest := range []string{
		`"Create","ResourceProperties":{"Prefix":"*"}}`, `"Create","ResourceProperties":{"Tags":[{"Key":"a"}]}}`, `"Create"}`,
		`"Delete"}`, `"Delete","PhysicalResourceId":"x","ResourceProperties":{"BucketName":"NO"}}`, `"Drop"}`, `1}`,
		`"Update","PhysicalResourceId":"x","ResourceProperties":[],"OldResourceProperties":"y"}`,
		`"Update","PhysicalResourceId":1,"ResourceProperties":{},"OldResourceProperties":{}}`,
	} {
		f.Add([]byte(head + rest))
	}
	f.Add([]byte(`{"ResponseURL":"https://example.org/"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		synctest.Test(t, func(t *testing.T) { fuzzHandle(t, payload) })
	})
}

// fuzzSignature stands for the signature of an event. Each event gets one of its own, which no fuzzer knows a part of.
const fuzzSignature = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"

// fuzzProvider is where the stacks of the seeds are.
var fuzzProvider = spec.Provider{Partition: "aws", Region: "eu-west-1", Account: "123456789012", IAMPath: spec.DefaultIAMPath}

func fuzzHandle(t *testing.T, payload []byte) {
	signature := fmt.Sprintf("%x", sha256.Sum256(payload))
	payload = bytes.ReplaceAll(payload, []byte(fuzzSignature), []byte(signature))
	account := awsfake.New(fuzzProvider.Account, fuzzProvider.Region)
	account.Before = func(context.Context, awsfake.Call) awsfake.Decision { return awsfake.Refuse(awsfake.Killed) } // counted, and nothing else
	var log bytes.Buffer
	var bodies []string
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	client := cfnresource.NewClient()
	client.Transport = transport(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, err
	})
	h := cfnresource.Handler{Resource: provision.New(account.Session("provider").Config(), fuzzProvider, logger), Client: client,
		Log: logger, LogStream: "stream", DNSSuffix: "amazonaws.com"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := h.Handle(ctx, payload)

	if strings.Contains(log.String(), `"panicked"`) {
		t.Errorf("panic: %s", log.String())
	}
	e := eventOf(payload)
	if calls := account.Calls(); len(calls) > 0 && !mayCall(e) {
		t.Errorf("calls for what was not accepted: %v", calls)
	}
	switch {
	case len(bodies) == 0 && err == nil:
		t.Error("neither an answer nor an error")
	case len(bodies) == 0 && isAcceptable(e.ResponseURL) && echoBytes(e) < 2048:
		t.Errorf("no answer: %v", err)
	case len(bodies) > 1 || len(bodies) == 1 && !isAcceptable(e.ResponseURL):
		t.Errorf("%d answers", len(bodies))
	case len(bodies) == 1:
		checkAnswer(t, e, bodies[0])
	}
	var secrets canary.Canary
	if strings.Contains(e.ResponseURL, signature) { // what else the address holds may be ordinary words
		secrets.Secret(signature)
	}
	for place, text := range map[string]string{"the log": log.String(), "the answer": strings.Join(bodies, ""), "the error": errorText(err)} {
		if err := secrets.Scan(place, text); err != nil && !repeats(payload, signature) {
			t.Error(err)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// fuzzEvent holds what can be read of an event, each field by itself.
type fuzzEvent struct {
	RequestType, ResponseURL, StackId, RequestId, LogicalResourceId, PhysicalResourceId string
	ResourceProperties                                                                  map[string]any
}

func eventOf(payload []byte) fuzzEvent {
	var e fuzzEvent
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil {
		return e
	}
	for name, into := range map[string]any{"RequestType": &e.RequestType, "ResponseURL": &e.ResponseURL, "StackId": &e.StackId, "RequestId": &e.RequestId,
		"LogicalResourceId": &e.LogicalResourceId, "PhysicalResourceId": &e.PhysicalResourceId, "ResourceProperties": &e.ResourceProperties} {
		_ = json.Unmarshal(fields[name], into) // stays empty
	}
	return e
}

// mayCall reports whether an event gives a reason to call AWS.
func mayCall(e fuzzEvent) bool {
	if !isAcceptable(e.ResponseURL) {
		return false
	}
	switch e.RequestType {
	case "Create", "Update":
		_, err := spec.Parse(e.ResourceProperties, e.StackId, e.LogicalResourceId, fuzzProvider)
		return err == nil
	case "Delete":
		_, err := spec.ParseForDelete(e.ResourceProperties, e.StackId, e.LogicalResourceId, fuzzProvider)
		return err == nil
	}
	return false
}

// isAcceptable is the rule for a ResponseURL, told apart from the code.
func isAcceptable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.User == nil && strings.HasSuffix(u.Host, ".amazonaws.com")
}

// echoBytes is what goes back verbatim. CloudFormation's own ids are far shorter.
func echoBytes(e fuzzEvent) int {
	text, _ := json.Marshal([]string{e.StackId, e.RequestId, e.LogicalResourceId, e.PhysicalResourceId}) // strings always encode
	return len(text)
}

func checkAnswer(t *testing.T, e fuzzEvent, body string) {
	t.Helper()
	var a struct{ Status, Reason, PhysicalResourceId, StackId, RequestId, LogicalResourceId string }
	if err := json.Unmarshal([]byte(body), &a); err != nil || len(body) > 4096 {
		t.Fatalf("%d bytes, %v: %s", len(body), err, body)
	}
	if a.Status != "SUCCESS" && (a.Status != "FAILED" || a.Reason == "") {
		t.Errorf("status %q, reason %q", a.Status, a.Reason)
	}
	if a.StackId != e.StackId || a.RequestId != e.RequestId || a.LogicalResourceId != e.LogicalResourceId {
		t.Errorf("answers another event: %s", body)
	}
	if a.PhysicalResourceId == "" || len(a.PhysicalResourceId) > 1024 && len(e.PhysicalResourceId) <= 1024 {
		t.Errorf("physical id %q", a.PhysicalResourceId)
	}
	if a.Status == "FAILED" && e.PhysicalResourceId != "" && a.PhysicalResourceId != e.PhysicalResourceId {
		t.Errorf("a failure answers %q instead of %q", a.PhysicalResourceId, e.PhysicalResourceId)
	}
}

// repeats reports whether a payload holds the signature in other fields than its ResponseURL:
// then it may be printed.
func repeats(payload []byte, signature string) bool {
	var fields map[string]any
	if json.Unmarshal(payload, &fields) != nil {
		return true
	}
	delete(fields, "ResponseURL")
	rest, err := json.Marshal(fields)
	var c canary.Canary
	c.Secret(signature)
	return err != nil || c.Scan("the rest", string(rest)) != nil
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func recordedSeed(f *testing.F, name string) []byte {
	f.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		f.Fatal(err)
	}
	return payload
}
