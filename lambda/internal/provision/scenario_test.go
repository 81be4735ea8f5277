package provision_test

import (
	"maps"
	"slices"
	"strings"

	"bucketuser/lambda/internal/sim"
)

// firstFaults are those of the first event. To be denied once is to be denied until the
// call is repeated.
func firstFaults() []string {
	all := slices.Sorted(maps.Keys(sim.Faults))
	return slices.DeleteFunc(all, func(name string) bool { return name == "denied once" })
}

// secondFaults leave every state that the others leave, but for their answers. To be
// killed before a call is to be killed after the call before it.
var secondFaults = []string{"killed after", "answers lost", "denied", "deadline after"}

// scenario is one run: a story whose event meets a fault, and an ending whose first
// event meets another. Its String reproduces it.
type scenario struct {
	story  string
	order  string // of calls that could be made at the same time: first, last
	first  sim.Hit
	ending string // "" stops after the first event
	second sim.Hit
}

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
	return scenario{parts[0], parts[1], sim.ParseHit(parts[2]), parts[3], sim.ParseHit(parts[4])}
}
