package awsfake

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Call is one attempt of one operation: a call that the SDK repeats is several. Numbers count from 1.
type Call struct {
	N          int    // among all attempts in this account
	SessionN   int    // among the attempts of this session
	OperationN int    // among the attempts of this operation, whoever makes them
	Session    string // name of the session, such as provider-1
	Caller     string // role/NAME, user/NAME, or key/ID for a key that nobody has
	Service    string // iam, s3, secretsmanager or cloudformation
	Operation  string // as in the API: CreateUser
	Target     string // what it is about: user name, bucket/key, secret id, logical id
	At         time.Time

	// Code is the AWS error code of the answer, empty for success, and in parentheses what is no answer at all:
	// (pending), (killed), (canceled), (connection reset), (not simulated).
	Code string

	// Input is the typed input, such as *iam.CreateUserInput: for hooks, which must not change it. Not recorded.
	Input any
}

// String is a line for a log, such as "7 provider-1 s3:PutObject my-bucket/data/ AccessDenied".
func (c Call) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s:%s %s %s", c.N, c.Session, c.Service, c.Operation, c.Target, c.Code))
}

// Name is service and operation, such as "s3:PutObject": not always the name of the IAM action.
func (c Call) Name() string { return c.Service + ":" + c.Operation }

// Calls is the record of every attempt up to now, in the order of arrival, without inputs.
func (a *AWS) Calls() []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

// begin numbers and records an attempt. The caller holds the lock.
func (a *AWS) begin(c Call) Call {
	a.counts[c.Session]++
	a.counts[c.Name()]++
	c.N, c.SessionN, c.OperationN = len(a.calls)+1, a.counts[c.Session], a.counts[c.Name()]
	c.At = time.Now()
	record := c
	record.Input, record.Code = nil, "(pending)"
	a.calls = append(a.calls, record)
	return c
}
