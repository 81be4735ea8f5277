package walk_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// turns lets the calls of all processes happen one at a time, in an order that a seed
// decides: steps of one event run beside each other, as do duplicates, and without it
// a failure could not be shown again. An attempt to answer is such a call too. It also
// carries out the faults of a step.
type turns struct {
	aws     *awsfake.AWS
	reseed  func() // makes the randomness of the SDK's backoff start again
	mu      sync.Mutex
	waiting []*turn
	arrived chan struct{}

	random *rand.Rand
	faults faults
	count  int // calls in this step
	since  int // calls since the last fault
	total  int // calls in all steps
	felt   int // faults that took place, in all steps

	order []string  // the calls of this step as they went
	all   io.Writer // receives the calls of all steps
}

type turn struct {
	call awsfake.Call
	goes chan awsfake.Decision
}

// answering is the service of an attempt to answer.
const answering = "answer"

func newTurns(a *awsfake.AWS, reseed func()) *turns {
	return &turns{aws: a, reseed: reseed, arrived: make(chan struct{}, 1), all: io.Discard}
}

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
	if t.isQuiet() {
		return false
	}
	if t.faults.slow > 0 {
		time.Sleep(t.faults.slow)
		synctest.Wait()
	}
	t.mu.Lock()
	slices.SortFunc(t.waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(a.call.Session, b.call.Session), cmp.Compare(a.call.Name(), b.call.Name()),
			cmp.Compare(a.call.Target, b.call.Target), cmp.Compare(a.call.Caller, b.call.Caller), cmp.Compare(a.call.N, b.call.N))
	})
	i := t.random.IntN(len(t.waiting))
	one := t.waiting[i]
	t.waiting = slices.Delete(t.waiting, i, i+1)
	t.mu.Unlock()
	d, what := t.decide(one.call)
	line := strings.TrimSpace(one.call.Session + " " + one.call.Name() + " " + one.call.Target + " " + what)
	t.order = append(t.order, line)
	fmt.Fprintln(t.all, line)
	if what != "" {
		t.reseed()
	}
	one.goes <- d
	return true
}

// isQuiet reports whether no call waits, once everything else has happened.
func (t *turns) isQuiet() bool {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting) == 0
}

// decide counts a call, has happen what is to happen at it, and says what becomes of
// it, also in words.
func (t *turns) decide(c awsfake.Call) (d awsfake.Decision, what string) {
	t.count++
	t.since++
	t.total++
	for _, h := range t.faults.happen {
		if h.at == t.count {
			t.felt++
			h.do()
			synctest.Wait() // one after the other
		}
	}
	if len(t.faults.at) == 0 || t.since < t.faults.at[0].n || !t.faults.mayHit(c) {
		return awsfake.Decision{}, ""
	}
	kind := t.faults.at[0].kind
	t.faults.at, t.since = t.faults.at[1:], 0
	t.felt++
	return kinds[kind], "(" + kind + ")"
}
