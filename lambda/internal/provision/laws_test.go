package provision_test

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// TestLaws tells every story once under each law of an AWS that lags and refuses, with every
// ending, and compares answers and account with what they are without the law. The start is made
// without it, three minutes before the event. One law of one story runs alone:
//
//	go test ./lambda/internal/provision -run 'TestLaws/create_named/rights_late_8s' -v
func TestLaws(t *testing.T) {
	total := tally{uses: sim.Uses{}}
	start, told, laws := time.Now(), allStories(t), laws()
	stop := total.progress("stories", len(told))
	t.Cleanup(func() { // when all stories are told
		stop()
		fmt.Printf("laws: %d lives (stories x laws x endings; %d stories, %d laws), %d violations, leak checks: %d texts, %d windows, %s\n", total.one.Load(),
			len(told), len(laws), total.violations.Load(), total.texts.Load(), total.windows.Load(), time.Since(start).Round(time.Second))
	})
	for _, s := range told {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			calm := newTelling(t, s, &total)
			calm.prepare()
			calm.tell(sim.Together("none"))
			calm.check()
			for _, law := range lawsOf(s, laws) {
				t.Run(law.Name, func(t *testing.T) { calm.under(t, law) })
			}
			total.done.Add(1)
		})
	}
}

// laws are those of sim, and sets of them. In a set everything lags that can do so at the same
// time, but for two. Where rights are late, nothing tells a hidden bucket from one that may not be
// seen yet. And where users, buckets and secrets lag for long, a Delete sees nothing of its set, so
// it answers at once: only a Delete under an id that CloudFormation has made up looks longer.
func laws() []sim.Law {
	return append(sim.Laws(),
		sim.Together("all short", sim.Named("new buckets unknown 5s", "rights late 8s", "users lag 5s, rights on a path", "buckets lag 5s", "secrets lag 5s",
			"status lags 2s", "conflicts lag 10s", "names of users taken 5s", "names of buckets taken 30s", "names of secrets taken 5s", "plain listings")...),
		sim.Together("all long", sim.Named("new buckets unknown 1m30s", "rights late 30s", "users lag 1m0s, rights on a path", "buckets lag 1m0s",
			"status lags 20s", "conflicts lag 10s", "names of users taken 1m0s", "names of buckets taken 30s", "names of secrets taken 5s", "plain listings")...))
}

// lawsOf are those that can matter in a story.
func lawsOf(s story, laws []sim.Law) []sim.Law {
	if !s.rotates() {
		return laws
	}
	return slices.DeleteFunc(slices.Concat(laws, sim.RotationLaws()), func(law sim.Law) bool {
		return s.hasAbandonment && strings.Contains(law.Name, "abandoned") // it is told for each of them
	})
}

// beforeEvent is the time between the start of a story and its event: longer than anything lags.
const beforeEvent = 3 * time.Minute

// telling is a story under one law.
type telling struct {
	t     *testing.T
	story story
	total *tally
	law   sim.Law
	start moment         // right before the event, when the law begins
	ends  map[string]end // by ending; "" is the end of the event itself
}

// end is where events have led.
type end struct {
	answers []answer
	loose   []bool // either answer is right
	wrong   string // no answer, or something that is wrong by itself
	account awsfake.Snapshot
	unsafe  string
}

func newTelling(t *testing.T, s story, total *tally) *telling {
	return &telling{t: t, story: s, total: total}
}

// inStory runs a test in a bubble on an empty account.
func (l *telling) inStory(test func(*bench)) {
	inRegion(l.t, l.story.region, func(w *bench) {
		w.AWS.UserPropagation, w.AWS.KeyPropagation = 500*time.Millisecond, 1500*time.Millisecond
		test(w)
		l.total.violations.Add(w.leaked())
		l.total.searched(w)
	})
}

// prepare makes the start, and lets time pass.
func (l *telling) prepare() {
	l.inStory(func(w *bench) {
		l.story.begin(w)
		w.renameOddKeys()
		if !strings.HasPrefix(l.story.start, "half ") {
			w.completed(l.story.event)
		}
		<-time.After(beforeEvent)
		l.start = w.moment()
	})
}

// renameOddKeys takes control characters out of keys: XML has none, so no listing shows them that
// is not encoded.
func (w *bench) renameOddKeys() {
	now := w.AWS.Snapshot()
	for _, bucket := range now.Buckets {
		for key, versions := range bucket.Objects {
			if plain := strings.ReplaceAll(key, "\x01", ""); plain != key {
				delete(bucket.Objects, key)
				bucket.Objects[plain] = versions
			}
		}
	}
	if err := w.AWS.Restore(awsfake.Snapshot{Buckets: now.Buckets}); err != nil {
		w.t.Fatal(err)
	}
}

// completed has CloudFormation be done with what it did before an event, unless that is the event
// itself, which comes again.
func (w *bench) completed(next event) {
	id := ""
	if next.kind != "Create" {
		id = w.idOf(next.id)
	}
	status, _ := w.AWS.ResourceStatus(w.stackID, sim.LogicalID)
	was, isUnderWay := strings.CutSuffix(status, "_IN_PROGRESS")
	if !isUnderWay || w.sent.last == fmt.Sprint(next.kind, id, next.p, next.old) {
		return
	}
	w.AWS.SetResourceStatus(w.stackID, sim.LogicalID, was+"_COMPLETE")
	w.AWS.SetPhysicalResourceID(w.stackID, sim.LogicalID, id)
}

