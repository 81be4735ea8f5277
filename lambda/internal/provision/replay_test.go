package provision_test

import "testing"

// replay runs one scenario and shows its calls.
func replay(t *testing.T, s scenario) {
	for _, candidate := range allStories(t) {
		if candidate.name != s.story {
			continue
		}
		c := &campaign{t: t, story: candidate, total: &tally{}, known: map[string]bool{}}
		c.learn()
		c.at(c.start, func(w *world) {
			b := c.breakEvent(w, s)
			for _, e := range c.story.endings {
				switch {
				case e.name != s.ending:
				case s.second.at > 0:
					c.breakEnding(w, s, e)
				default:
					if faults[s.first.fault].stays {
						c.report(s, c.denied(w, e, b.call))
					}
					c.follow(w, s, e)
				}
			}
			for _, call := range w.aws.Calls() {
				t.Log(call)
			}
			t.Log(w.log.String())
		})
		return
	}
	t.Errorf("no story %q", s.story)
}
