package provision_test

import (
	"testing"

	"bucketuser/lambda/internal/sim"
)

// replay runs one scenario and shows its calls.
func replay(t *testing.T, s scenario) {
	for _, candidate := range allStories(t) {
		if candidate.name != s.story {
			continue
		}
		c := &campaign{t: t, story: candidate, total: &tally{}, known: map[string]bool{}}
		c.learn()
		c.at(c.start, func(w *bench) {
			b := c.breakEvent(w, s)
			for _, e := range c.story.endings {
				switch {
				case e.name != s.ending:
				case s.second.At > 0:
					c.breakEnding(w, s, e)
				default:
					if sim.Faults[s.first.Fault].Stays {
						c.report(s, c.denied(w, e, b.call))
					}
					c.follow(w, s, e)
				}
			}
			w.tell()
		})
		return
	}
	t.Errorf("no story %q", s.story)
}

// tell shows the calls up to now, and the log.
func (w *bench) tell() {
	for _, call := range w.AWS.Calls() {
		w.t.Log(call)
	}
	w.t.Log(w.Log.String())
}
