package provision_test

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing/synctest"

	"bucketuser/lambda/internal/awsfake"
)

// A director lets deliveries make their calls one at a time, in an order that the
// test decides. Steps of an event run beside each other, so without it the n-th call
// of two runs would be different ones.
type director struct {
	mu      sync.Mutex
	waiting []*waiting
	arrived chan struct{}
}

type waiting struct {
	call awsfake.Call
	goes chan awsfake.Decision
}

// hold names no call: those that wait go on waiting until another arrives or a
// delivery ends.
const hold = -1

// direct runs the deliveries beside each other to their end. Whenever none of them
// can go on by itself, next chooses among the calls that wait, which are sorted, and
// says what becomes of the chosen one.
func (w *world) direct(next func(calls []awsfake.Call) (int, awsfake.Decision), deliveries ...func()) {
	d := &director{arrived: make(chan struct{}, 1)}
	w.aws.Before = d.wait
	defer func() { w.aws.Before = nil }()
	var running sync.WaitGroup
	for _, deliver := range deliveries {
		running.Go(func() {
			deliver()
			d.wake()
		})
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return
		case <-d.arrived:
		}
		for d.goOn(next) {
		}
	}
}

// wait is the hook: it stops the call until the director lets it go.
func (d *director) wait(_ context.Context, c awsfake.Call) awsfake.Decision {
	one := &waiting{call: c, goes: make(chan awsfake.Decision, 1)}
	d.mu.Lock()
	d.waiting = append(d.waiting, one)
	d.mu.Unlock()
	d.wake()
	return <-one.goes
}

// wake makes the director look again.
func (d *director) wake() {
	select {
	case d.arrived <- struct{}{}:
	default: // it will anyway
	}
}

// goOn lets one call go. It returns false if none may.
func (d *director) goOn(next func([]awsfake.Call) (int, awsfake.Decision)) bool {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.waiting) == 0 {
		return false
	}
	slices.SortFunc(d.waiting, func(a, b *waiting) int {
		return cmp.Or(cmp.Compare(a.call.Session, b.call.Session), cmp.Compare(a.call.Name(), b.call.Name()),
			cmp.Compare(a.call.Target, b.call.Target), cmp.Compare(a.call.N, b.call.N))
	})
	calls := make([]awsfake.Call, len(d.waiting))
	for i, one := range d.waiting {
		calls[i] = one.call
	}
	i, decision := next(calls)
	if i == hold {
		return false
	}
	d.waiting[i].goes <- decision
	d.waiting = slices.Delete(d.waiting, i, i+1)
	return true
}
