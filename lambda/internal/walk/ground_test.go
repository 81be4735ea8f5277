// Package walk_test lets CloudFormation do whatever it may do to the function, in
// random order, with crashes at random calls, and compares the account with a model
// after every step. All of it is one process: the function as main wires it, on the
// account of awsfake, driven by cfnfake.
package walk_test

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
)

const region = "eu-west-1"

// ground is the world that a walk goes through, with CloudFormation in it.
type ground struct {
	*sim.World
	cloud  *cfnfake.Cloud
	course *course

	processes atomic.Int64 // that were started
}

func newGround(t rapid.TB, reseed func()) *ground {
	t.Helper()
	w, err := sim.NewWorld(region)
	if err != nil {
		t.Fatal(err)
	}
	w.AWS.SecretDeletion = 3 * time.Second
	g := &ground{World: w, cloud: cfnfake.New(sim.Account, region), course: newCourse(reseed)}
	g.cloud.Pace = 3 * time.Second // N6 is about events of the same two seconds
	g.cloud.Start = g.start
	g.cloud.StackStatus = w.AWS.SetStackStatus
	g.cloud.Status = func(stackID, logicalID, physicalID, status string) {
		w.AWS.SetResourceStatus(stackID, logicalID, status)
		w.AWS.SetPhysicalResourceID(stackID, logicalID, physicalID)
	}
	return g
}

// during runs a step under its troubles to its end.
func (g *ground) during(t trouble, step func()) {
	g.course.begin(t)
	g.Gate.Slow = t.slow
	g.Run(sim.Seeded(t.seed), g.course.decide, step)
}

// leaks looks for everything secret in what became visible since the last time.
func (g *ground) leaks(stacks []*cfnfake.Stack) error {
	var urls []string
	for _, x := range g.cloud.Exchanges() {
		urls = append(urls, x.Event.ResponseURL)
	}
	outputs := map[string]string{}
	for _, stack := range stacks {
		text, err := json.Marshal([]any{stack.PhysicalID, stack.Data, stack.Reason})
		if err != nil {
			return err
		}
		outputs["the outputs of stack "+stack.Name] = string(text)
	}
	return errors.Join(g.Leaks(urls, outputs)...)
}
