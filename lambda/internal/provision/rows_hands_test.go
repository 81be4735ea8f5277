package provision_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// What the tests by number share that are about other hands: how a resource came to be, how its things lose their
// tags, and how an event is cut off.

// A making is a way in which a resource came to be: under names that were given or generated, in a region, on a
// bucket that it made or adopted, by this version or by an earlier one. After it nothing is new any more.
type making struct {
	name      string
	region    string
	onDelete  string
	p         sim.Properties
	isAdopted bool
	make      func(*bench)
	before    []cmp.Option // what an account that an earlier version has left may gain by any event
	turn      int          // 0: the first for its OnDelete
}

// tries reports whether the k-th of n choices is tried on a making: on the first for an OnDelete each of them, on every
// other one in turn.
func (m making) tries(k, n int) bool { return m.turn == 0 || k%n == m.turn%n }

// ignoreRules leaves out the rules of buckets: earlier versions put one of ours, for the whole bucket, into those that
// they adopted, without being asked.
var ignoreRules = cmpopts.IgnoreFields(awsfake.Bucket{}, "Lifecycle")

// ignoreOrigin leaves out of a comparison where a bucket is from, which earlier versions did not write down.
var ignoreOrigin = cmpopts.IgnoreMapEntries(func(key, _ string) bool { return key == "bucketuser:bucket-origin" })

// makings are all of them for a value of OnDelete.
func makings(t *testing.T, onDelete string) (all []making) {
	t.Helper()
	add := func(m making) {
		start := m.make
		m.onDelete, m.turn = onDelete, len(all)
		m.name = onDelete + " " + m.name + " " + m.region
		m.make = func(w *bench) { start(w); <-time.After(time.Hour) }
		all = append(all, m)
	}
	p, generated := with("OnDelete", onDelete), sim.Properties{"OnDelete": onDelete}
	part := plus(generated, "UserName", "clickhouse")
	for _, region := range regions {
		add(making{name: "named", region: region, p: p, make: func(w *bench) { w.history(create(p)) }})
		add(making{name: "named in part", region: region, p: part, make: func(w *bench) { w.history(create(part)) }})
		add(making{name: "generated", region: region, p: generated, make: func(w *bench) { w.history(create(generated)) }})
		if onDelete == "Retain" {
			add(making{name: "adopted", region: region, p: p, isAdopted: true, make: func(w *bench) { w.adopts(p) }})
		}
	}
	left := []start{startNamed(t, createdWith(onDelete, ""))}
	if onDelete == "Retain" {
		left = append(left, startNamed(t, "adopted"))
	}
	for _, version := range versions(t) {
		for _, s := range left {
			l, ok := readLeft(t, version, s)
			if !ok {
				t.Fatalf("%s has left nothing for %s", version, s.name)
			}
			before := []cmp.Option{ignoreOrigin}
			if s.name == "adopted" {
				before = append(before, ignoreRules)
			}
			add(making{name: s.name + " by " + version, region: s.inRegion(), p: s.live, isAdopted: s.name == "adopted",
				make: func(w *bench) { w.restore(l) }, before: before})
		}
	}
	return few(all)
}

// long has a test run beside others of its kind, and only where there is time for it: in make crash.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
}

// few are those makings that a short run has, each with one of the choices.
func few(all []making) []making {
	if !testing.Short() {
		return all
	}
	all = slices.DeleteFunc(all, func(m making) bool { return m.turn%3 != 0 })
	for i := range all {
		all[i].turn = i + 1
	}
	return all
}

// everyMaking are those for every value of OnDelete.
func everyMaking(t *testing.T) (all []making) {
	for _, onDelete := range onDeletes {
		all = append(all, makings(t, onDelete)...)
	}
	return all
}

// adopts makes a resource on a bucket that somebody has offered, with data in it.
func (w *bench) adopts(p sim.Properties) answer {
	w.t.Helper()
	w.AWS.AddBucket(w.parse(p).BucketName, map[string]string{"bucketuser:owner": "released", "theirs": "1"})
	w.AWS.PutObject(w.parse(p).BucketName, "data/x", "1")
	return w.created(p)
}

// plus returns a copy of properties with other values.
func plus(p sim.Properties, pairs ...any) sim.Properties {
	p = maps.Clone(p)
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i].(string)] = pairs[i+1]
	}
	return p
}

