package walk_test

import (
	"fmt"
	"slices"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// trouble is what goes wrong in one step.
type trouble struct {
	seed   uint64        // of the order of calls
	slow   time.Duration // that each call takes
	at     []fault
	happen []happening
	// asked is that the question to CloudFormation gets its answer in the end. A
	// Create that comes after its Delete makes a whole set otherwise, as doc.go says.
	asked bool
}

// fault is what becomes of the n-th call after the fault before it, or of the next one
// that it can hit.
type fault struct {
	n    int
	kind string
}

func (f fault) String() string { return fmt.Sprintf("%s at call %d", f.kind, f.n) }

// happening is something else that happens at a call of the step, counted from 1.
type happening struct {
	at int
	do func()
}

var kinds = map[string]awsfake.Decision{
	"killed before": awsfake.Refuse(awsfake.Killed),
	"killed after":  awsfake.Lose(awsfake.Killed),
	"answer lost":   awsfake.Lose(awsfake.ConnectionReset),
	"throttled":     awsfake.Refuse(awsfake.Throttled),
	"unavailable":   awsfake.Refuse(awsfake.Unavailable),
	"denied":        awsfake.Refuse(awsfake.AccessDenied),
	"hangs before":  awsfake.Refuse(awsfake.Hang),
	"hangs after":   awsfake.Lose(awsfake.Hang),
}

var kindNames = []string{"killed before", "killed after", "answer lost", "throttled", "unavailable", "denied", "hangs before", "hangs after"}

// mayHit reports whether the fault that is due can be that of a call. What else becomes
// of an answer is cfnfake's to say.
func (t trouble) mayHit(c awsfake.Call) bool {
	kind := t.at[0].kind
	switch c.Service {
	case answering:
		return kind == "killed before" || kind == "killed after"
	case "cloudformation":
		return !t.asked || !slices.Contains([]string{"denied", "hangs before", "hangs after"}, kind)
	default:
		return true
	}
}
