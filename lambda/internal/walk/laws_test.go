package walk_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// laws are those of an AWS that lags and refuses during a walk. The zero value is none. The model
// excuses nothing by them: what must hold does so under them as well.
//
// Secrets never lag here, since two events tell each other by the secret that something has come
// between. Nor are rights of CloudFormation late, and its word lags only where no event may begin
// when CloudFormation has gone on: the event could not know that (N3).
type laws struct {
	held   []sim.Law
	status time.Duration // by which the word of CloudFormation lags
}

// lagging is longer than anything lags in a walk.
const lagging = 10 * time.Second

// drawLaws draws none for half of the walks, since what waits for AWS takes longer.
func drawLaws(t *rapid.T) (l laws) {
	if !rapid.Bool().Draw(t, "AWS lags") {
		return l
	}
	draw := func(what string, names ...string) {
		if name := rapid.SampledFrom(append(names, "")).Draw(t, what); name != "" {
			l.held = append(l.held, sim.Named(name)...)
		}
	}
	draw("new buckets", "new buckets unknown 5s", "new buckets untagged 5s", "new buckets unknown but for tags 5s")
	draw("users", "rights on a path", "users lag 5s", "users lag 5s, rights on a path")
	draw("buckets", "buckets lag 5s")
	draw("conflicts", "conflicts lag 10s")
	if rapid.IntRange(0, 2).Draw(t, "late rights") == 2 {
		l.held = append(l.held, sim.LateButCloudFormation(8*time.Second))
	}
	l.status = rapid.SampledFrom([]time.Duration{0, 2 * time.Second}).Draw(t, "late status")
	return l
}

// String names what lags.
func (l laws) String() string {
	text := "laws:"
	for _, law := range l.held {
		text += " " + law.Name + ";"
	}
	return fmt.Sprintf("%s status lags %v", text, l.status)
}

// isNone reports whether nothing lags.
func (l laws) isNone() bool { return len(l.held) == 0 && l.status == 0 }

// hold has the laws hold for a whole walk.
func (w *walk) hold(l laws) {
	w.laws = l
	if l.isNone() {
		return
	}
	w.plans = append(w.plans, l.String())
	for _, law := range l.held {
		law.Hold(w.ground.AWS)
	}
}

// begin has happen what happens when an operation begins.
func (l laws) begin(a *awsfake.AWS, p plan) {
	for _, law := range l.held {
		law.Begin(a)
	}
	if a.StatusPropagation = l.status; p.how.Twice || p.mayComeLate() {
		a.StatusPropagation = 0
	}
}

// end has CloudFormation's word not lag any more.
func (l laws) end(a *awsfake.AWS) { a.StatusPropagation = 0 }

// catchUp lets time pass until AWS knows everything, before somebody works by hand.
func (w *walk) catchUp() {
	if !w.laws.isNone() {
		time.Sleep(lagging)
	}
}