// renaming returns properties under other names: those that were given, or one where none was.
func renaming(p sim.Properties) sim.Properties {
	q := plus(p)
	for _, name := range []string{"BucketName", "UserName", "SecretName"} {
		if p[name] != nil {
			q[name] = p[name].(string) + "-2"
		}
	}
	if p["BucketName"] == nil && p["UserName"] == nil && p["SecretName"] == nil {
		q["UserName"] = "clickhouse-2"
	}
	return q
}

// thingsOfASet are its three things.
var thingsOfASet = []string{"bucket", "secret", "user"}

// subsets are all choices of at least one of the three.
func subsets() (all [][]string) {
	for bits := 1; bits < 8; bits++ {
		var some []string
		for i, thing := range thingsOfASet {
			if bits>>i&1 == 1 {
				some = append(some, thing)
			}
		}
		all = append(all, some)
	}
	return all
}

// nameOf is how a message names a thing of a set.
func nameOf(s spec.Spec, thing string) string {
	return thing + " " + map[string]string{"bucket": s.BucketName, "secret": s.SecretName, "user": s.UserName}[thing]
}

// thingOf is a thing of a set in an account, or nil.
func thingOf(now awsfake.Snapshot, s spec.Spec, thing string) any {
	if x, ok := now.Buckets[s.BucketName]; ok && thing == "bucket" {
		return x
	}
	if x, ok := now.Secrets[s.SecretName]; ok && thing == "secret" {
		return x
	}
	if x, ok := now.Users[s.UserName]; ok && thing == "user" {
		return x
	}
	return nil
}

// tagsOf are those of a thing of a set.
func (w *bench) tagsOf(s spec.Spec, thing string) map[string]string {
	now := w.AWS.Snapshot()
	return map[string]map[string]string{"bucket": now.Buckets[s.BucketName].Tags, "secret": now.Secrets[s.SecretName].Tags,
		"user": now.Users[s.UserName].Tags}[thing]
}

// setTags puts tags in the place of all that a thing of a set has.
func (w *bench) setTags(s spec.Spec, thing string, tags map[string]string) {
	switch thing {
	case "bucket":
		w.AWS.SetBucketTags(s.BucketName, tags)
	case "secret":
		w.AWS.SetSecretTags(s.SecretName, tags)
	case "user":
		w.AWS.SetUserTags(s.UserName, tags)
	}
}

// ownerTags are those that make a thing a set's own.
func ownerTags(s spec.Spec) map[string]string {
	return map[string]string{"bucketuser:owner": s.PhysicalID, "bucketuser:stack-id": s.StackID, "bucketuser:logical-id": s.LogicalID}
}

// keeps fails the test unless things of a set are as they were. A bucket's policy names a user by his id when he is gone.
func (w *bench) keeps(was awsfake.Snapshot, p sim.Properties, things []string, options ...cmp.Option) {
	w.t.Helper()
	now, s := w.AWS.Snapshot(), w.parse(p)
	arn, id := `"`+s.UserARN()+`"`, `"`+was.Users[s.UserName].ID+`"`
	for _, thing := range things {
		before, after := thingOf(was, s, thing), thingOf(now, s, thing)
		if b, ok := before.(awsfake.Bucket); ok {
			b.Policy = strings.ReplaceAll(b.Policy, arn, id)
			before = b
		}
		if b, ok := after.(awsfake.Bucket); ok {
			b.Policy = strings.ReplaceAll(b.Policy, arn, id)
			after = b
		}
		if diff := cmp.Diff(before, after, options...); diff != "" {
			w.t.Errorf("%s (-before +after)\n%s", nameOf(s, thing), diff)
		}
	}
}

// isGone fails the test if things of a set are there, but for a secret in its recovery window.
func (w *bench) isGone(p sim.Properties, things ...string) {
	w.t.Helper()
	now, s := w.AWS.Snapshot(), w.parse(p)
	for _, thing := range things {
		if is := thingOf(now, s, thing); is != nil && (thing != "secret" || now.Secrets[s.SecretName].DeletedDays == 0) {
			w.t.Errorf("%s is still there: %+v", nameOf(s, thing), is)
		}
	}
}

// isReleased fails the test unless the bucket of a set was let go of with all the objects that it had.
func (w *bench) isReleased(was awsfake.Snapshot, p sim.Properties) {
	w.t.Helper()
	name := w.parse(p).BucketName
	b, ok := w.AWS.Snapshot().Buckets[name]
	if diff := cmp.Diff(was.Buckets[name].Objects, b.Objects); diff != "" || !ok || b.Tags["bucketuser:owner"] != "released" || b.Tags["bucketuser:adopted"] != "" {
		w.t.Errorf("bucket %s was not released: %+v\nobjects (-before +after)\n%s", name, b, diff)
	}
}