// under tells the story under a law, and compares.
func (l *telling) under(t *testing.T, law sim.Law) {
	told := newTelling(t, l.story, l.total)
	told.start = l.start
	told.tell(law)
	for _, e := range append([]ending{{}}, l.story.endings...) {
		if violation := l.compare(l.ends[e.name], told.ends[e.name]); violation != "" {
			l.total.violations.Add(1)
			name := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
			t.Errorf("go test ./lambda/internal/provision -run '%s': %s: %s", name, cmp.Or(e.name, "event"), violation)
		}
	}
}

// tell carries out the event under a law, and each ending after it.
func (l *telling) tell(law sim.Law) {
	l.law, l.ends = law, map[string]end{}
	var after moment
	l.inStory(func(w *bench) {
		w.goTo(l.start)
		w.hold(law, l.story.event)
		l.ends[""] = l.play(w, end{}, l.story.event)
		after = w.moment()
	})
	for _, e := range l.story.endings {
		l.inStory(func(w *bench) {
			w.goTo(after)
			l.ends[e.name] = l.play(w, end{}, e.events...)
			l.total.one.Add(1)
		})
	}
}

// check fails the test where something is wrong without a law.
func (l *telling) check() {
	for _, e := range append([]ending{{}}, l.story.endings...) {
		events, got := e.events, l.ends[e.name]
		if e.name == "" {
			events = []event{l.story.event}
		}
		for i, a := range got.answers {
			if !events[i].isAnsweredBy(a) {
				l.t.Fatalf("%s, %s, without a law: %s", l.story.name, e.name, brief(a))
			}
		}
		if reason := cmp.Or(got.wrong, got.unsafe); reason != "" {
			l.t.Fatalf("%s, %s, without a law: %s", l.story.name, e.name, reason)
		}
	}
}

// hold has a law hold from now on. Names that nothing has, and that the event may want, were
// deleted a moment ago if the law is about such names.
func (w *bench) hold(law sim.Law, e event) {
	law.Hold(w.AWS)
	s, now := w.parse(e.p), w.AWS.Snapshot()
	if _, ok := now.Users[s.UserName]; !ok && w.AWS.UserDeletion > 0 {
		w.AWS.AddUser(s.UserName, "/", nil)
		w.AWS.DeleteUser(s.UserName)
	}
	if _, ok := now.Buckets[s.BucketName]; !ok && w.AWS.BucketDeletion > 0 {
		w.AWS.AddBucket(s.BucketName, nil)
		w.AWS.DeleteBucket(s.BucketName)
	}
	if _, ok := now.Secrets[s.SecretName]; !ok && w.AWS.SecretDeletion > 0 {
		w.AWS.AddSecret(s.SecretName, "", nil)
		w.AWS.DeleteSecret(s.SecretName, 0)
	}
}

// play carries out events under the law and looks where they have led.
func (l *telling) play(w *bench, o end, events ...event) end {
	for _, e := range events {
		if e.kind != kindRotation { // which CloudFormation does not know of
			w.completed(e)
		}
		<-time.After(w.AWS.StatusPropagation) // or CloudFormation would show what is older still
		l.law.Begin(w.AWS)
		r := w.play(e, nil)
		o.loose = append(o.loose, e.isLoose)
		if o.answers = append(o.answers, r.answer); r.err != nil {
			o.wrong = fmt.Sprintf("%s: %v", e.kind, r.err)
		}
	}
	now := w.AWS.Snapshot()
	if o.wrong == "" {
		o.wrong = unknown(now, o.answers[len(o.answers)-1])
	}
	o.account, o.unsafe = settled(w.AWS), unsafe(now)+unspoken(now, true)
	return o
}

// made are the values of an answer that AWS has made up.
var made = []string{"AccessKeyId", "SecretArn", "SecretVersionId"}

// unknown says which of them the account does not have.
func unknown(now awsfake.Snapshot, a answer) string {
	text := fmt.Sprint(now)
	for _, name := range made {
		if !strings.Contains(text, a.Data[name]) {
			return fmt.Sprintf("the answer has the %s %s, which the account has not", name, a.Data[name])
		}
	}
	return ""
}

// compare says what is another than without the law.
func (l *telling) compare(want, got end) string {
	if got.wrong != "" {
		return got.wrong
	}
	for i, a := range got.answers {
		if diff := otherAnswer(want.answers[i], a); diff != "" && !want.loose[i] {
			return diff
		}
	}
	last := got.answers[len(got.answers)-1]
	switch diff := l.story.exempt.difference(sim.Uses{}, want.account, got.account); {
	case diff != "":
		return brief(last) + ", but " + diff
	case want.unsafe == "":
		return got.unsafe
	}
	return ""
}

// otherAnswer says in what an answer differs from another, but for its reason and for what AWS has
// made up.
func otherAnswer(want, got answer) string {
	data := func(a answer) map[string]string {
		d := maps.Clone(a.Data)
		maps.DeleteFunc(d, func(name, _ string) bool { return slices.Contains(made, name) })
		return d
	}
	switch {
	case want.Status != got.Status:
		return fmt.Sprintf("answers %s, without the law %s", brief(got), brief(want))
	case want.PhysicalResourceId != got.PhysicalResourceId || !maps.Equal(data(want), data(got)):
		return fmt.Sprintf("answers %s %v, without the law %s %v", got.PhysicalResourceId, data(got), want.PhysicalResourceId, data(want))
	}
	return ""
}
