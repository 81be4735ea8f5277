package provision_test

import (
	"fmt"
	"strconv"
	"strings"

	"bucketuser/lambda/internal/awsfake"
)

// faults are what can happen to a call. A lasting one happens to the same call again
// until the event is over; one that stays does so in the events after it, too, until
// somebody grants the missing right.
var faults = map[string]struct {
	decision       awsfake.Decision
	lasting, stays bool
}{
	"killed":            {decision: awsfake.Refuse(awsfake.Killed)},
	"killed after":      {decision: awsfake.Lose(awsfake.Killed)},
	"answer lost":       {decision: awsfake.Lose(awsfake.ConnectionReset)},
	"answers lost":      {decision: awsfake.Lose(awsfake.ConnectionReset), lasting: true},
	"throttled":         {decision: awsfake.Refuse(awsfake.Throttled)},
	"throttled on":      {decision: awsfake.Refuse(awsfake.Throttled), lasting: true},
	"5xx":               {decision: awsfake.Refuse(awsfake.Unavailable)},
	"5xx after":         {decision: awsfake.Lose(awsfake.Unavailable)},
	"5xx on":            {decision: awsfake.Refuse(awsfake.Unavailable), lasting: true},
	"denied":            {decision: awsfake.Refuse(awsfake.AccessDenied), lasting: true},
	"denied for good":   {decision: awsfake.Refuse(awsfake.AccessDenied), lasting: true, stays: true},
	"deadline":          {decision: awsfake.Refuse(awsfake.Hang)},
	"deadline after":    {decision: awsfake.Lose(awsfake.Hang)},
	"all lost from now": {decision: awsfake.Lose(awsfake.Hang), lasting: true},
}

// secondFaults leave every state that the others leave, but for their answers. To be
// killed before a call is to be killed after the call before it.
var secondFaults = []string{"killed after", "answers lost", "denied", "deadline after"}

// crash is a fault at the n-th call of a delivery.
type crash struct {
	at    int
	fault string
}

func (c crash) String() string { return fmt.Sprintf("%d=%s", c.at, c.fault) }

// scenario is one run: a story whose event meets a fault, and an ending whose first
// event meets another. Its String reproduces it.
type scenario struct {
	story  string
	order  string // of calls that could be made at the same time: first, last
	first  crash
	ending string // "" stops after the first event
	second crash  // at 0: none
}

func (s scenario) String() string {
	text := s.story + "/" + s.order + "/" + s.first.String()
	if s.ending != "" {
		text += "/" + s.ending
	}
	if s.second.at > 0 {
		text += "/" + s.second.String()
	}
	return text
}

func parseScenario(text string) scenario {
	parts := append(strings.Split(text, "/"), "", "", "", "")
	parseCrash := func(text string) (c crash) {
		at, fault, _ := strings.Cut(text, "=")
		c.at, _ = strconv.Atoi(at)
		c.fault = fault
		return c
	}
	return scenario{parts[0], parts[1], parseCrash(parts[2]), parts[3], parseCrash(parts[4])}
}
