package walk_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"

	"bucketuser/lambda/internal/awsfake"
)

// turns lets the calls of all processes happen one at a time, in an order that a seed
// decides: steps of one event run beside each other, as do duplicates, and without it
// a failure could not be shown again. It also carries out the faults of a step.
type turns struct {
	aws     *awsfake.AWS
	mu      sync.Mutex
	waiting []*turn
	arrived chan struct{}

	random *rand.Rand
	faults faults
	count  int // calls in this step
	since  int // calls since the last fault
	total  int // calls in all steps
	felt   int // faults that took place, in all steps

	order []string // the calls of this step as they went
}

type turn struct {
	call awsfake.Call
	goes chan awsfake.Decision
}

// faults are what goes wrong in one step. Calls are counted from 1, and 0 is never.
type faults struct {
	seed   uint64 // of the order of calls
	at     []fault
	giveUp int // at this call another resource fails, see cfnfake.How
	write  int // at this call somebody writes to a bucket

	given func() // called for giveUp
	wrote func() // called for write
}

// fault is what becomes of the n-th call after the fault before it.
type fault struct {
	n    int
	kind string
}

func (f fault) String() string { return fmt.Sprintf("%s at call %d", f.kind, f.n) }

var kinds = map[string]awsfake.Decision{
	"killed before": awsfake.Refuse(awsfake.Killed),
	"killed after":  awsfake.Lose(awsfake.Killed),
	"answer lost":   awsfake.Lose(awsfake.ConnectionReset),
	"throttled":     awsfake.Refuse(awsfake.Throttled),
	"unavailable":   awsfake.Refuse(awsfake.Unavailable),
	"denied":        awsfake.Refuse(awsfake.AccessDenied),
}

func newTurns(a *awsfake.AWS) *turns { return &turns{aws: a, arrived: make(chan struct{}, 1)} }

// during runs a step under faults to its end.
func (t *turns) during(f faults, step func()) {
	t.faults, t.count, t.since, t.order = f, 0, 0, nil
	t.random = rand.New(rand.NewPCG(f.seed, 0))
	t.aws.Before = t.wait
	defer func() { t.aws.Before = nil }()
	done := make(chan struct{})
	go func() { step(); close(done) }()
	for {
		select {
		case <-done:
			return
		case <-t.arrived:
		}
		for t.letGo() {
		}
	}
}

func (t *turns) wait(_ context.Context, c awsfake.Call) awsfake.Decision {
	one := &turn{call: c, goes: make(chan awsfake.Decision, 1)}
	t.mu.Lock()
	t.waiting = append(t.waiting, one)
	t.mu.Unlock()
	select {
	case t.arrived <- struct{}{}:
	default: // known already
	}
	return <-one.goes
}

// letGo lets one of the calls go that wait when nothing else can happen without them.
func (t *turns) letGo() bool {
	synctest.Wait()
	t.mu.Lock()
	if len(t.waiting) == 0 {
		t.mu.Unlock()
		return false
	}
	slices.SortFunc(t.waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(a.call.Session, b.call.Session), cmp.Compare(a.call.Name(), b.call.Name()),
			cmp.Compare(a.call.Target, b.call.Target), cmp.Compare(a.call.Caller, b.call.Caller), cmp.Compare(a.call.N, b.call.N))
	})
	i := t.random.IntN(len(t.waiting))
	one := t.waiting[i]
	t.waiting = slices.Delete(t.waiting, i, i+1)
	t.mu.Unlock()
	t.order = append(t.order, one.call.Session+" "+one.call.Name()+" "+one.call.Target)
	one.goes <- t.decide()
	return true
}

func (t *turns) decide() awsfake.Decision {
	t.count++
	t.since++
	t.total++
	if t.count == t.faults.giveUp {
		t.felt++
		t.faults.given()
	}
	if t.count == t.faults.write {
		t.felt++
		t.faults.wrote()
	}
	if len(t.faults.at) == 0 || t.since != t.faults.at[0].n {
		return awsfake.Decision{}
	}
	kind := t.faults.at[0].kind
	t.faults.at, t.since = t.faults.at[1:], 0
	t.felt++
	return kinds[kind]
}
