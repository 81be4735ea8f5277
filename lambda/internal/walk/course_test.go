package walk_test

import (
	"fmt"
	"io"
	"strings"
	"testing/synctest"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// course carries out the troubles of a step and notes the calls as they go. An attempt
// to answer is such a call too.
type course struct {
	reseed  func() // makes the randomness of the SDK's backoff start again
	trouble trouble
	excuses *sim.Excuses

	count int // calls in this step
	since int // calls since the last fault
	total int // calls in all steps
	felt  int // faults that took place, in all steps

	order []string  // the calls of this step as they went
	all   io.Writer // receives the calls of all steps
}

// answering is the service of an attempt to answer.
const answering = "answer"

func newCourse(reseed func()) *course {
	return &course{reseed: reseed, excuses: sim.NewExcuses(), all: io.Discard}
}

func (c *course) begin(t trouble) { c.trouble, c.count, c.since, c.order = t, 0, 0, nil }

// decide says what becomes of a call.
func (c *course) decide(call awsfake.Call) awsfake.Decision {
	c.count++
	c.since++
	c.total++
	c.happen()
	d, what := c.hit(call)
	line := strings.TrimSpace(call.Session + " " + call.Name() + " " + call.Target + " " + what)
	c.order = append(c.order, line)
	fmt.Fprintln(c.all, line)
	if what != "" {
		c.reseed()
	}
	return d
}

// happen has happen what is to happen at this call.
func (c *course) happen() {
	for _, h := range c.trouble.happen {
		if h.at == c.count {
			c.felt++
			h.do()
			synctest.Wait() // one after the other
		}
	}
}

// hit says what becomes of a call, also in words.
func (c *course) hit(call awsfake.Call) (d awsfake.Decision, what string) {
	hits := c.trouble.hits
	if len(hits) == 0 || c.since < hits[0].At || !c.trouble.mayHit(call) ||
		c.trouble.isSpared(call) && c.excuses.Use(sim.CreateAfterDelete) {
		return awsfake.Decision{}, ""
	}
	c.trouble.hits, c.since = hits[1:], 0
	c.felt++
	return sim.Faults[hits[0].Fault].Decision, "(" + hits[0].Fault + ")"
}
