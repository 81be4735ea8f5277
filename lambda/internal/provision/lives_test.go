package provision_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// The tests by number (rows_*_test.go) play an event without a law, and then under it. Answer and
// account must be the same.

// A hook decides about calls: see [awsfake.AWS.Before].
type hook = func(context.Context, awsfake.Call) awsfake.Decision

// The answers of an AWS that does not know yet.
var (
	noBucket = &awsfake.Error{Status: 404, Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
	noTags   = &awsfake.Error{Status: 404, Code: "NoSuchTagSet", Message: "The TagSet does not exist"}
	noEntity = &awsfake.Error{Status: 404, Code: "NoSuchEntity", Message: "The user with name clickhouse cannot be found."}
	invalid  = &awsfake.Error{Status: 400, Code: "ValidationError", Message: "no lag at all"}
)

// A life is an event and what was before it.
type life struct {
	name  string
	start func(*bench)
	event event
	fault hook // that the event meets with and without a law, or nil
}

// A course is what became of a life.
type course struct {
	answer  answer
	err     error // no answer
	account awsfake.Snapshot
	calls   []awsfake.Call
	took    time.Duration
}

// live plays a life in a region. The law begins with the event.
func (l life) live(t *testing.T, region string, law func(*bench) hook) (o course) {
	t.Helper()
	inRegion(t, region, func(w *bench) {
		l.start(w)
		before, start := len(w.AWS.Calls()), time.Now()
		var lag hook
		if law != nil {
			lag = law(w)
		}
		w.AWS.Before = first(takesTime, l.fault, lag)
		r := w.play(l.event, nil)
		o = course{r.answer, r.err, settled(w.AWS), w.AWS.Calls()[before:], time.Since(start)}
		w.leaked()
	})
	return o
}

// takesTime has a call take a while, as on a network: no two things are made at the same moment.
func takesTime(context.Context, awsfake.Call) awsfake.Decision {
	time.Sleep(20 * time.Millisecond)
	return awsfake.Decision{}
}

// first is the decision of the first hook that makes one.
func first(hooks ...hook) hook {
	return func(ctx context.Context, c awsfake.Call) awsfake.Decision {
		for _, h := range hooks {
			if h == nil {
				continue
			}
			if d := h(ctx, c); d != (awsfake.Decision{}) {
				return d
			}
		}
		return awsfake.Decision{}
	}
}

// kindOf is an operation, what called it (the role or the user), and whether it is about the set that a
// replacement makes.
func kindOf(c awsfake.Call) string {
	who, _, _ := strings.Cut(c.Caller, "/")
	if isOfNewSet(c) {
		return c.Operation + " by " + who + " of the new set"
	}
	return c.Operation + " by " + who
}

func isOfNewSet(c awsfake.Call) bool {
	return strings.Contains(c.Target, "my-data-2") || strings.Contains(c.Target, "clickhouse-2") || strings.Contains(c.Target, "clickhouse/s3-2")
}

// isKind finds the calls of a kind.
func isKind(kind string) func(awsfake.Call) bool {
	return func(c awsfake.Call) bool { return kindOf(c) == kind }
}

// isCall finds the calls of operations.
func isCall(operations ...string) func(awsfake.Call) bool {
	return func(c awsfake.Call) bool { return slices.Contains(operations, c.Operation) }
}

// kinds are those of the calls that a law applies to, each once.
func (o course) kinds(applies func(awsfake.Call) bool) (all []string) {
	for _, c := range o.calls {
		if applies(c) {
			all = append(all, kindOf(c))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// notYet has calls fail for a while after the first of them.
func notYet(d time.Duration, outcome error, is func(awsfake.Call) bool) hook {
	var start time.Time
	return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if !is(c) {
			return awsfake.Decision{}
		}
		if start.IsZero() {
			start = time.Now()
		}
		return failBefore(start.Add(d), outcome)
	})
}

// since has calls fail for a while after the first call of an operation.
func since(operation string, d time.Duration, outcome error, is func(awsfake.Call) bool) hook {
	var start time.Time
	return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation == operation && start.IsZero() {
			start = time.Now()
		}
		if start.IsZero() || !is(c) {
			return awsfake.Decision{}
		}
		return failBefore(start.Add(d), outcome)
	})
}

func failBefore(end time.Time, outcome error) awsfake.Decision {
	if time.Now().Before(end) {
		return awsfake.Refuse(outcome)
	}
	return awsfake.Decision{}
}

