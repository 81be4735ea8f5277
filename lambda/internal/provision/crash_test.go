package provision_test

import (
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

var oneScenario = flag.String("scenario", "", "run this one scenario of TestCrash, as a violation prints it")

var every = flag.Int("every", 40, "run every n-th of the scenarios with two faults; with -short, every 10n-th")

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

// secondFaults leave every state that the others leave, but for their answers.
var secondFaults = []string{"killed", "killed after", "answers lost", "denied", "deadline after"}

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

func parseScenario(text string) (s scenario) {
	parts := append(strings.Split(text, "/"), "", "", "", "")
	parseCrash := func(text string) (c crash) {
		at, fault, _ := strings.Cut(text, "=")
		c.at, _ = strconv.Atoi(at)
		c.fault = fault
		return c
	}
	return scenario{parts[0], parts[1], parseCrash(parts[2]), parts[3], parseCrash(parts[4])}
}

// TestCrash breaks every call of every story in every way, goes on as CloudFormation
// may, breaks every call of that too, and compares the account with what it is when
// nothing breaks.
func TestCrash(t *testing.T) {
	if *oneScenario != "" {
		replay(t, parseScenario(*oneScenario))
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // many small worlds: a fifth faster
	var total tally
	start := time.Now()
	t.Run("stories", func(t *testing.T) {
		for _, s := range stories() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				c := &campaign{t: t, story: s, total: &total, known: map[string]bool{}}
				c.run()
			})
		}
	})
	fmt.Printf("crash points: %d scenarios (%d with one fault, %d with two; %d ended in a state already followed to its end), %d violations, %s\n",
		total.one.Load()+total.two.Load(), total.one.Load(), total.two.Load(), total.known.Load(), total.violations.Load(),
		time.Since(start).Round(time.Second))
}

type tally struct{ one, two, known, violations atomic.Int64 }

// campaign is all scenarios of one story.
type campaign struct {
	t     *testing.T
	story story
	total *tally
	want  map[string]outcome // by ending; "" is the end of the event itself
	known map[string]bool    // ending and fingerprint of a state from which the ending came out right
}

// outcome is the account before and after a run without faults.
type outcome struct {
	before, after awsfake.Snapshot
}

func (c *campaign) run() {
	c.learn()
	states := map[string]scenario{} // by fingerprint: a first fault that led there
	for _, order := range []string{"first", "last"} {
		for _, fault := range slices.Sorted(maps.Keys(faults)) {
			if (order == "last" || testing.Short()) && !slices.Contains(secondFaults, fault) {
				continue
			}
			for at := 1; at < maxCalls && !c.t.Failed(); at++ {
				first := scenario{story: c.story.name, order: order, first: crash{at, fault}}
				if testing.Short() && crc32.ChecksumIEEE([]byte(first.String()))%3 != 0 {
					continue
				}
				state, reached := c.first(first)
				if !reached {
					break
				}
				if _, ok := states[state]; !ok {
					states[state] = first
				}
			}
		}
	}
	for _, state := range slices.Sorted(maps.Keys(states)) {
		c.second(states[state])
	}
}

// first runs a first fault with every ending. An ending that came out right from the
// same state before is not run again: behaviour depends on the account alone.
func (c *campaign) first(s scenario) (state string, reached bool) {
	stays := faults[s.first.fault].stays
	if !stays {
		state, _, reached = c.try(s)
		if !reached {
			return "", false
		}
	}
	for _, e := range c.story.endings {
		if c.known[e.name+state] && !stays {
			c.total.one.Add(1)
			c.total.known.Add(1)
			continue
		}
		s.ending = e.name
		if state, _, reached = c.try(s); !reached {
			return "", false
		}
	}
	return state, true
}

