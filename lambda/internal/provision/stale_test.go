package provision_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"bucketuser/lambda/internal/sim"
)

// staleness is how old a write may be that a read does not see yet.
const staleness = 2 * time.Minute

// everyStaleRead has every call of the event be answered as of before every earlier write
// that it can lag behind, and notes where that leads. Writes of the events before it count.
func (c *campaign) everyStaleRead(order string, states map[string]broken) {
	for _, hit := range c.staleReads(c.start, c.story.event, order) {
		if c.isOver() {
			return
		}
		first := c.first(scenario{story: c.story.name, order: order, first: hit})
		if !first.reached {
			c.t.Errorf("%s: no stale read at call %d", first.scenario, hit.At)
			return
		}
		c.goOn(first, states)
	}
}

// secondStale has every call of the first event of every ending be answered in that way.
func (c *campaign) secondStale(states map[string]broken) {
	for _, b := range c.lagging(states) {
		for _, e := range c.story.endings {
			c.staleEnding(b, e)
		}
	}
}

func (c *campaign) staleEnding(b broken, e ending) {
	if e.once || c.isOver() {
		return
	}
	for _, hit := range c.staleReads(b.after, e.events[0], b.scenario.order) {
		s := b.scenario
		s.ending, s.second = e.name, hit
		if c.isOver() {
			return
		}
		if !c.breaks(b, s, e) {
			c.t.Errorf("%s: no stale read at call %d", s, hit.At)
			return
		}
	}
}

// lagging are the states from which the reads of the next event are stale: that after the
// event when nothing breaks, and those after faults that leave writes behind.
func (c *campaign) lagging(states map[string]broken) []broken {
	whole := c.first(scenario{story: c.story.name, order: "first"})
	all := []broken{whole}
	for _, state := range slices.Sorted(maps.Keys(states)) {
		if b := states[state]; state != whole.state && laggingFaults(b.scenario.first.Fault) {
			all = append(all, b)
		}
	}
	return all
}

// staleReads are those of an event that begins at a moment.
func (c *campaign) staleReads(m moment, e event, order string) (hits []sim.Hit) {
	c.at(m, func(w *bench) {
		for i, writes := range w.play(e, &injection{order: order, listens: true}).behind {
			for behind := range writes {
				hits = append(hits, sim.StaleRead(i+1, behind+1))
			}
		}
	})
	return hits
}

// TestStaleReadsAreServed plays every stale read of a Create, and of the Delete after it,
// whatever the function makes of them: each is served once, at its call.
func TestStaleReadsAreServed(t *testing.T) {
	c := newCampaign(t, storyNamed(t, "create named"), &tally{})
	c.inStory(func(w *bench) { c.start = w.moment() })
	whole := c.start
	c.at(c.start, func(w *bench) {
		w.history(c.story.event)
		whole = w.moment()
	})
	codes := map[string]bool{}
	for _, at := range []struct {
		moment
		event
	}{{c.start, c.story.event}, {whole, remove(named)}} {
		hits := c.staleReads(at.moment, at.event, "first")
		if len(hits) < 10 {
			t.Errorf("%s has %d stale reads: %v", at.kind, len(hits), hits)
		}
		for _, hit := range hits {
			c.at(at.moment, func(w *bench) { codes[w.servedStale(at.event, hit)] = true })
		}
	}
	for _, code := range []string{"", "NoSuchBucket", "NoSuchEntity", "AccessDenied", "DeleteConflict"} {
		if !codes[code] {
			t.Errorf("no call was answered %q for a write that it did not see: %v", code, codes)
		}
	}
}

// servedStale plays an event with a stale read, and returns the code of the call that met it.
func (w *bench) servedStale(e event, hit sim.Hit) string {
	w.t.Helper()
	begun := len(w.Gate.Went())
	r := w.play(e, &injection{Hit: hit, order: "first"})
	var stale []sim.Step
	for _, step := range w.Gate.Went()[begun:] {
		if step.AsOf > 0 {
			stale = append(stale, step)
		}
	}
	if !r.reached || r.lag == "" || len(stale) != 1 || stale[0].Number != hit.At {
		w.t.Fatalf("%s %v: reached %t, %q, at %v", e.kind, hit, r.reached, r.lag, stale)
	}
	write := w.AWS.Write(stale[0].AsOf)
	if write.N == 0 && stale[0].Service != "cloudformation" || write.N >= stale[0].N {
		w.t.Errorf("%v is as of before %v, which is no earlier call", stale[0].Call, write)
	}
	return w.AWS.Calls()[stale[0].N-1].Code
}

// A stale read that is not there is not served, and not taken for one that is.
func TestStaleReadOfWhatWasNeverWritten(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.History = staleness
		r := w.play(create(named), &injection{Hit: sim.StaleRead(1, 2), order: "first"})
		if w.succeeded(r.answer); r.reached || r.lag != "" {
			t.Errorf("reached %t, %q", r.reached, r.lag)
		}
	})
}

func TestScenarioIsReadAsItIsPrinted(t *testing.T) {
	for text, want := range map[string]struct{ one, two, stale int64 }{
		"create named/first/12=killed after":                   {one: 1},
		"create named/last/12=killed after/delete/3=denied":    {two: 1},
		"create named/first/7=stale 2/delete":                  {one: 1, stale: 1},
		"create named/first/7=stale 2/delete/3=denied":         {two: 1, stale: 1},
		"create named/first/none/delete/3=stale 1":             {two: 1, stale: 1},
		"create named/first/12=killed after/again/11=stale 12": {two: 1, stale: 1},
	} {
		s, total := parseScenario(text), tally{}
		if s.String() != text {
			t.Errorf("%s is read as %s", text, s)
		}
		total.ran(s)
		if total.one.Load() != want.one || total.two.Load() != want.two || total.stale.Load() != want.stale {
			t.Errorf("%s counts as %d, %d, %d stale", text, total.one.Load(), total.two.Load(), total.stale.Load())
		}
	}
}

// A stale read is no reason to fail what succeeds without it.
func TestStaleReadMustNotFailAnEvent(t *testing.T) {
	refused := create(named)
	refused.refused = true
	failed := played{answer: answer{Status: "FAILED", Reason: "user x: NoSuchEntity"}}
	for name, test := range map[string]struct {
		played
		hit   sim.Hit
		event event
		want  bool
	}{
		"fails":                   {failed, sim.StaleRead(7, 1), create(named), true},
		"succeeds":                {played{answer: answer{Status: "SUCCESS"}}, sim.StaleRead(7, 1), create(named), false},
		"another fault":           {failed, sim.Hit{At: 7, Fault: "denied"}, create(named), false},
		"what is always refused":  {failed, sim.StaleRead(7, 1), refused, false},
		"another delivery undoes": {played{answer: answer{Status: "FAILED", Reason: "it " + isUndoing}}, sim.StaleRead(7, 1), create(named), false},
	} {
		if got := test.isFailedBy(test.hit, test.event); (got != "") != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
