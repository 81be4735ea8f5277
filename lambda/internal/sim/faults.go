package sim

import (
	"fmt"
	"strconv"
	"strings"

	"bucketuser/lambda/internal/awsfake"
)

// A Fault is what can become of a call.
type Fault struct {
	awsfake.Decision
	Lasting bool // it happens to the same call again until the event is over
	Stays   bool // it does so in the events after it, too, until somebody grants the missing right
}

// Faults are all of them, by name.
var Faults = map[string]Fault{
	"killed":            {Decision: awsfake.Refuse(awsfake.Killed)},
	"killed after":      {Decision: awsfake.Lose(awsfake.Killed)},
	"answer lost":       {Decision: awsfake.Lose(awsfake.ConnectionReset)},
	"answers lost":      {Decision: awsfake.Lose(awsfake.ConnectionReset), Lasting: true},
	"throttled":         {Decision: awsfake.Refuse(awsfake.Throttled)},
	"throttled on":      {Decision: awsfake.Refuse(awsfake.Throttled), Lasting: true},
	"5xx":               {Decision: awsfake.Refuse(awsfake.Unavailable)},
	"5xx after":         {Decision: awsfake.Lose(awsfake.Unavailable)},
	"5xx on":            {Decision: awsfake.Refuse(awsfake.Unavailable), Lasting: true},
	"denied once":       {Decision: awsfake.Refuse(awsfake.AccessDenied)},
	"denied":            {Decision: awsfake.Refuse(awsfake.AccessDenied), Lasting: true},
	"denied for good":   {Decision: awsfake.Refuse(awsfake.AccessDenied), Lasting: true, Stays: true},
	"deadline":          {Decision: awsfake.Refuse(awsfake.Hang)},
	"deadline after":    {Decision: awsfake.Lose(awsfake.Hang)},
	"all lost from now": {Decision: awsfake.Lose(awsfake.Hang), Lasting: true},
}

// A Hit is a fault at a call, counted from 1, or a stale read. The zero value is none.
type Hit struct {
	At     int
	Fault  string // Stale, or one of Faults
	Behind int    // of a stale read: the write before which the call is answered, 1 is the latest of [World.Writes]
}

// Stale is the fault of a call that is answered as of before an earlier write, once.
const Stale = "stale"

// StaleRead is a Hit of that fault.
func StaleRead(at, behind int) Hit { return Hit{at, Stale, behind} }

// IsKnown reports whether there is such a fault.
func (h Hit) IsKnown() bool {
	_, ok := Faults[h.Fault]
	return ok && h.Behind == 0 || h.Fault == Stale && h.Behind > 0
}

// String is how a violation prints it, such as "12=killed after", "7=stale 2" or "none".
func (h Hit) String() string {
	switch {
	case h.At == 0:
		return "none"
	case h.Behind > 0:
		return fmt.Sprintf("%d=%s %d", h.At, h.Fault, h.Behind)
	}
	return fmt.Sprintf("%d=%s", h.At, h.Fault)
}

// ParseHit reads what String prints. What cannot be read is at call 0, which is none.
func ParseHit(text string) (h Hit) {
	at, fault, _ := strings.Cut(text, "=")
	if h.At, _ = strconv.Atoi(at); h.At == 0 {
		return Hit{}
	}
	h.Fault = fault
	if behind, ok := strings.CutPrefix(fault, Stale+" "); ok {
		h.Fault = Stale
		h.Behind, _ = strconv.Atoi(behind)
	}
	return h
}