// learn finds out what is right.
func (c *campaign) learn() {
	c.want = map[string]outcome{}
	for _, e := range append([]ending{{}}, c.story.endings...) {
		c.inWorld(func(w *world) {
			o, err := c.faultless(w, e)
			if err != nil {
				w.t.Errorf("%s, %s, without faults: %v", c.story.name, e.name, err)
			}
			c.want[e.name] = o
		})
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// maxCalls is more than any event makes, with all its repetitions.
const maxCalls = 120

// second breaks every call of every ending after a first fault. Of these scenarios
// every n-th is run, see flag -every.
func (c *campaign) second(s scenario) {
	for _, e := range c.story.endings {
		for _, fault := range secondFaults {
			for at := 1; at < maxCalls && !e.once && !c.t.Failed(); at++ {
				s.ending, s.second = e.name, crash{at, fault}
				if !sampled(s) {
					continue
				}
				if _, reached, _ := c.try(s); !reached {
					break
				}
			}
		}
	}
}

// sampled picks every n-th scenario by its name, so always the same.
func sampled(s scenario) bool {
	n := uint32(*every)
	if testing.Short() {
		n *= 10
	}
	return crc32.ChecksumIEEE([]byte(s.String()))%n == 0
}

func (c *campaign) inWorld(test func(*world)) {
	synctest.Test(c.t, func(t *testing.T) {
		w := newWorld(t, c.story.region)
		w.aws.UserPropagation, w.aws.KeyPropagation = 500*time.Millisecond, 1500*time.Millisecond
		test(w)
	})
}

// faultless carries out event and ending without any fault. This is what every other
// run is compared with, so it is looked at for itself.
func (c *campaign) faultless(w *world, e ending) (o outcome, err error) {
	c.story.before(w)
	o.before = settled(w.aws)
	for _, event := range append([]event{c.story.event}, e.events...) {
		r := w.play(event, nil)
		if r.err != nil || (r.answer.Status == "FAILED") != event.refused {
			return o, fmt.Errorf("%s: %+v %v", event.kind, r.answer, r.err)
		}
	}
	o.after = settled(w.aws)
	if reason := unsafe(w.aws.Snapshot()); reason != "" {
		return o, errors.New(reason)
	}
	return o, nil
}

// try runs a scenario and reports a violation in one line. It returns the state after
// the first event, whether the second fault was reached, and whether the first was.
func (c *campaign) try(s scenario) (state string, second, first bool) {
	c.inWorld(func(w *world) {
		r := c.play(w, s)
		state, second, first = r.state, r.second, r.first
		if !r.first || s.second.at > 0 && !r.second {
			return
		}
		switch {
		case s.second.at > 0:
			c.total.two.Add(1)
		case s.ending != "":
			c.total.one.Add(1)
		}
		if r.violation != "" {
			c.total.violations.Add(1)
			c.t.Errorf("-scenario '%s': %s", s, r.violation)
		}
	})
	return state, second, first
}

type result struct {
	state         string
	first, second bool // the fault was reached
	violation     string
}

// play is one scenario.
func (c *campaign) play(w *world, s scenario) (r result) {
	c.story.before(w)
	var e ending
	for _, candidate := range c.story.endings {
		if candidate.name == s.ending {
			e = candidate
		}
	}

	broken := w.play(c.story.event, &injection{crash: s.first, order: s.order})
	r.state, r.first = fingerprint(w.aws), broken.reached
	if !r.first {
		return r
	}
	if r.violation = c.judge(w, broken); r.violation != "" || s.ending == "" {
		return r
	}
	if s.second.at > 0 {
		again := w.play(e.events[0], &injection{crash: s.second, order: s.order})
		r.second = again.reached
		if !r.second {
			return r
		}
		if again.unsafe != "" {
			r.violation = again.unsafe
			return r
		}
	}
	// Where a missing right stays missing, CloudFormation goes on with what it has,
	// and once more when somebody has granted the right.
	stays := faults[s.first.fault].stays
	if stays && s.second.at == 0 {
		if r.violation = c.denied(w, e, broken.call); r.violation != "" {
			return r
		}
	}
	key := s.ending + fingerprint(w.aws)
	if c.known[key] && *oneScenario == "" {
		c.total.known.Add(1)
		return r
	}
	r.violation = c.finish(w, e)
	c.known[key] = r.violation == ""
	return r
}

// denied plays the ending without the right. If it says that all went well then it
// must be so.
func (c *campaign) denied(w *world, e ending, missing awsfake.Call) string {
	for i, event := range e.events {
		deny := &injection{order: "first", denied: missing}
		r := w.play(event, deny)
		if r.err != nil {
			return fmt.Sprintf("%s without the right: %v", event.kind, r.err)
		}
		if r.unsafe != "" {
			return r.unsafe
		}
		if (r.answer.Status == "FAILED") != event.refused || event.refused {
			return ""
		}
		if i == len(e.events)-1 {
			if diff := difference(c.want[e.name].after, settled(w.aws)); diff != "" {
				return fmt.Sprintf("%s without the right answers SUCCESS: %s", event.kind, diff)
			}
		}
	}
	return ""
}

// finish plays the ending without faults.
func (c *campaign) finish(w *world, e ending) string {
	for _, event := range e.events {
		r := w.play(event, nil)
		switch {
		case r.err != nil:
			return fmt.Sprintf("%s: %v", event.kind, r.err)
		case event.kind == "Create" && strings.Contains(r.answer.Reason, "has failed and undoes it"):
			// It was cut off in its undoing, which this delivery has completed.
			return difference(c.want[""].before, settled(w.aws))
		case (r.answer.Status == "FAILED") != event.refused:
			return fmt.Sprintf("%s answers %s: %s", event.kind, r.answer.Status, r.answer.Reason)
		case r.unsafe != "":
			return r.unsafe
		}
	}
	if diff := difference(c.want[e.name].after, settled(w.aws)); diff != "" {
		return "in the end: " + diff
	}
	return w.leaked()
}

// judge says what is wrong after the event that met a fault: what CloudFormation was
// told must be true.
func (c *campaign) judge(w *world, r played) string {
	event, now := c.story.event, settled(w.aws)
	switch {
	case r.unsafe != "":
		return r.unsafe
	case errors.Is(r.err, errDead):
		return ""
	case r.err != nil:
		return r.err.Error()
	case r.answer.Status == "SUCCESS" && !event.refused:
		if diff := difference(c.want[""].after, now); diff != "" {
			return "SUCCESS, but " + diff
		}
	case r.answer.Status == "SUCCESS":
		return "SUCCESS for what must be refused"
	case event.refused:
		if diff := difference(c.want[""].after, now); diff != "" {
			return "refused, but " + diff
		}
	case event.kind == "Create" && !strings.Contains(r.answer.Reason, "undo: "):
		// Either everything was undone or the credentials are committed.
		if diff := difference(c.want[""].before, now); diff != "" && !committed(w.aws, event) {
			return "FAILED and undone, but " + diff + ": " + r.answer.Reason
		}
	}
	if id := r.answer.PhysicalResourceId; r.answer.Status == "FAILED" && event.kind != "Create" && id != w.idOf(event.id) {
		return "FAILED under another id: " + id
	}
	return w.leaked()
}

// committed reports whether the secret of a Create holds a value.
func committed(a *awsfake.AWS, e event) bool {
	for _, secret := range a.Snapshot().Secrets {
		for _, version := range secret.Versions {
			if slices.Contains(version.Stages, "AWSCURRENT") && strings.Contains(version.Value, "AWS_ACCESS_KEY_ID") {
				return version.ID != secret.Tags["bucketuser:before"]
			}
		}
	}
	return false
}

// injection breaks a delivery.
type injection struct {
	crash
	order  string
	denied awsfake.Call // refused for good, if set
}

// played is what became of a delivery.
type played struct {
	answer  answer
	err     error // no answer
	calls   int
	reached bool
	call    awsfake.Call // that met the fault
	unsafe  string
}

var errDead = errors.New("the process is dead")

// play delivers an event to a new process, under a fault if one is given.
func (w *world) play(e event, fault *injection) (r played) {
	id := ""
	if e.kind != "Create" {
		id = w.idOf(e.id)
	}
	w.aws.SetResourceStatus(w.stackID, logicalID, strings.ToUpper(e.kind)+"_IN_PROGRESS")
	session := w.aws.Session("provider")
	deliver := func() { r.answer, r.err = w.invoke(session, e.kind, id, e.p, e.old) }
	if fault == nil {
		count := len(w.aws.Calls())
		deliver()
		r.calls = len(w.aws.Calls()) - count
		return r
	}
	sound := unsafe(w.aws.Snapshot()) == "" // else somebody tampered with it
	written := false                        // since the last look
	check := func() {
		if sound && written && r.unsafe == "" {
			r.unsafe = unsafe(w.aws.Snapshot())
		}
		written = false
	}
	w.direct(func(calls []awsfake.Call) (int, awsfake.Decision) {
		check()
		i := 0
		if fault.order == "last" {
			i = len(calls) - 1
		}
		r.calls++
		written = isWrite(calls[i])
		return i, fault.decide(&r, calls[i])
	}, deliver)
	check()
	if session.Killed() {
		r.err = errDead
	}
	return r
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
func (f *injection) decide(r *played, c awsfake.Call) awsfake.Decision {
	kind := faults[f.fault]
	switch {
	case f.denied.Operation != "" && same(c, f.denied):
		return awsfake.Refuse(awsfake.AccessDenied)
	case f.at == r.calls:
		r.reached, r.call = true, c
		return kind.decision
	case r.reached && kind.lasting && same(c, r.call):
		return kind.decision
	}
	return awsfake.Decision{}
}

// same reports whether two calls ask for the same on the same by the same.
func same(a, b awsfake.Call) bool {
	kind, _, _ := strings.Cut(a.Caller, "/")
	kindOfB, _, _ := strings.Cut(b.Caller, "/")
	return a.Name() == b.Name() && a.Target == b.Target && kind == kindOfB
}

// history delivers events that go well.
func (w *world) history(events ...event) {
	w.t.Helper()
	for _, e := range events {
		if r := w.play(e, nil); r.err != nil || r.answer.Status != "SUCCESS" {
			w.t.Fatalf("%s: %+v %v", e.kind, r.answer, r.err)
		}
	}
}

// killedAfter delivers an event to a process that dies after an operation.
func (w *world) killedAfter(operation string, e event) {
	w.t.Helper()
	id := w.idOf(e.id)
	w.aws.SetResourceStatus(w.stackID, logicalID, strings.ToUpper(e.kind)+"_IN_PROGRESS")
	session := w.aws.Session("provider")
	w.direct(func(calls []awsfake.Call) (int, awsfake.Decision) {
		if calls[0].Operation == operation {
			return 0, awsfake.Lose(awsfake.Killed)
		}
		return 0, awsfake.Decision{}
	}, func() { _, _ = w.invoke(session, e.kind, id, e.p, e.old) })
	if !session.Killed() {
		w.t.Fatalf("%s is not called", operation)
	}
}

// replay runs one scenario and shows its calls.
func replay(t *testing.T, s scenario) {
	for _, candidate := range stories() {
		if candidate.name != s.story {
			continue
		}
		c := &campaign{t: t, story: candidate, total: &tally{}, known: map[string]bool{}}
		c.learn()
		c.inWorld(func(w *world) {
			r := c.play(w, s)
			for _, call := range w.aws.Calls() {
				t.Log(call)
			}
			t.Log(w.log.String())
			if r.violation != "" {
				t.Error(r.violation)
			}
		})
		return
	}
	t.Errorf("no story %q", s.story)
}