// warnsOf fails the test unless the log has a warning about each of the things.
func (w *bench) warnsOf(p sim.Properties, things ...string) {
	w.t.Helper()
	for _, thing := range things {
		name, isThere := strings.Split(nameOf(w.parse(p), thing), " ")[1], false
		for line := range strings.Lines(w.Log.String()) {
			isThere = isThere || strings.Contains(line, `"level":"WARN"`) && strings.Contains(line, name)
		}
		if !isThere {
			w.t.Errorf("the log warns of nothing about %s %s:\n%s", thing, name, w.Log.String())
		}
	}
}

// both goes through each pair of two lists.
func both[A, B any](as []A, bs []B) iter.Seq2[A, B] {
	return func(yield func(A, B) bool) {
		for _, a := range as {
			for _, b := range bs {
				if !yield(a, b) {
					return
				}
			}
		}
	}
}

// Lists that the tests go through.
var (
	regions   = []string{"eu-west-1", "us-east-1"}
	onDeletes = []string{"DeleteIfEmpty", "Purge", "Retain"}
	yesAndNo  = []bool{true, false}
)

// anew has the next event be one of its own, though it may ask for what the last one asked for.
func (w *bench) anew() { w.sent.last = "" }

// A bucket that was adopted, or of which its secret has lost the word, is deleted by hand. The Update that makes
// another makes it the resource's own: its settings are repaired, and it is deleted where it is empty.
func TestBucketThatAnUpdateMadeIsOurs(t *testing.T) {
	for _, isLost := range yesAndNo {
		for region, isUnknown := range both(regions, yesAndNo) {
			t.Run(fmt.Sprintf("%s, unknown %v, answer lost %v", region, isUnknown, isLost), func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					w.hasBucketOfOthers(isUnknown)
					w.AWS.DeleteBucket("my-data")
					<-time.After(time.Hour)
					if isLost {
						w.AWS.Before = firstLost("CreateBucket")
					}
					w.hasBucketOfItsOwn()
				})
			})
		}
	}
}

// hasBucketOfOthers makes a resource whose bucket does not count as made by it: it was adopted, or the secret has lost
// its tags, and people have put back those of the owner.
func (w *bench) hasBucketOfOthers(isUnknown bool) {
	w.t.Helper()
	if !isUnknown {
		w.offer()
	}
	w.history(create(retain))
	if isUnknown {
		w.AWS.SetSecretTags("clickhouse/s3", claim.OwnerTags(w.parse(retain)))
	}
	<-time.After(time.Hour)
}

// hasBucketOfItsOwn updates the resource, lifts the public access block, updates it again, and deletes it.
func (w *bench) hasBucketOfItsOwn() {
	w.t.Helper()
	p, again := plus(retain, "Trigger", "1"), plus(retain, "Trigger", "2")
	w.history(update(retain, p, retain))
	<-time.After(time.Hour)
	w.AWS.SetPublicAccessBlock("my-data", false)
	w.history(update(p, again, p))
	if b := w.AWS.Snapshot().Buckets["my-data"]; b.PublicAccessBlock != [4]bool{true, true, true, true} {
		w.t.Errorf("public access block: %v", b.PublicAccessBlock)
	}
	<-time.After(time.Hour)
	w.history(remove(again))
	w.isGone(again, "bucket", "secret", "user")
}

// firstLost loses the first answer to an operation, which takes effect.
func firstLost(operation string) hook {
	var isLost atomic.Bool
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation == operation && isLost.CompareAndSwap(false, true) {
			return awsfake.Lose(awsfake.ConnectionReset)
		}
		return awsfake.Decision{}
	}
}

// Where the delivery that made it says nothing of it any more, it is let go of as before: nobody can tell it from one
// that has lost its tag.
func TestBucketThatACutOffUpdateMadeIsLetGoOf(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := plus(retain, "Trigger", "1")
		w.offer()
		w.history(create(retain))
		<-time.After(time.Hour)
		w.AWS.DeleteBucket("my-data")
		<-time.After(time.Hour)
		w.killedAfter("CreateBucket", update(retain, p, retain))
		w.history(update(retain, p, retain))
		<-time.After(time.Hour)
		w.history(remove(p))
		if b := w.AWS.Snapshot().Buckets["my-data"]; b.Tags["bucketuser:owner"] != "released" {
			t.Errorf("tags: %v", b.Tags)
		}
	})
}
