package provision_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

var oneRace = flag.String("race-at", "", "run this one interleaving of TestRace, as a violation prints it, such as 3,5")

// TestRace interleaves two deliveries at every pair of calls.
func TestRace(t *testing.T) {
	total := tally{uses: sim.Uses{}}
	start := time.Now()
	all := races()
	defer total.progress("pairs", len(all))()
	t.Run("pairs", func(t *testing.T) {
		for _, r := range all {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.enumerate(t, &total)
				total.done.Add(1)
			})
		}
	})
	fmt.Printf("races: %d interleavings (%d under a law), %d violations, leak checks: %d texts, %d windows, behaviour %016x, exclusions used: %v, %s\n", total.one.Load(), total.lawful.Load(), total.violations.Load(),
		total.texts.Load(), total.windows.Load(), total.behaviour.Load(), total.uses, time.Since(start).Round(time.Second))
}

// enumerate runs the race for every number of calls that a makes before b begins, and
// every number that b makes before a goes on, until a and b make no more. Calls beyond
// the 40th repeat what is waited for, so of those every eighth is enough. Of two
// neighbours make test runs one, so that every number of either meets every second one of
// the other; make crash-all runs both.
func (r race) enumerate(t *testing.T, total *tally) {
	r.start = r.begin(t, total)
	wants, uses := r.wants(t), sim.Uses{}
	for first, more := 0, true; more && !t.Failed(); first++ {
		for second := 1; second < maxCalls && !t.Failed(); second++ {
			if r.skips(first, second) {
				more = first < maxCalls
				continue
			}
			reached := r.interleave(t, first, second, wants, uses, total)
			if more = reached[0]; !more || !reached[1] {
				break
			}
		}
	}
	total.used(uses)
	if *oneRace == "" && r.exempt.isIdle(uses) {
		t.Errorf("%v is never needed", r.exempt.number)
	}
}

// begin is the moment at which the race begins.
func (r race) begin(t *testing.T, total *tally) (start moment) {
	r.inWorld(t, func(w *bench) {
		r.before(w)
		start = w.moment()
		total.violations.Add(w.leaked())
	})
	return start
}

// wants are the accounts after each of the ends.
func (r race) wants(t *testing.T) []awsfake.Snapshot {
	wants := make([]awsfake.Snapshot, len(r.ends))
	for i, end := range r.ends {
		r.inWorld(t, func(w *bench) {
			w.goTo(r.start)
			w.history(end.like...)
			wants[i] = settled(w.AWS)
		})
	}
	return wants
}

// interleave runs the race once in a world of its own and counts it.
func (r race) interleave(t *testing.T, first, second int, wants []awsfake.Snapshot, uses sim.Uses, total *tally) (reached [2]bool) {
	r.inWorld(t, func(w *bench) {
		x := r.run(w, first, second, wants, uses)
		total.saw(w, fmt.Sprint(r.name, first, second), x.answers[:]...)
		total.one.Add(1)
		if x.law.Name != "" {
			total.lawful.Add(1)
		}
		if *oneRace != "" {
			w.tell()
		}
		if x.violation != "" {
			total.violations.Add(1)
			name := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
			w.t.Errorf("go test ./lambda/internal/provision -run '%s' -race-at %d,%d: %s%s", name, first, second, underLaw(x.law), x.violation)
		}
		total.violations.Add(w.leaked())
		total.searched(w)
		reached = [2]bool{x.made[0] >= first, x.made[1] > second}
		if x.law.Name != "" { // under a law they make other numbers of calls
			reached = [2]bool{true, true}
		}
	})
	return reached
}

func (r race) skips(first, second int) bool {
	if *oneRace != "" {
		return *oneRace != fmt.Sprintf("%d,%d", first, second)
	}
	switch {
	case *isAll:
	case r.isWatched && (first+2*second)%9 != 0, (first+second)%2 != 0:
		return true
	}
	return first > 40 && first%8 != 0 || second > 40 && second%8 != 0
}

func (r race) inWorld(t *testing.T, test func(*bench)) {
	inRegion(t, "eu-west-1", func(w *bench) {
		w.AWS.UserPropagation, w.AWS.KeyPropagation = 500*time.Millisecond, 1500*time.Millisecond
		test(w)
	})
}

// interleaving is one run of a race.
type interleaving struct {
	race
	w        *bench
	law      sim.Law
	begun    chan struct{} // closed when the second is sent
	begin    func()        // closes it
	sessions [2]*awsfake.Session
	over     [2]atomic.Bool
	cut      bool // the first dies at its next call
	hasAsked bool // the second, CloudFormation
	answers  [2]answer
	errs     [2]error
	uses     sim.Uses // of the race's exemption
	keys     keyWatch
	last     string // process of the last call

	made      [2]int // calls of each
	violation string
}