// eachCall plays each life once for each kind of call that the law applies to, which then fails for a
// while. That is waited for, and not much longer. A short run has every third kind, in each life another: what make crash
// runs in full.
func eachCall(t *testing.T, region string, lives []life, d time.Duration, outcome error, applies func(awsfake.Call) bool) {
	for turn, l := range lives {
		calm := l.live(t, region, nil)
		for i, kind := range calm.kinds(applies) {
			if testing.Short() && (turn+i)%3 != 0 {
				continue
			}
			t.Run(l.name+"/"+kind, func(t *testing.T) {
				got := l.live(t, region, func(*bench) hook { return notYet(d, outcome, isKind(kind)) })
				got.isAs(t, calm)
				got.tookAtMost(t, calm.took+d+15*time.Second)
			})
		}
	}
}

// isAs fails the test unless answer and account are those of another course.
func (o course) isAs(t *testing.T, calm course) {
	t.Helper()
	switch {
	case o.err != nil:
		t.Errorf("no answer: %v", o.err)
	case o.answer.Status != calm.answer.Status || o.answer.PhysicalResourceId != calm.answer.PhysicalResourceId:
		t.Errorf("answers %s %s: %s", o.answer.Status, o.answer.PhysicalResourceId, o.answer.Reason)
	}
	if diff := difference(calm.account, o.account); diff != "" {
		t.Errorf("account: %s", diff)
	}
}

func (o course) tookAtMost(t *testing.T, limit time.Duration) {
	t.Helper()
	if o.took > limit {
		t.Errorf("took %s, and at most %s is right", o.took, limit)
	}
}

// lives are one event of each kind, with all that its calls are.
func lives() []life {
	purge, retain, recovering := with("OnDelete", "Purge"), with("OnDelete", "Retain"), with("SecretRecoveryDays", "7")
	nothing := func(*bench) {}
	after := func(events ...event) func(*bench) { return func(w *bench) { w.history(events...) } }
	filled := func(events ...event) func(*bench) { return func(w *bench) { w.history(events...); w.fill() } }
	released := func(w *bench) {
		w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released", "theirs": "1"})
		w.AWS.PutObject("my-data", "data/x", "1")
		<-time.After(3 * time.Minute)
	}
	fails := only("CreateAccessKey", awsfake.Refuse(invalid))
	return []life{
		{"create", nothing, create(named), nil},
		{"create everything", nothing, create(everything), nil},
		{"create that fails", nothing, create(named), fails},
		{"create that adopts", released, create(retain), nil},
		{"create that restores", after(create(recovering), remove(recovering)), create(recovering), nil},
		{"create that is refused", func(w *bench) { w.AWS.AddUser("clickhouse", "/", foreignTags) }, create(named), nil},
		{"create again", func(w *bench) { w.killedAfter("CreateAccessKey", create(named)) }, create(named), nil},
		{"update of everything", after(create(named)), update(named, everything, named), nil},
		{"update back of everything", after(create(named), update(named, everything, named)), update(named, named, everything), nil},
		{"replacement", after(create(named)), update(named, other(named), named), nil},
		{"replacement that is refused", filled(create(named)), update(named, other(named), named), nil},
		{"replacement that fails", after(create(named)), update(named, other(named), named), fails},
		{"update back from a replacement", func(w *bench) {
			w.history(create(named))
			w.killedAfter("PutSecretValue", update(named, other(named), named))
		}, update(named, named, other(named)), nil},
		{"delete", after(create(named)), remove(named), nil},
		{"delete that is refused", filled(create(named)), remove(named), nil},
		{"delete that purges", filled(create(purge)), remove(purge), nil},
		{"delete that retains", filled(create(retain)), remove(retain), nil},
		{"delete that recovers", after(create(recovering)), remove(recovering), nil},
	}
}

// aged are lives before whose event so much time passes that nothing is new any more.
func aged(all []life) (old []life) {
	for _, l := range all {
		start := l.start
		l.start = func(w *bench) { start(w); <-time.After(3 * time.Minute) }
		old = append(old, l)
	}
	return old
}

// livesNamed are those lives whose name begins so.
func livesNamed(prefix string) []life {
	return slices.DeleteFunc(lives(), func(l life) bool { return !strings.HasPrefix(l.name, prefix) })
}
