package provision_test

import (
	"flag"
	"maps"
	"slices"
	"strings"

	"bucketuser/lambda/internal/sim"
)

var isAll = flag.Bool("all", false, "every fault in both orders, and every pair of calls: make crash-all")

// dailyFaults are those of make test: the faults that end an event, its right or its time,
// and the lost answer that has the SDK make a call twice. make crash-all adds those that the
// SDK's repetitions absorb, and those that leave what a daily one leaves: to be killed before
// a call is to be killed after the call before it.
var dailyFaults = []string{"killed after", "answer lost", "answers lost", "5xx on", "denied", "denied for good", "deadline after", "all lost from now"}

// firstFaults are those of the first event, for an order of calls that could be made at the
// same time. The other order finds what depends on it, for which two faults are enough.
func firstFaults(order string) []string {
	switch {
	case *isAll: // to be denied once is to be denied until the call is repeated
		return slices.DeleteFunc(slices.Sorted(maps.Keys(sim.Faults)), func(name string) bool { return name == "denied once" })
	case order == "last":
		return []string{"killed after", "answer lost"}
	default:
		return dailyFaults
	}
}

// secondFaults are those of the second event. All four leave every state that the others
// leave, but for their answers.
func secondFaults() []string {
	if *isAll {
		return []string{"killed after", "answers lost", "denied", "deadline after"}
	}
	return []string{"killed after", "denied"}
}

// brokenTwice says from which states on make test breaks the endings, too: every third one. The
// states are in the order of their fingerprints, so those of a story are chosen evenly.
const brokenTwice = 3

// staleOrders are the orders of calls in which the reads of the first event are stale.
func staleOrders() []string {
	if *isAll {
		return []string{"first", "last"}
	}
	return []string{"first"}
}

// laggingFaults are those after which the reads of the second event are stale: what they
// leave is all that a call leaves behind when it is the last one.
func laggingFaults(fault string) bool { return *isAll || fault == "killed after" }

// scenario is one run: a story whose event meets a fault, and an ending whose first
// event meets another. Its String reproduces it.
type scenario struct {
	story  string
	order  string // of calls that could be made at the same time: first, last
	first  sim.Hit
	ending string // "" stops after the first event
	second sim.Hit
	lag    string // the stale reads in words, for who reads a violation: not part of its String
}

// isStale reports whether a read is stale in it.
func (s scenario) isStale() bool { return s.first.Behind > 0 || s.second.Behind > 0 }

func (s scenario) String() string {
	text := s.story + "/" + s.order + "/" + s.first.String()
	if s.ending != "" {
		text += "/" + s.ending
	}
	if s.second.At > 0 {
		text += "/" + s.second.String()
	}
	return text
}

func parseScenario(text string) scenario {
	parts := append(strings.Split(text, "/"), "", "", "", "")
	return scenario{story: parts[0], order: parts[1], first: sim.ParseHit(parts[2]), ending: parts[3], second: sim.ParseHit(parts[4])}
}
