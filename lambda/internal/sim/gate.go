package sim

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// A Gate lets the calls of all processes happen one at a time. Steps of one event run
// beside each other, as do deliveries, so without it the n-th call of two runs would be
// different ones. Make it with [NewGate], inside the bubble.
type Gate struct {
	// Slow is how long each call takes.
	Slow time.Duration

	mu      sync.Mutex
	held    []*held
	arrived chan struct{} // has room for one
	went    []Step
	numbers map[string]int // of the last call that went, by process
}

// A Step is a call that the gate has let go.
type Step struct {
	awsfake.Call
	Number int // among the calls of its process, in the order in which they went
	awsfake.Decision
}

// Went are the calls that were let go, in that order.
func (g *Gate) Went() []Step {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.went)
}

// note keeps what became of a call.
func (g *Gate) note(c awsfake.Call, d awsfake.Decision) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.numbers[c.Session]++
	g.went = append(g.went, Step{c, g.numbers[c.Session], d})
}

// held is a call that waits.
type held struct {
	call awsfake.Call
	goes chan awsfake.Decision
}

// A Decider says what becomes of the call that was chosen.
type Decider func(awsfake.Call) awsfake.Decision

// NewGate is a gate that holds nothing yet.
func NewGate() *Gate { return &Gate{arrived: make(chan struct{}, 1), numbers: map[string]int{}} }

// Hold is a hook: the call waits until the gate lets it go.
func (g *Gate) Hold(_ context.Context, c awsfake.Call) awsfake.Decision {
	one := &held{call: c, goes: make(chan awsfake.Decision, 1)}
	g.mu.Lock()
	g.held = append(g.held, one)
	g.mu.Unlock()
	g.wake()
	return <-one.goes
}

// wake makes the gate look again.
func (g *Gate) wake() {
	select {
	case g.arrived <- struct{}{}:
	default: // it will anyway
	}
}

// run carries out deliveries beside each other to their end. Whenever none of them can
// go on by itself, choose names one of the calls that are held, and decide says what
// becomes of it.
func (g *Gate) run(choose Chooser, decide Decider, deliveries ...func()) {
	var running sync.WaitGroup
	for _, deliver := range deliveries {
		running.Go(func() {
			deliver()
			g.wake()
		})
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		case <-g.arrived:
		}
		for g.letGo(choose, decide) {
		}
	}
}

// letGo lets one call go. It returns false if none may.
func (g *Gate) letGo(choose Chooser, decide Decider) bool {
	if synctest.Wait(); g.isEmpty() {
		return false
	}
	if g.Slow > 0 {
		time.Sleep(g.Slow)
		synctest.Wait()
	}
	i := choose(g.calls())
	if i == None {
		return false
	}
	one := g.take(i)
	d := decide(one.call)
	g.note(one.call, d)
	one.goes <- d
	return true
}

func (g *Gate) isEmpty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.held) == 0
}

// calls are those that are held, in an order that does not depend on Go's scheduler.
func (g *Gate) calls() []awsfake.Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.SortFunc(g.held, func(a, b *held) int {
		return cmp.Or(cmp.Compare(a.call.Session, b.call.Session), cmp.Compare(a.call.Name(), b.call.Name()),
			cmp.Compare(a.call.Target, b.call.Target), cmp.Compare(a.call.Caller, b.call.Caller), cmp.Compare(a.call.N, b.call.N))
	})
	calls := make([]awsfake.Call, len(g.held))
	for i, one := range g.held {
		calls[i] = one.call
	}
	return calls
}

// take removes the i-th call. Those that have come since it was chosen are behind it.
func (g *Gate) take(i int) *held {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.held[i]
	g.held = slices.Delete(g.held, i, i+1)
	return one
}
