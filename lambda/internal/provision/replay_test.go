package provision_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"bucketuser/lambda/internal/sim"
)

// replay runs one scenario and shows its calls.
func replay(t *testing.T, s scenario) {
	all := allStories(t)
	i := slices.IndexFunc(all, func(candidate story) bool { return candidate.name == s.story })
	if i < 0 {
		t.Errorf("no story %q", s.story)
		return
	}
	for _, hit := range []sim.Hit{s.first, s.second} {
		if _, ok := sim.Faults[hit.Fault]; !ok && hit.At > 0 {
			t.Fatalf("no fault %q; there are %v", hit.Fault, slices.Sorted(maps.Keys(sim.Faults)))
		}
	}
	isKnown := func(e ending) bool { return e.name == s.ending }
	if s.ending != "" && !slices.ContainsFunc(all[i].endings, isKnown) {
		t.Fatalf("no ending %q of story %s", s.ending, s.story)
	}
	c := newCampaign(t, all[i], &tally{})
	c.learn()
	c.at(c.start, func(w *bench) {
		b := c.breakEvent(w, s)
		if !b.reached {
			t.Errorf("call %d was not reached", s.first.At)
		}
		for _, e := range c.story.endings {
			if e.name == s.ending {
				c.replayEnding(w, s, b, e)
			}
		}
		w.tell()
	})
}

func (c *campaign) replayEnding(w *bench, s scenario, b broken, e ending) {
	if s.second.At > 0 {
		if !c.breakEnding(w, s, e) {
			w.t.Errorf("call %d of the ending was not reached", s.second.At)
		}
		return
	}
	if sim.Faults[s.first.Fault].Stays {
		c.report(s, c.denied(w, e, b.call))
	}
	c.follow(w, s, e)
}

// tell shows the calls up to now, and the log. Calls that went through the gate have the
// numbers that a scenario and a race count by.
func (w *bench) tell() {
	calls, isGated := w.AWS.Calls(), map[int]bool{}
	for _, step := range w.Gate.Went() {
		isGated[step.N] = true
		text := fmt.Sprintf("%s call %d: %s %s %s", step.Session, step.Number, step.Name(), step.Target, calls[step.N-1].Code)
		switch {
		case step.Before != nil:
			text += fmt.Sprintf(" <== %v, without effect", step.Before)
		case step.After != nil:
			text += fmt.Sprintf(" <== took effect, then %v", step.After)
		case calls[step.N-1].Code == "(killed)":
			text += " the process is dead"
		}
		w.t.Log(text)
	}
	for _, call := range calls {
		if !isGated[call.N] {
			w.t.Logf("not broken: %v", call)
		}
	}
	w.t.Log(w.Log.String())
}

// inStory runs a test in a bubble on an empty account.
func (c *campaign) inStory(test func(*bench)) {
	inRegion(c.t, c.story.region, func(w *bench) {
		w.AWS.UserPropagation, w.AWS.KeyPropagation = 500*time.Millisecond, 1500*time.Millisecond
		test(w)
		c.total.violations.Add(w.leaked())
		c.total.searched(w)
	})
}

// at runs a test on a copy of the account of a moment.
func (c *campaign) at(m moment, test func(*bench)) {
	c.inStory(func(w *bench) {
		w.goTo(m)
		test(w)
	})
}