// run lets a make first calls, b second calls, and then both go on.
func (r race) run(w *bench, first, second int, wants []awsfake.Snapshot, uses sim.Uses) *interleaving {
	w.goTo(r.start)
	law := r.draw(first, second)
	w.under(law)
	x := &interleaving{race: r, w: w, law: law, begun: make(chan struct{}), uses: uses, sessions: [2]*awsfake.Session{w.sessionOf(r.a), w.sessionOf(r.b)},
		keys: keyWatch{retires: r.retires, roomBy: map[string]string{}}}
	x.begin = sync.OnceFunc(func() {
		if x.meanwhile != nil {
			x.meanwhile(w)
		}
		close(x.begun)
	})
	x.hasStatus(r.status[0])
	// What is being deleted, or given up, may stop working in any order.
	isSound := unsafe(w.AWS.Snapshot()) == "" && r.a.kind != "Delete" && r.b.kind != "Delete" && r.name != "rollback beside replacement"
	choose := x.inTurns(first, second)
	look := func() {
		if isSound && x.violation == "" {
			x.violation = x.wrongNow()
		}
	}
	w.Run(func(held []awsfake.Call) int {
		look()
		return choose(held)
	}, x.decide, x.delivery(0, r.a, ""), x.second(r.b, r.id))
	look()
	x.count()
	if x.violation == "" {
		x.violation = x.outcome()
	}
	x.goOn(first+second, wants)
	return x
}

// sessionOf is a process for an event: those of Secrets Manager go to another function.
func (w *bench) sessionOf(e event) *awsfake.Session {
	if e.step != "" {
		return w.AWS.Session("rotation")
	}
	return w.AWS.Session("provider")
}

// hasStatus has CloudFormation set a status that says something about the events before it:
// N6 is about those of the same two seconds.
func (x *interleaving) hasStatus(status string) {
	time.Sleep(3 * time.Second)
	x.w.AWS.SetResourceStatus(x.w.stackID, sim.LogicalID, status)
}

// second sends an event to the second process when its turn has come.
func (x *interleaving) second(e event, id string) func() {
	return func() {
		<-x.begun
		x.delivery(1, e, id)()
	}
}

// delivery sends an event to the i-th process.
func (x *interleaving) delivery(i int, e event, id string) func() {
	if e.step != "" {
		return x.step(i, e)
	}
	if e.kind != "Create" && id == "" {
		id = x.w.idOf(e.id)
	}
	sign := x.w.sign
	if e.late {
		sign = x.w.signed
	}
	url := sign(e.kind, id, e.p, e.old)
	if e.noTime {
		url, _, _ = strings.Cut(url, "?")
	}
	return func() {
		x.answers[i], x.errs[i] = x.w.invoke(x.sessions[i], url, e.kind, id, e.p, e.old)
		if x.over[i].Store(true); i == 0 {
			x.begin()
		}
	}
}

// inTurns chooses first calls of a, second calls of b, and then the rest of both.
func (x *interleaving) inTurns(first, second int) sim.Chooser {
	turn := func(i, calls int) sim.Turn {
		return sim.Turn{Session: x.sessions[i], Calls: calls, IsOver: x.over[i].Load}
	}
	begins, goesOn := turn(1, second), turn(0, sim.All)
	begins.Begin = func() {
		x.hasStatus(x.status[1])
		x.begin()
	}
	goesOn.Begin = func() { x.cut = x.isCutOff }
	return sim.InTurns(turn(0, first), begins, goesOn, turn(1, sim.All))
}

func (x *interleaving) decide(c awsfake.Call) awsfake.Decision {
	x.last = c.Session
	isFirst := c.Session == x.sessions[0].Name()
	switch {
	case isFirst && x.cut:
		return awsfake.Lose(awsfake.Killed)
	case isFirst && c.Operation == x.denied:
		return awsfake.Refuse(awsfake.AccessDenied)
	case !isFirst && x.isUnasked && !x.hasAsked && c.Operation == "DescribeStackResource":
		x.hasAsked = true
		return awsfake.Refuse(awsfake.AccessDenied)
	}
	return awsfake.Decision{}
}

// count counts the calls that each has made.
func (x *interleaving) count() {
	for _, call := range x.w.AWS.Calls() {
		for i, session := range x.sessions {
			if call.Session == session.Name() {
				x.made[i]++
			}
		}
	}
}
