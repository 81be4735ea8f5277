package provision_test

import (
	"flag"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

var oneRace = flag.String("race-at", "", "run this one interleaving of TestRace, as a violation prints it, such as 3,5")

// TestRace interleaves two deliveries at every pair of calls.
func TestRace(t *testing.T) {
	var total tally
	start := time.Now()
	t.Run("pairs", func(t *testing.T) {
		for _, r := range races() {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.enumerate(t, &total)
			})
		}
	})
	fmt.Printf("races: %d interleavings, %d violations, leak checks: %d texts, %d windows, behaviour %016x, %s\n", total.one.Load(), total.violations.Load(),
		total.texts.Load(), total.windows.Load(), total.behaviour.Load(), time.Since(start).Round(time.Second))
}

// enumerate runs the race for every number of calls that a makes before b begins, and
// every number that b makes before a goes on, until a and b make no more. Calls beyond
// the 40th repeat what is waited for, so of those every eighth is enough.
func (r race) enumerate(t *testing.T, total *tally) {
	wants := make([]awsfake.Snapshot, len(r.ends))
	for i, end := range r.ends {
		r.inWorld(t, func(w *world) {
			r.before(w)
			w.history(end.like...)
			wants[i] = settled(w.aws)
		})
	}
	for first, more := 0, true; more && !t.Failed(); first++ {
		for second := 1; second < maxCalls && !t.Failed(); second++ {
			if r.skips(first, second) {
				more = first < maxCalls
				continue
			}
			var reached [2]bool
			r.inWorld(t, func(w *world) {
				var violation string
				var answers [2]answer
				reached, answers, violation = r.run(w, first, second, wants)
				total.saw(w, fmt.Sprint(r.name, first, second), answers[:]...)
				total.one.Add(1)
				if *oneRace != "" {
					for _, call := range w.aws.Calls() {
						w.t.Log(call)
					}
					w.t.Log(w.log.String())
				}
				if violation != "" {
					total.violations.Add(1)
					w.t.Errorf("go test ./lambda/internal/provision -run '%s' -race-at %d,%d: %s", t.Name(), first, second, violation)
				}
				total.violations.Add(w.leaked())
				total.searched(w)
			})
			if more = reached[0]; !more || !reached[1] {
				break
			}
		}
	}
}

func (r race) skips(first, second int) bool {
	if *oneRace != "" {
		return *oneRace != fmt.Sprintf("%d,%d", first, second)
	}
	return first > 40 && first%8 != 0 || second > 40 && second%8 != 0
}

func (r race) inWorld(t *testing.T, test func(*world)) {
	inRegion(t, "eu-west-1", func(w *world) {
		w.aws.UserPropagation, w.aws.KeyPropagation = 500*time.Millisecond, 1500*time.Millisecond
		test(w)
	})
}

// run lets a make first calls, b second calls, and then both go on.
func (r race) run(w *world, first, second int, wants []awsfake.Snapshot) (reached [2]bool, answers [2]answer, violation string) {
	r.before(w)
	sessions := [2]*awsfake.Session{w.aws.Session("provider"), w.aws.Session("provider")}
	var errs [2]error
	var over [2]atomic.Bool
	deliver := func(i int, e event, id string) func() {
		if e.kind != "Create" && id == "" {
			id = w.idOf(e.id)
		}
		sign := w.sign
		if e.late {
			sign = w.signed
		}
		url := sign(e.kind, id, e.p, e.old)
		return func() {
			answers[i], errs[i] = w.invoke(sessions[i], url, e.kind, id, e.p, e.old)
			over[i].Store(true)
		}
	}
	w.aws.SetResourceStatus(w.stackID, logicalID, r.status[0])
	turns := []struct{ who, calls int }{{0, first}, {1, second}, {0, 1000}, {1, 1000}}
	// What is being deleted, or given up, may stop working in any order.
	sound := unsafe(w.aws.Snapshot()) == "" && r.b.kind != "Delete" && r.name != "rollback beside replacement"
	begun := false
	w.direct(func(calls []awsfake.Call) (int, awsfake.Decision) {
		if sound && violation == "" {
			violation = unsafe(w.aws.Snapshot())
		}
		for turns[0].calls == 0 || over[turns[0].who].Load() {
			turns = turns[1:]
		}
		turn := &turns[0]
		if turn.who == 1 && !begun {
			begun = true
			w.aws.SetResourceStatus(w.stackID, logicalID, r.status[1])
		}
		for i, call := range calls {
			if call.Session == sessions[turn.who].Name() {
				turn.calls--
				if turn.who == 0 && call.Operation == r.denied {
					return i, awsfake.Refuse(awsfake.AccessDenied)
				}
				return i, awsfake.Decision{}
			}
		}
		return hold, awsfake.Decision{}
	}, deliver(0, r.a, ""), deliver(1, r.b, r.id))
	made := [2]int{}
	for _, call := range w.aws.Calls() {
		for i, session := range sessions {
			if call.Session == session.Name() {
				made[i]++
			}
		}
	}
	if violation == "" {
		violation = r.outcome(w, answers, errs)
	}
	// An end without events can always be looked at, one of the others each time.
	turn := first + second
	for i, end := range r.ends {
		if violation == "" && (len(end.then) == 0 || i == 1+turn%max(1, len(r.ends)-1) || len(r.ends) == 1) {
			violation = r.finish(w, answers, end, wants[i])
		}
	}
	return [2]bool{made[0] >= first, made[1] > second}, answers, violation
}

// outcome says what is wrong with the answers.
func (r race) outcome(w *world, answers [2]answer, errs [2]error) string {
	for i, err := range errs {
		switch {
		case err != nil:
			return err.Error()
		case r.judge == nil && answers[i].Status != "SUCCESS":
			return fmt.Sprintf("delivery %d answers %s", i+1, answers[i].Reason)
		}
	}
	if r.judge == nil && r.a.kind != "Delete" && !maps.Equal(answers[0].Data, answers[1].Data) {
		return fmt.Sprintf("one answers %v, the other %v", answers[0].Data, answers[1].Data)
	}
	if r.judge != nil {
		if reason := r.judge(w, answers[0], answers[1]); reason != "" {
			return reason
		}
	}
	return ""
}

// finish says what is wrong after one of the ends.
func (r race) finish(w *world, answers [2]answer, end raceEnd, want awsfake.Snapshot) string {
	for _, e := range end.then {
		if last := w.play(e, nil); last.err != nil || last.answer.Status != "SUCCESS" {
			return fmt.Sprintf("then %s answers %s %v", e.kind, last.answer.Reason, last.err)
		}
	}
	if diff := difference(want, settled(w.aws)); diff != "" {
		return fmt.Sprintf("in the end (%s, %s): %s", brief(answers[0]), brief(answers[1]), diff)
	}
	return ""
}

func brief(a answer) string { return strings.TrimSpace(a.Status + " " + a.Reason) }
