// Package cfnfake is CloudFormation in memory, as a custom resource meets it.
//
// It does what the service does and an emulator does not: it invokes the function
// asynchronously and repeats an invocation that failed up to two times; it may
// deliver an event twice; it waits for one answer as long as ServiceTimeout says,
// reads it as strictly as the service and drops every other; it sends Delete after a
// failed Create, under the id of the failed answer or one that it makes up; it takes
// another id in the answer to an Update for a replacement, and cleans up afterwards;
// it rolls back, in both of the ways that have been reported for a replacement. The
// rules are those of cloudformation.md in the project's references.
//
// A [Cloud] runs the function, a [Stack] is one stack with one resource of interest;
// the other resources, its siblings, only fail when [How] says so. What is not right
// under the contract, such as an answer without an id, is carried out as the service
// would and also recorded in [Cloud.Violations].
//
// Time is time.Now, so all of it is meant for a testing/synctest bubble. The package
// knows nothing of what the resource is.
package cfnfake

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Limits of the service.
const (
	functionTimeout = 15 * time.Minute // of Lambda
	serviceTimeout  = time.Hour        // the default of ServiceTimeout
	maxAnswerBytes  = 4096
	maxIDBytes      = 1024
	retries         = 2 // of a failed asynchronous invocation, after one and two minutes
	cleanupAttempts = 3 // at a Delete that follows a replacement
)

// An Event is a request to the function, as it is in the payload.
type Event struct {
	RequestType           string
	ServiceToken          string
	ResponseURL           string
	StackId               string
	RequestId             string
	LogicalResourceId     string
	PhysicalResourceId    string         `json:",omitempty"`
	ResourceType          string         `json:",omitempty"`
	ResourceProperties    map[string]any `json:",omitempty"`
	OldResourceProperties map[string]any `json:",omitempty"`
}

// An Answer is what the function puts to the ResponseURL.
type Answer struct {
	Status             string
	Reason             string
	PhysicalResourceId string
	StackId            string
	RequestId          string
	LogicalResourceId  string
	Data               map[string]string
}

// An Exchange is one event and what came of it.
type Exchange struct {
	Event   Event
	Answer  Answer // the accepted one; zero if CloudFormation gave up before
	Outcome string // SUCCESS, FAILED, or why there is no answer
	Payload []byte
}

// A Cloud is CloudFormation with the function behind it. Make it with [New].
type Cloud struct {
	// Start begins one process of the function. It is called in a fixed order. The
	// process sends its answer through answers; a process that was killed must not,
	// and returns an error.
	Start func(payload json.RawMessage, answers http.RoundTripper) (run func(context.Context) error)
	// Status is told what DescribeStackResource says from now on. The physical id is
	// empty before the first answer.
	Status func(stackID, logicalID, physicalID, status string)
	// AnswerStatus, when set, decides on the HTTP status of every PUT of an answer,
	// counted from 1. Only a PUT with 200 is taken.
	AnswerStatus func(n int) int
	// Account and Region are part of every stack id.
	Account, Region string

	mu         sync.Mutex
	serial     int
	puts       int
	pending    map[string]*request // by ResponseURL
	exchanges  []*Exchange
	bodies     []string
	failures   []string
	violations []string
	dropped    int
	running    sync.WaitGroup
}

// New is CloudFormation of one account and region.
func New(account, region string) *Cloud {
	return &Cloud{Account: account, Region: region, pending: map[string]*request{}}
}

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

// send delivers an event and waits for what comes of it. giveUp, when closed, makes
// CloudFormation stop waiting, because another resource has failed.
func (c *Cloud) send(e Event, deliveries int, giveUp <-chan struct{}) outcome {
	r, payload := c.open(e)
	for range deliveries {
		c.invoke(payload, 0)
	}
	var o outcome
	select {
	case o = <-r.accepted:
		return o
	case <-giveUp:
		o.reason = "Resource operation cancelled"
	case <-time.After(serviceTimeout):
		o.reason = "CloudFormation did not receive a response from your Custom Resource"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.closed { // the answer came at the same moment
		return <-r.accepted
	}
	r.closed = true
	r.exchange.Outcome = o.reason
	o.id = e.PhysicalResourceId
	if o.id == "" {
		o.id = c.inventID(e)
	}
	return o
}

// open gives an event its ids and makes it known to the receiver of answers.
func (c *Cloud) open(e Event) (*request, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	e.RequestId = fmt.Sprintf("00000000-0000-4000-8000-%012d", c.serial)
	e.ResponseURL = c.responseURL(e)
	payload, err := json.Marshal(e)
	if err != nil {
		panic(err) // an event of the test's own making
	}
	r := &request{event: e, accepted: make(chan outcome, 1)}
	r.exchange = &Exchange{Event: e, Payload: payload}
	c.pending[e.ResponseURL] = r
	c.exchanges = append(c.exchanges, r.exchange)
	return r, payload
}

// invoke starts the function, and starts it again when that fails.
func (c *Cloud) invoke(payload []byte, attempt int) {
	run := c.Start(payload, answers{c})
	c.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), functionTimeout)
		defer cancel()
		err := run(ctx)
		if err == nil {
			return
		}
		c.mu.Lock()
		c.failures = append(c.failures, err.Error())
		c.mu.Unlock()
		if attempt < retries {
			time.Sleep(time.Duration(attempt+1) * time.Minute)
			c.invoke(payload, attempt+1)
		}
	})
}

// Redeliver starts the function once more with an event of the past, counted from 0
// as in [Cloud.Exchanges]. Nobody waits for the answer.
func (c *Cloud) Redeliver(n int) { c.invoke(c.Exchanges()[n].Payload, 0) }

// Settle waits until nothing of the function runs or will be repeated.
func (c *Cloud) Settle() { c.running.Wait() }

// Exchanges are all events up to now, in the order in which they were sent.
func (c *Cloud) Exchanges() []Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Exchange, len(c.exchanges))
	for i, x := range c.exchanges {
		out[i] = *x
	}
	return out
}

// Violations are the breaches of the contract by the function, which must be none.
func (c *Cloud) Violations() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.violations)
}

// Bodies are all answers as they came, also those that were dropped.
func (c *Cloud) Bodies() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.bodies)
}

// Failures are the errors that invocations returned, which the runtime logs.
func (c *Cloud) Failures() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failures)
}

// Dropped counts the answers that came too late or after another one.
func (c *Cloud) Dropped() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped
}
