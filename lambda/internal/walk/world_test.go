// Package walk_test lets CloudFormation do whatever it may do to the function, in
// random order, with crashes at random calls, and compares the account with a model
// after every step. All of it is one process: the function as main wires it, on the
// account of awsfake, driven by cfnfake.
package walk_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"pgregory.net/rapid"

	"bucketuser/lambda/canary"
	"bucketuser/lambda/internal/awsfake"
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
	log      canary.Journal
	canary   canary.Canary
	scanned  struct{ log, bodies, failures int }

	processes atomic.Int64 // that were started
}

func newWorld(t rapid.TB, reseed func()) *world {
	t.Helper()
	w := &world{
		aws:   awsfake.New(account, region),
		cloud: cfnfake.New(account, region),
		provider: spec.Provider{Partition: "aws", Region: region, Account: account,
			IAMPath: spec.DefaultIAMPath, BoundaryARN: boundary},
	}
	w.aws.UserPropagation, w.aws.KeyPropagation, w.aws.SecretDeletion = 12*time.Second, 8*time.Second, 3*time.Second
	if err := w.aws.AddManagedPolicy(boundary, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`); err != nil {
		t.Fatal(err)
	}
	w.turns = newTurns(w.aws, reseed)
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
	p := &process{world: w, session: w.aws.Session("provider"), answers: answers, lag: time.Duration(w.processes.Add(1)) * time.Microsecond}
	log := slog.New(slog.NewJSONHandler(&w.log, nil))
	client := cfnresource.NewClient()
	client.Transport = p
	handler := cfnresource.Handler{
		Resource:  provision.New(p.session.Config(), w.provider, log),
		Client:    client,
		Log:       log,
		LogStream: "2026/11/23/[$LATEST]stream",
		DNSSuffix: spec.DNSSuffix(w.provider.Partition),
	}
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, p.session.Kill) // Lambda ends a process whose time is over
		defer stop()
		err := handler.Handle(ctx, payload)
		if err != nil { // Lambda counts from here, and no two processes begin at the same instant
			_ = p.pause(ctx)
			time.Sleep(p.lag)
		}
		if p.session.Killed() && err == nil {
			err = awsfake.Killed // the answer was out, but the process did not return
		}
		return err
	}
}

// process is one run of the function, as the receiver of its answers sees it.
type process struct {
	world   *world
	session *awsfake.Session
	answers http.RoundTripper
	lag     time.Duration // by which its end is late, different for each
	tries   int           // to answer
	next    time.Time     // not before this does it try again
}

// The function's backoff before it tries to answer again has a jitter that no seed
// decides, so each attempt begins here when the longest backoff is over: a walk can be
// shown again.
const (
	longestBackoff = 750 * time.Millisecond // after the first attempt
	backoffGrowth  = 1.5
	putTimeout     = 10 * time.Second // of the function, for one attempt
)

// pace sets the time of the next attempt, after one that was sent at a time.
func (p *process) pace(sent time.Time) {
	over := sent
	if time.Now().After(sent) { // there was no reply
		over = sent.Add(putTimeout)
	}
	backoff := float64(longestBackoff) * math.Pow(backoffGrowth, float64(p.tries))
	p.next = over.Add(time.Duration(backoff).Truncate(time.Millisecond) + time.Millisecond)
	p.tries++
}

// pause waits for that time.
func (p *process) pause(ctx context.Context) error {
	pause := time.NewTimer(time.Until(p.next))
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errKilled is what a process sees that tries to answer and is no more. It does not
// try again.
var errKilled = backoff.Permanent(awsfake.Killed)

// RoundTrip sends an answer when its turn has come.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := p.pause(r.Context()); err != nil {
		return nil, err
	}
	if p.session.Killed() {
		return nil, errKilled
	}
	d := p.world.turns.wait(r.Context(), awsfake.Call{Session: p.session.Name(), Service: answering, Operation: r.Method})
	if d.Before != nil {
		p.session.Kill()
	}
	if p.session.Killed() {
		return nil, errKilled
	}
	sent := time.Now()
	response, err := p.answers.RoundTrip(r)
	p.pace(sent)
	if d.After != nil {
		p.session.Kill()
		return nil, errKilled
	}
	return response, err
}

// parse is what the function makes of properties for a stack.
func (w *world) parse(stackID string, p properties) (spec.Spec, error) {
	given := properties{}
	for name, value := range p {
		given[name] = value
	}
	return spec.Parse(given, stackID, logicalID, w.provider)
}
