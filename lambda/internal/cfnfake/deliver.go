package cfnfake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// request is an event that waits for its answer, or did.
type request struct {
	event    Event
	exchange *Exchange
	accepted chan outcome // has room for one
	closed   bool         // an answer was accepted, or nobody waits any more
}

// outcome is what CloudFormation makes of an event.
type outcome struct {
	ok     bool
	id     string // of the answer, or made up
	reason string
	data   map[string]string
}

// send delivers an event and waits for what comes of it. The resource has the physical id
// known. giveUp, when closed, makes CloudFormation stop waiting, because another resource
// has failed.
func (c *Cloud) send(ctx context.Context, e Event, known string, deliveries int, giveUp <-chan struct{}) outcome {
	r, n, err := c.open(e, known)
	if err != nil {
		return outcome{id: e.PhysicalResourceId, reason: err.Error()}
	}
	if ctx.Err() != nil {
		deliveries = 0 // or its answer might come first
	}
	for range deliveries {
		c.invoke(ctx, n, 0)
	}
	timeout := time.NewTimer(serviceTimeout)
	defer timeout.Stop()
	var o outcome
	select {
	case o = <-r.accepted:
		return o
	case <-giveUp:
		o.reason = "Resource operation cancelled"
	case <-timeout.C:
		o.reason = "CloudFormation did not receive a response from your Custom Resource"
	case <-ctx.Done():
		o.reason = ctx.Err().Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.closed { // the answer came at the same moment
		return <-r.accepted
	}
	r.closed = true
	r.exchange.Outcome = o.reason
	o.id = c.idOf(e)
	return o
}

// open gives an event its ids and its place among the exchanges, and makes it known
// to the receiver of answers.
func (c *Cloud) open(e Event, known string) (*request, int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	e.RequestId = fmt.Sprintf("00000000-0000-4000-8000-%012d", c.serial)
	e.ResponseURL = c.signer.URL(e.StackId, e.LogicalResourceId, e.RequestId, c.signer.Next())
	payload, err := json.Marshal(e)
	if err != nil {
		c.violate("%s: the event cannot be sent: %v", e.RequestType, err)
		return nil, 0, err
	}
	r := &request{event: e, accepted: make(chan outcome, 1)}
	r.exchange = &Exchange{Event: e, Payload: payload, Sent: time.Now(), Known: known}
	c.pending[e.ResponseURL] = r
	c.exchanges = append(c.exchanges, r.exchange)
	return r, len(c.exchanges) - 1, nil
}

// invocation is one run of the function.
type invocation struct {
	event int // its place among the exchanges
	limit time.Duration
}

// invoke starts the function with the n-th event, and starts it again when that
// fails. The invocations end with ctx.
func (c *Cloud) invoke(ctx context.Context, n, attempt int) {
	payload, i := c.begin(n)
	run := c.Start(payload, answers{c, i})
	c.running.Go(func() {
		limited, cancel := context.WithTimeout(ctx, i.limit)
		err := run(limited)
		cancel()
		c.end(i, err)
		if err == nil || attempt == retries {
			return
		}
		pause := time.NewTimer(time.Duration(attempt+1) * time.Minute)
		defer pause.Stop()
		select {
		case <-pause.C:
			c.invoke(ctx, n, attempt+1)
		case <-ctx.Done():
		}
	})
}

// begin notes that an invocation of the n-th event runs, and beside which others.
func (c *Cloud) begin(n int) (payload []byte, i *invocation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, other := range c.active {
		c.besides(n, other.event)
		c.besides(other.event, n)
	}
	i = &invocation{n, functionTimeout}
	if c.Timeout != nil {
		i.limit = c.Timeout()
	}
	c.active = append(c.active, i)
	return c.exchanges[n].Payload, i
}

func (c *Cloud) besides(n, other int) {
	if x := c.exchanges[n]; !slices.Contains(x.Beside, other) {
		x.Beside = append(x.Beside, other)
	}
}

// end notes that an invocation has returned.
func (c *Cloud) end(i *invocation, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over(i)
	if err != nil {
		c.failures = append(c.failures, err.Error())
	}
}

// over notes that nothing but its return is left of an invocation.
func (c *Cloud) over(i *invocation) {
	c.active = slices.DeleteFunc(c.active, func(other *invocation) bool { return other == i })
}

// Redeliver starts the function once more with an event of the past, counted from 0
// as in [Cloud.Exchanges]. Nobody waits for the answer.
func (c *Cloud) Redeliver(ctx context.Context, n int) { c.invoke(ctx, n, 0) }

// Settle waits until nothing of the function runs or will be repeated.
func (c *Cloud) Settle() { c.running.Wait() }
