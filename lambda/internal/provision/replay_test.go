package provision_test

import (
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
	c := newCampaign(t, all[i], &tally{})
	c.learn()
	c.at(c.start, func(w *bench) {
		b := c.breakEvent(w, s)
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
		c.breakEnding(w, s, e)
		return
	}
	if sim.Faults[s.first.Fault].Stays {
		c.report(s, c.denied(w, e, b.call))
	}
	c.follow(w, s, e)
}

// tell shows the calls up to now, and the log.
func (w *bench) tell() {
	for _, call := range w.AWS.Calls() {
		w.t.Log(call)
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
