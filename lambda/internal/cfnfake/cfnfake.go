// Package cfnfake is CloudFormation in memory, as a custom resource meets it.
//
// It does what the service does and an emulator does not: it invokes the function
// asynchronously and repeats an invocation that failed up to two times; it may
// deliver an event twice, or once more when it is long over; it waits for one answer
// as long as ServiceTimeout says, reads it as strictly as the service and drops every
// other; it sends Delete after a failed Create, under the id of the failed answer or
// one that it makes up; it takes another id in the answer to an Update for a
// replacement, and cleans up afterwards, as it does when a resource is removed from
// the template; it rolls back, in both of the ways that have been reported for a
// replacement, or not at all where that is disabled; it has a nested stack wait for
// its parent. The rules are those of the contract of custom resources in the user
// guide; others have their source beside them.
//
// A [Cloud] runs the function, a [Stack] is one stack with one resource of interest;
// the other resources, its siblings, only fail when [How] says so. What is not right
// under the contract, such as an answer without an id, is carried out as the service
// would and also recorded in [Cloud.Violations]. So is an operation that
// CloudFormation would not begin, an error of the test; it does nothing.
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
	cleanupAttempts = 3 // at the Delete of what was replaced, or removed from the template
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
	Sent    time.Time

	// Known is the physical id that the resource had when the event was sent, empty before the
	// first answer. A Delete of what was replaced does not name it.
	Known string

	// Beside are the events of which an invocation ran at the same time as one of
	// this, by their place in [Cloud.Exchanges]: also this event itself, if two ran.
	// An invocation whose answer got its 200 counts as over.
	Beside []int
}

// A Cloud is CloudFormation with the function behind it. Make it with [New].
type Cloud struct {
	// Start begins one process of the function. It is called in a fixed order. The
	// process sends its answer through answers; a process that was killed must not,
	// and returns an error. Lambda ends the process with the context of run.
	Start func(payload json.RawMessage, answers http.RoundTripper) (run func(context.Context) error)
	// Status is told what DescribeStackResource says from now on. The physical id is
	// empty before the first answer. Without a status there is no such resource.
	Status func(stackID, logicalID, physicalID, status string)
	// StackStatus, when set, is told what DescribeStacks says of a stack from now on: see [Stack].
	StackStatus func(stackID, status string)
	// Receive, when set, decides what becomes of every PUT of an answer.
	Receive func() Reception
	// Timeout, when set, is how long the next invocation may take: 15 minutes
	// otherwise. Neither it nor Receive is called twice at the same time.
	Timeout func() time.Duration
	// Pace is how long CloudFormation takes to notice an answer, and to begin with the next
	// operation of a resource.
	Pace time.Duration
	// Account and Region are part of every stack id.
	Account, Region string

	mu         sync.Mutex
	serial     int
	signer     Signer
	pending    map[string]*request // by ResponseURL
	exchanges  []*Exchange
	active     []*invocation
	failures   []string
	violations []string
	dropped    int
	running    sync.WaitGroup
}

// New is CloudFormation of one account and region.
func New(account, region string) *Cloud {
	return &Cloud{Account: account, Region: region, signer: Signer{Region: region}, pending: map[string]*request{}}
}

// Exchanges are all events up to now, in the order in which they were sent.
func (c *Cloud) Exchanges() []Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Exchange, len(c.exchanges))
	for i, x := range c.exchanges {
		out[i] = *x
		out[i].Beside = slices.Clone(x.Beside)
	}
	return out
}

// Violations are the breaches of the contract, which must be none.
func (c *Cloud) Violations() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.violations)
}

// violate records a breach of the contract. The caller holds the lock.
func (c *Cloud) violate(format string, args ...any) {
	c.violations = append(c.violations, fmt.Sprintf(format, args...))
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
