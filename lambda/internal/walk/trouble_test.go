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
	// asked is that the question to CloudFormation gets its answer in the end. A
	// Create that comes after its Delete makes a whole set otherwise, as doc.go says.
	asked bool
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
	fault := t.hits[0].Fault
	switch c.Service {
	case answering:
		return strings.HasPrefix(fault, "killed")
	case "cloudformation":
		return !t.asked || !slices.Contains([]string{"denied once", "deadline", "deadline after"}, fault)
	default:
		return true
	}
}
