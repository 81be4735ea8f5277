package provision_test

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// injection breaks a delivery.
type injection struct {
	sim.Hit
	order   string
	denied  awsfake.Call // refused for good, if set
	listens bool         // to what each call could lag behind
}

// played is what became of a delivery.
type played struct {
	answer  answer
	err     error // no answer
	calls   int
	reached bool
	call    awsfake.Call // that met the fault
	lag     string       // if that was a stale read: of what, and as of before which write
	behind  []int        // of each call, if the injection listens: how many writes it could lag behind
	unsafe  string
}

var errDead = errors.New("the process is dead")

// play delivers an event to a new process, under a fault if one is given.
func (w *bench) play(e event, fault *injection) (r played) {
	<-time.After(e.after)
	session, deliver := w.delivery(e, &r)
	if fault == nil {
		count := len(w.AWS.Calls())
		deliver()
		r.calls = len(w.AWS.Calls()) - count
		return r
	}
	start := w.AWS.Snapshot()
	sound, isSpoken := unsafe(start) == "", unspoken(start, e.endsPrevious()) == "" // else somebody tampered with it
	written := false                                                                // since the last look
	isRemoval := e.kind == "Delete" || w.isBack(e)
	check := func() {
		// A removal that cannot look at all of a set, or remove it, ends the access all the same.
		isRevoked := isRemoval && (r.reached || fault.denied.Operation != "")
		if sound && written && r.unsafe == "" && !isRevoked {
			r.unsafe = unsafe(w.AWS.Snapshot())
			if r.unsafe == "" && isSpoken {
				r.unsafe = unspoken(w.AWS.Snapshot(), e.endsPrevious())
			}
		}
		written = false
	}
	choose := sim.First
	if fault.order == "last" {
		choose = sim.Last
	}
	w.Run(func(held []awsfake.Call) int { check(); return choose(held) }, func(c awsfake.Call) awsfake.Decision {
		r.calls++
		written = isWrite(c)
		return fault.decide(w, &r, c)
	}, deliver)
	check()
	if session.Killed() {
		r.err = errDead
	}
	return r
}

// delivery is a new process, and what it does with an event.
func (w *bench) delivery(e event, r *played) (*awsfake.Session, func()) {
	if e.kind == kindRotation {
		session := w.AWS.Session("rotation")
		return session, func() { r.answer = w.carryOut(session, e) }
	}
	id := ""
	if e.kind != "Create" {
		id = w.idOf(e.id)
	}
	session, url := w.AWS.Session("provider"), w.begin(e.kind, id, e.p, e.old)
	return session, func() { r.answer, r.err = w.invoke(session, url, e.kind, id, e.p, e.old) }
}

// isWayBack reports whether an Update goes to another set than it says it comes from.
func (w *bench) isWayBack(e event) bool {
	return e.kind == "Update" && e.old != nil && w.idOf(e.old) != w.idOf(e.p)
}

// isBack reports whether an Update goes back from another set, which it removes.
func (w *bench) isBack(e event) bool {
	return e.kind == "Update" && e.old != nil && w.idOf(e.p) == w.idOf(e.id) && w.idOf(e.old) != w.idOf(e.p)
}

// isWrite reports whether a call changes anything.
func isWrite(c awsfake.Call) bool {
	for _, verb := range []string{"Get", "List", "Head", "Describe"} {
		if strings.HasPrefix(c.Operation, verb) {
			return false
		}
	}
	return true
}

// decide says what becomes of a call.
func (f *injection) decide(w *bench, r *played, c awsfake.Call) (d awsfake.Decision) {
	if f.listens {
		r.behind = append(r.behind, len(w.Writes(c)))
	}
	switch fault := sim.Faults[f.Fault]; {
	case f.denied.Operation != "" && same(c, f.denied):
		return awsfake.Refuse(awsfake.AccessDenied)
	case f.At == r.calls:
		d, r.reached = w.Decide(f.Hit, c)
		r.call = c
		if d.AsOf > 0 {
			r.lag = c.Name() + " as of before " + cmp.Or(w.AWS.Write(d.AsOf).Name, "the last status") + ": "
		}
	case r.reached && fault.Lasting && same(c, r.call):
		return fault.Decision
	}
	return d
}

// same reports whether two calls ask for the same on the same by the same.
func same(a, b awsfake.Call) bool {
	kind, _, _ := strings.Cut(a.Caller, "/")
	kindOfB, _, _ := strings.Cut(b.Caller, "/")
	return a.Name() == b.Name() && a.Target == b.Target && kind == kindOfB
}

// history delivers events that go well.
func (w *bench) history(events ...event) {
	w.t.Helper()
	for _, e := range events {
		if r := w.play(e, nil); r.err != nil || r.answer.Status != "SUCCESS" {
			w.t.Fatalf("%s: %+v %v", e.kind, r.answer, r.err)
		}
	}
}

// killedAfter delivers an event to a process that dies after an operation.
func (w *bench) killedAfter(operation string, e event) {
	w.t.Helper()
	id := w.idOf(e.id)
	session, url := w.AWS.Session("provider"), w.begin(e.kind, id, e.p, e.old)
	w.Run(sim.First, func(c awsfake.Call) awsfake.Decision {
		if c.Operation == operation {
			return awsfake.Lose(awsfake.Killed)
		}
		return awsfake.Decision{}
	}, func() { _, _ = w.invoke(session, url, e.kind, id, e.p, e.old) })
	time.Sleep(time.Minute) // for which Lambda waits at least before it delivers the event again
	if !session.Killed() {
		w.t.Fatalf("%s is not called", operation)
	}
}
