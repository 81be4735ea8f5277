package walk_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"bucketuser/lambda/internal/awsfake"
)

// start is a process of the function. Nothing of it leaves the process once it is
// killed.
func (g *ground) start(payload json.RawMessage, answers http.RoundTripper) func(context.Context) error {
	p := &process{ground: g, session: g.AWS.Session("provider"), answers: g.Keeping(answers),
		lag: time.Duration(g.processes.Add(1)) * time.Microsecond}
	return func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, p.session.Kill) // Lambda ends a process whose time is over
		defer stop()
		err := g.Invoke(ctx, p.session, p, payload)
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
	ground  *ground
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
	d := p.ground.Gate.Hold(r.Context(), awsfake.Call{Session: p.session.Name(), Service: answering, Operation: r.Method})
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
