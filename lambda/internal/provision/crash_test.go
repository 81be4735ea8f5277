package provision_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/sim"
)

var (
	oneScenario = flag.String("scenario", "", "run this one scenario of TestCrash, as a violation prints it")
	goesOn      = flag.Bool("go-on", false, "do not end a story of TestCrash at its first violation")
)

// maxCalls is more than any event makes, with all its repetitions.
const maxCalls = 120

// TestCrash breaks every call of every story in every way, goes on as CloudFormation
// may, breaks every call of that too, and compares the account with what it is when
// nothing breaks. To be answered as of before an earlier write is one of the ways.
func TestCrash(t *testing.T) {
	if *oneScenario != "" {
		replay(t, parseScenario(*oneScenario))
		return
	}
	total := tally{uses: sim.Uses{}}
	start := time.Now()
	told := allStories(t)
	defer total.progress("stories", len(told))()
	t.Run("stories", func(t *testing.T) {
		for _, s := range told {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				c := newCampaign(t, s, &total)
				c.run()
				total.done.Add(1)
				total.used(c.uses)
				if s.exempt.isIdle(c.uses) {
					t.Errorf("%v is never needed", s.exempt.number)
				}
			})
		}
	})
	fmt.Printf("crash points: %d scenarios (%d with one fault, %d with two, %d of them with a stale read; %d ended in a state already followed to its end), %d violations, "+
		"leak checks: %d texts, %d windows, behaviour %016x, exclusions used: %v, %s\n",
		total.one.Load()+total.two.Load(), total.one.Load(), total.two.Load(), total.stale.Load(), total.known.Load(), total.violations.Load(),
		total.texts.Load(), total.windows.Load(), total.behaviour.Load(), total.uses, time.Since(start).Round(time.Second))
}

// campaign is all scenarios of one story.
type campaign struct {
	t      *testing.T
	story  story
	total  *tally
	start  moment                        // after what happened before the event
	want   map[string]outcome            // by ending; "" is the end of the event itself
	orElse map[string][]awsfake.Snapshot // by ending: what is right, too
	untold []awsfake.Snapshot            // the same, where CloudFormation does not say whether the event is a rollback
	known  map[string]bool               // ending and fingerprint of a state from which the ending came out right
	uses   sim.Uses                      // of the story's exemption
}

func newCampaign(t *testing.T, s story, total *tally) *campaign {
	return &campaign{t: t, story: s, total: total, known: map[string]bool{}, uses: sim.Uses{}}
}

// outcome is the account before and after a run without faults.
type outcome struct {
	before, after awsfake.Snapshot
}

// A broken is an event that met a fault, and the moment after it.
type broken struct {
	scenario scenario
	state    string // fingerprint of the account
	after    moment
	call     awsfake.Call // that met the fault
	reached  bool
}

// run enumerates until a fault is not reached any more, so that a new call is covered
// on the day on which it is made. Behaviour depends on the account alone, so an event
// is broken a second time once for each state in which the first fault left it (in make test
// for every third), and an
// ending is not followed again from a state from which it came out right before.
func (c *campaign) run() {
	c.learn()
	states := map[string]broken{} // by fingerprint: a first fault that led there
	for _, order := range []string{"first", "last"} {
		for _, fault := range firstFaults(order) {
			c.everyCall(scenario{story: c.story.name, order: order, first: sim.Hit{Fault: fault}}, states)
		}
	}
	for _, order := range staleOrders() {
		c.everyStaleRead(order, states)
	}
	for i, state := range slices.Sorted(maps.Keys(states)) {
		if *isAll || i%brokenTwice == 0 {
			c.second(states[state])
		}
	}
	c.secondStale(states)
}

// isOver reports whether a violation has ended the enumeration.
func (c *campaign) isOver() bool { return c.t.Failed() && !*goesOn }

// everyCall breaks every call of the event, and notes where that leads.
func (c *campaign) everyCall(s scenario, states map[string]broken) {
	for s.first.At = 1; s.first.At < maxCalls && !c.isOver(); s.first.At++ {
		first := c.first(s)
		if !first.reached {
			return
		}
		c.goOn(first, states)
	}
}

// goOn plays every ending after a first fault, and notes where the fault has led.
func (c *campaign) goOn(first broken, states map[string]broken) {
	for _, e := range c.story.endings {
		c.one(first, e)
	}
	if _, ok := states[first.state]; !ok {
		states[first.state] = first
	}
}

