// Package walk_test lets CloudFormation do whatever it may do to the function, in
// random order, with crashes at random calls, and compares the account with a model
// after every step. All of it is one process: the function as main wires it, on the
// account of awsfake, driven by cfnfake.
package walk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/canary"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/provision"
	"bucketuser/lambda/spec"
)

const (
	account   = "123456789012"
	region    = "eu-west-1"
	logicalID = "Disk"
	boundary  = "arn:aws:iam::123456789012:policy/boundary"
)

type properties = map[string]any

// world is an account, CloudFormation in it, and the function between them.
type world struct {
	aws      *awsfake.AWS
	cloud    *cfnfake.Cloud
	provider spec.Provider
	turns    *turns
	log      journal
	canary   canary.Canary
	scanned  struct{ bodies, failures int }
}

func newWorld() *world {
	w := &world{
		aws:   awsfake.New(account, region),
		cloud: cfnfake.New(account, region),
		provider: spec.Provider{Partition: "aws", Region: region, Account: account,
			IAMPath: spec.DefaultIAMPath, BoundaryARN: boundary},
	}
	w.aws.UserPropagation, w.aws.KeyPropagation, w.aws.SecretDeletion = 12*time.Second, 8*time.Second, 3*time.Second
	if err := w.aws.AddManagedPolicy(boundary, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`); err != nil {
		panic(err) // a constant
	}
	w.turns = newTurns(w.aws)
	w.cloud.Start = w.start
	w.cloud.Status = func(stackID, logicalID, physicalID, status string) {
		w.aws.SetResourceStatus(stackID, logicalID, status)
		w.aws.SetPhysicalResourceID(stackID, logicalID, physicalID)
	}
	return w
}

// start is a process of the function, wired as main does. Nothing of it leaves the
// process once it is killed.
func (w *world) start(payload json.RawMessage, answers http.RoundTripper) func(context.Context) error {
	session := w.aws.Session("provider")
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	client := cfnresource.NewClient()
	client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if session.Killed() {
			return nil, awsfake.Killed
		}
		return answers.RoundTrip(r)
	})
	handler := cfnresource.Handler{
		Resource:  provision.New(session.Config(), w.provider, log),
		Client:    client,
		Log:       log,
		LogStream: "2026/11/23/[$LATEST]stream",
		DNSSuffix: spec.DNSSuffix(w.provider.Partition),
	}
	return func(ctx context.Context) error {
		err := handler.Handle(ctx, payload)
		if session.Killed() && err == nil {
			err = awsfake.Killed // the answer was out, but the process did not return
		}
		return err
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// parse is what the function makes of properties for a stack.
func (w *world) parse(stackID string, p properties) (spec.Spec, error) {
	given := properties{}
	for name, value := range p {
		given[name] = value
	}
	return spec.Parse(given, stackID, logicalID, w.provider)
}

// leaks looks for everything secret in what became visible since the last time.
func (w *world) leaks(stacks []*cfnfake.Stack) error {
	for _, secret := range w.aws.IssuedSecrets() {
		w.canary.Secret(secret)
	}
	for _, x := range w.cloud.Exchanges() {
		w.canary.ResponseURL(x.Event.ResponseURL)
	}
	bodies, failures := w.cloud.Bodies(), w.cloud.Failures()
	texts := map[string]string{"the log": w.log.take(), "the account": public(w.aws.Snapshot())}
	for _, stack := range stacks {
		outputs, err := json.Marshal([]any{stack.PhysicalID, stack.Data, stack.Reason})
		if err != nil {
			return err
		}
		texts["the outputs of stack "+stack.Name] = string(outputs)
	}
	for place, text := range texts {
		if err := w.canary.Scan(place, text); err != nil {
			return err
		}
	}
	for _, body := range bodies[w.scanned.bodies:] {
		if err := w.canary.Scan("an answer", body); err != nil {
			return err
		}
	}
	for _, failure := range failures[w.scanned.failures:] {
		if err := w.canary.Scan("a returned error", failure); err != nil {
			return err
		}
	}
	w.scanned.bodies, w.scanned.failures = len(bodies), len(failures)
	return nil
}

// public is what an account shows to those who may not read secrets: tags, policies,
// descriptions, names, objects.
func public(now awsfake.Snapshot) string {
	for name, user := range now.Users {
		for i := range user.Keys {
			user.Keys[i].Secret = ""
		}
		now.Users[name] = user
	}
	for name, secret := range now.Secrets {
		for i := range secret.Versions {
			secret.Versions[i].Value = ""
		}
		now.Secrets[name] = secret
	}
	text, err := json.Marshal(now)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// journal is the log of all processes.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// take returns what was written since the last time.
func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.text.String()
	j.text.Reset()
	return text
}
