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

// race is two deliveries at the same time: the first makes some calls, then the
// second makes some, then the first goes on to its end, and then the second.
type race struct {
	name   string
	before func(*world)
	a, b   event
	id     string    // of b, if CloudFormation made one up
	denied string    // an operation that is refused to a alone
	status [2]string // of the resource, before and after b begins; "" cannot be answered
	// ends are what CloudFormation may send afterwards, and the events that lead to
	// the same account one after the other, without a race.
	ends  []raceEnd
	judge func(w *world, a, b answer) string // of the answers; nil: both say SUCCESS
}

type raceEnd struct{ then, like []event }

func races() []race {
	creating := [2]string{"CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"}
	deleted := [2]string{"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
	deleting := [2]string{"DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
	updating := [2]string{"UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}
	logs, purge, old, p := with("Prefix", "logs"), with("OnDelete", "Purge", "Versioning", "true"), named, other(named)
	recovering, retain := with("SecretRecoveryDays", "7"), with("OnDelete", "Retain")
	made := func(p properties) func(*world) { return func(w *world) { w.history(create(p)) } }
	gone := []raceEnd{{nil, []event{create(named), remove(named)}}}
	to := func(events ...event) []event { return events }
	any := func(*world, answer, answer) string { return "" }

	return []race{
		{"delete beside create", nothing, create(named), remove(named), "", "", deleted, gone, deleteSucceeds},
		{"delete under an invented id beside create", nothing, create(named), remove(named), "analytics-Disk-1ABCDEFGHIJKL", "", deleted, gone, deleteSucceeds},
		{"delete beside create, CloudFormation does not say", nothing, create(named), remove(named), "", "", [2]string{},
			[]raceEnd{{to(remove(named)), to(create(named), remove(named))}}, wholeOrNothing},
		{"two creates", nothing, create(named), create(named), "", "", creating,
			[]raceEnd{{nil, to(create(named))}, {to(remove(named)), to(create(named), remove(named))}}, nil},
		{"two creates that restore", func(w *world) { w.history(create(recovering), remove(recovering)) }, create(recovering), create(recovering), "", "", creating,
			[]raceEnd{{nil, to(create(recovering))}, {to(remove(recovering)), to(create(recovering), remove(recovering))}}, nil},
		{"two creates that adopt", func(w *world) { w.aws.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"}) },
			create(retain), create(retain), "", "", creating,
			[]raceEnd{{nil, to(create(retain))}, {to(remove(retain)), to(create(retain), remove(retain))}}, nil},
		// One fails for reasons of its own: its undoing and the other's commit exclude each other.
		{"two creates, one without a right", nothing, create(named), create(named), "", "PutBucketLifecycleConfiguration", creating,
			[]raceEnd{{to(remove(named)), to(create(named), remove(named))}}, notBoth},
		{"two deletes", made(named), remove(named), remove(named), "", "", deleting, []raceEnd{{nil, to(remove(named))}}, nil},
		{"two purges", filled(purge), remove(purge), remove(purge), "", "", deleting, []raceEnd{{nil, to(remove(purge))}}, nil},
		{"two updates", made(named), update(named, logs, named), update(named, logs, named), "", "", updating,
			[]raceEnd{{nil, to(update(named, logs, named))}}, nil},
		{"two updates that mint", func(w *world) { w.history(create(named)); w.aws.DeleteUser("clickhouse") },
			update(named, logs, named), update(named, logs, named), "", "", updating, []raceEnd{{nil, to(update(named, logs, named))}}, nil},
		{"two updates that restore", func(w *world) { w.history(create(named)); w.aws.DeleteSecret("clickhouse/s3", 30) },
			update(named, logs, named), update(named, logs, named), "", "", updating, []raceEnd{{nil, to(update(named, logs, named))}}, nil},
		{"two updates that make room", func(w *world) {
			w.aws.DeleteKey(w.created(named).Data["AccessKeyId"])
			w.aws.AddKey("clickhouse")
		}, update(named, logs, named), update(named, logs, named), "", "", updating, []raceEnd{{nil, to(update(named, logs, named))}}, nil},
		// Whichever writes last wins, so the account may be as the update wanted it when
		// the rollback has answered. The key stays right, and the next event converges.
		{"rollback beside update", made(named), update(named, logs, named), update(named, named, logs), "", "", updating,
			[]raceEnd{{to(update(named, named, logs)), to(update(named, named, logs))}}, any},
		{"rollback beside update that mints", func(w *world) { w.history(create(named)); w.aws.DeleteUser("clickhouse") },
			update(named, logs, named), update(named, named, logs), "", "", updating,
			[]raceEnd{{to(update(named, named, logs)), to(update(named, named, logs))}}, any},
		{"delete beside update", made(named), update(named, with("Access", "Full"), named), remove(named), "", "",
			[2]string{"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}, []raceEnd{{nil, to(remove(named))}}, any},
		{"two replacements", made(old), update(old, p, old), update(old, p, old), "", "", updating,
			[]raceEnd{{nil, to(update(old, p, old))}, {to(remove(old)), to(update(old, p, old), remove(old))}, {to(update(old, old, p)), nil}}, nil},
		// The new set is unknown to CloudFormation and goes away, so its secret is nobody's.
		{"rollback beside replacement", made(old), update(old, p, old), update(old, old, p), "", "", updating,
			[]raceEnd{{to(update(old, old, p)), nil}}, any},
		{"cleanup beside a late replacement", func(w *world) { w.history(create(old), update(old, p, old)) },
			update(old, p, old), remove(old), "", "", updating, []raceEnd{{nil, to(remove(old))}}, any},
	}
}

func deleteSucceeds(_ *world, _, b answer) string {
	if b.Status != "SUCCESS" {
		return "Delete answers " + b.Reason
	}
	return ""
}

// notBoth is what is promised where one of two Creates fails and is undone: a set that
// the other has answered for is there.
func notBoth(w *world, a, b answer) string {
	now := w.aws.Snapshot()
	n := len(now.Users) + len(now.Buckets) + len(now.Secrets)
	switch reason := unsafe(now); {
	case reason != "":
		return reason
	case b.Status == "SUCCESS" && n != 3:
		return "one answers SUCCESS, but " + difference(awsfake.Snapshot{}, now) + "; the other " + brief(a)
	case b.Status != "SUCCESS" && n != 0 && !strings.Contains(a.Reason+b.Reason, "undo: "):
		return "both answer FAILED, but " + difference(awsfake.Snapshot{}, now) + ": " + brief(a) + ", " + brief(b)
	}
	return ""
}

// wholeOrNothing is what is promised where CloudFormation cannot be asked: a Create
// that goes on after its Delete makes a whole set or none.
func wholeOrNothing(w *world, a, b answer) string {
	now := w.aws.Snapshot()
	if a.Status == "SUCCESS" { // and then the Delete went on, or not
		if n := len(now.Users) + len(now.Buckets) + len(now.Secrets); n != 0 && n != 3 {
			return "Create answers SUCCESS, but " + difference(awsfake.Snapshot{}, now)
		}
	} else if len(now.Users)+len(now.Buckets)+len(now.Secrets) > 0 {
		return "Create answers FAILED (" + a.Reason + "), but " + difference(awsfake.Snapshot{}, now)
	}
	return deleteSucceeds(w, a, b)
}

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
	fmt.Printf("races: %d interleavings, %d violations, leak checks: %d texts, %d windows, %s\n", total.one.Load(), total.violations.Load(),
		total.texts.Load(), total.windows.Load(), time.Since(start).Round(time.Second))
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
				reached, violation = r.run(w, first, second, wants)
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
func (r race) run(w *world, first, second int, wants []awsfake.Snapshot) (reached [2]bool, violation string) {
	r.before(w)
	sessions := [2]*awsfake.Session{w.aws.Session("provider"), w.aws.Session("provider")}
	var answers [2]answer
	var errs [2]error
	var over [2]atomic.Bool
	deliver := func(i int, e event, id string) func() {
		if e.kind != "Create" && id == "" {
			id = w.idOf(e.id)
		}
		return func() {
			answers[i], errs[i] = w.invoke(sessions[i], e.kind, id, e.p, e.old)
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
	return [2]bool{made[0] >= first, made[1] > second}, violation
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
