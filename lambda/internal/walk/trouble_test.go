package walk_test

import (
	"slices"
	"strings"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// trouble is what goes wrong in one step.
type trouble struct {
	seed   uint64        // of the order of calls
	slow   time.Duration // that each call takes
	hits   []sim.Hit     // each counts the calls since the one before it, and hits the next call that it can
	happen []happening
	asked  bool // the question to CloudFormation gets its answer in the end, or N3 may come about
}

// happening is something else that happens at a call of the step, counted from 1.
type happening struct {
	at int
	do func()
}

// drawn are the faults of walks: those of one call.
var drawn = []string{"killed", "killed after", "answer lost", "throttled", "5xx", "denied once", "deadline", "deadline after"}

// mayHit reports whether the fault that is due can be that of a call. What else becomes
// of an answer is cfnfake's to say.
func (t trouble) mayHit(c awsfake.Call) bool {
	return c.Service != answering || strings.HasPrefix(t.hits[0].Fault, "killed")
}

// isSpared reports whether a call is the question to CloudFormation and would not get
// its answer.
func (t trouble) isSpared(c awsfake.Call) bool {
	return t.asked && c.Service == "cloudformation" && slices.Contains([]string{"denied once", "deadline", "deadline after"}, t.hits[0].Fault)
}
