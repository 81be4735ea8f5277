package provision_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// replay runs one scenario and shows its calls.
func replay(t *testing.T, s scenario) {
	told := storyNamed(t, s.story)
	for _, hit := range []sim.Hit{s.first, s.second} {
		if !hit.IsKnown() && hit.At > 0 {
			t.Fatalf("no fault %q; there are %q with the number of a write, and %q", hit.Fault, sim.Stale, slices.Sorted(maps.Keys(sim.Faults)))
		}
	}
	isKnown := func(e ending) bool { return e.name == s.ending }
	if s.ending != "" && !slices.ContainsFunc(told.endings, isKnown) {
		t.Fatalf("no ending %q of story %s", s.ending, s.story)
	}
	c := newCampaign(t, told, &tally{})
	c.learn()
	c.at(c.start, func(w *bench) {
		b := c.breakEvent(w, s)
		if !b.reached {
			t.Errorf("%v was not reached", s.first)
		}
		for _, e := range c.story.endings {
			if e.name == s.ending {
				c.replayEnding(w, s, b, e)
			}
		}
		w.tell()
	})
}

func storyNamed(t *testing.T, name string) story {
	t.Helper()
	all := allStories(t)
	i := slices.IndexFunc(all, func(candidate story) bool { return candidate.name == name })
	if i < 0 {
		t.Fatalf("no story %q", name)
	}
	return all[i]
}

func (c *campaign) replayEnding(w *bench, s scenario, b broken, e ending) {
	if s.second.At > 0 {
		if !c.breakEnding(w, s, e) {
			w.t.Errorf("%v of the ending was not reached", s.second)
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
		case step.AsOf > 0:
			text += " <== as of before " + w.toldOf(w.AWS.Write(step.AsOf))
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

// toldOf names a write as tell shows its call.
func (w *bench) toldOf(write awsfake.Write) string {
	for _, step := range w.Gate.Went() {
		if step.N == write.N {
			return fmt.Sprintf("%s call %d: %s %s", step.Session, step.Number, step.Name(), step.Target)
		}
	}
	if write.N == 0 {
		return "what was set at " + write.At.Format(time.TimeOnly)
	}
	return w.AWS.Calls()[write.N-1].String()
}

// inStory runs a test in a bubble on an empty account.
func (c *campaign) inStory(test func(*bench)) {
	inRegion(c.t, c.story.region, func(w *bench) {
		w.AWS.UserPropagation, w.AWS.KeyPropagation = 500*time.Millisecond, 1500*time.Millisecond
		w.AWS.History, w.AWS.SecretHistory = staleness, *isAll || *oneScenario != ""
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