// learn finds out what is right.
func (c *campaign) learn() {
	c.inStory(func(w *bench) {
		c.story.begin(w)
		c.start = w.moment()
	})
	c.want, c.orElse = map[string]outcome{}, map[string][]awsfake.Snapshot{}
	for _, e := range append([]ending{{}}, c.story.endings...) {
		c.at(c.start, func(w *bench) {
			o, err := c.faultless(w, e)
			if err != nil {
				w.t.Errorf("%s, %s, without faults: %v", c.story.name, e.name, err)
			}
			c.want[e.name] = o
		})
		c.orElse[e.name] = c.ledTo(e.orElse)
	}
	c.untold = c.ledTo(c.story.untold)
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// ledTo are the accounts to which lists of events lead from the start.
func (c *campaign) ledTo(all [][]event) (led []awsfake.Snapshot) {
	for _, events := range all {
		c.at(c.start, func(w *bench) {
			w.history(events...)
			led = append(led, settled(w.AWS))
		})
	}
	return led
}

// faultless carries out event and ending without any fault. This is what every other
// run is compared with, so it is looked at for itself.
func (c *campaign) faultless(w *bench, e ending) (o outcome, err error) {
	o.before = settled(w.AWS)
	for _, event := range append([]event{c.story.event}, e.events...) {
		r := w.play(event, nil)
		if r.err != nil || !event.isAnsweredBy(r.answer) {
			return o, fmt.Errorf("%s: %+v %v", event.kind, r.answer, r.err)
		}
	}
	o.after = settled(w.AWS)
	if now := w.AWS.Snapshot(); unsafe(now)+unspoken(now, true) != "" {
		return o, fmt.Errorf("%s%s", unsafe(now), unspoken(now, true))
	}
	return o, nil
}

// first runs the event under its fault.
func (c *campaign) first(s scenario) (b broken) {
	c.at(c.start, func(w *bench) { b = c.breakEvent(w, s) })
	return b
}

func (c *campaign) breakEvent(w *bench, s scenario) broken {
	r := w.play(c.story.event, &injection{Hit: s.first, order: s.order})
	s.lag = r.lag
	reached := r.reached || s.first.At == 0
	r.waitForLambda()
	if reached {
		c.report(s, c.judge(w, r, c.story.event, ""))
		c.report(s, r.isFailedBy(s.first, c.story.event))
		c.total.saw(w, s.String(), r.answer)
	}
	return broken{scenario: s, state: fingerprint(w.AWS), after: w.moment(), call: r.call, reached: reached}
}

// waitForLambda waits after the death of a process, or an error of it, for as long as Lambda does at least until it
// delivers the event again: Lambda Developer Guide, Asynchronous invocation. CloudFormation
// waits longer.
func (r played) waitForLambda() {
	if errors.Is(r.err, errDead) || errors.Is(r.err, cfnresource.ErrUnanswered) {
		time.Sleep(time.Minute)
	}
}

// one goes on after a first fault. Where a missing right stays missing, CloudFormation
// goes on with what it has, and once more when somebody has granted the right.
func (c *campaign) one(b broken, e ending) {
	s := b.scenario
	s.ending = e.name
	stays := sim.Faults[s.first.Fault].Stays
	c.total.ran(s)
	if !stays && c.known[e.name+b.state] {
		c.total.known.Add(1)
		return
	}
	c.at(b.after, func(w *bench) {
		if stays {
			c.report(s, c.denied(w, e, b.call))
		}
		c.follow(w, s, e)
	})
}

// second breaks every call of every ending after a first fault.
func (c *campaign) second(b broken) {
	for _, e := range c.story.endings {
		for _, fault := range secondFaults() {
			for at := 1; at < maxCalls && !e.once && !c.isOver(); at++ {
				s := b.scenario
				s.ending, s.second = e.name, sim.Hit{At: at, Fault: fault}
				if !c.breaks(b, s, e) {
					break
				}
			}
		}
	}
}

// breaks breaks one call of an ending. It returns false if there is no such call.
func (c *campaign) breaks(b broken, s scenario, e ending) (reached bool) {
	c.at(b.after, func(w *bench) { reached = c.breakEnding(w, s, e) })
	if reached {
		c.total.ran(s)
	}
	return reached
}

func (c *campaign) breakEnding(w *bench, s scenario, e ending) (reached bool) {
	r := w.play(e.events[0], &injection{Hit: s.second, order: s.order})
	if !r.reached {
		return false
	}
	s.lag += r.lag
	c.total.saw(w, s.String(), r.answer)
	if len(e.events) == 1 {
		c.report(s, c.judge(w, r, e.events[0], e.name))
	}
	c.report(s, r.isFailedBy(s.second, e.events[0]))
	r.waitForLambda()
	c.follow(w, s, e)
	return true
}

// follow plays the ending without faults, from wherever the account is.
func (c *campaign) follow(w *bench, s scenario, e ending) {
	key := e.name + fingerprint(w.AWS)
	if c.known[key] && *oneScenario == "" {
		c.total.known.Add(1)
		return
	}
	violation := c.finish(w, e)
	c.total.hash(s.String(), "followed", violation) // not the account: its calls are not in an order
	c.known[key] = violation == ""
	c.report(s, violation)
}

// report counts a violation and prints the line that reproduces it.
func (c *campaign) report(s scenario, violation string) {
	if violation != "" {
		c.total.violations.Add(1)
		c.t.Errorf("go test ./lambda/internal/provision -run '^TestCrash$' -scenario '%s': %s%s", s, s.lag, violation)
	}
}
