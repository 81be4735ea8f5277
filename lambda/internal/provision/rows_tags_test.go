package provision_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What becomes of things whose tags somebody has replaced or taken off, by the numbers of their rows.

// A loss is what somebody does to the tags of a thing.
type loss struct {
	name string
	of   func(tags map[string]string) map[string]string
}

var losses = []loss{
	{"replaced", func(map[string]string) map[string]string { return map[string]string{"cost-center": "7"} }},
	{"all taken off", func(map[string]string) map[string]string { return nil }},
	{"one taken off", func(tags map[string]string) map[string]string { delete(tags, "bucketuser:stack-id"); return tags }},
	{"owner taken off", func(tags map[string]string) map[string]string { delete(tags, "bucketuser:owner"); return tags }},
	{"one changed", func(tags map[string]string) map[string]string { tags["bucketuser:logical-id"] = "Other"; return tags }},
}

// loses has things of a set lose their tags.
func (w *bench) loses(p sim.Properties, l loss, things ...string) {
	s := w.parse(p)
	for _, thing := range things {
		w.setTags(s, thing, l.of(w.tagsOf(s, thing)))
	}
}

// putsBack sets the three owner tags of things, as a person does whom a message told so.
func (w *bench) putsBack(p sim.Properties, things ...string) {
	s := w.parse(p)
	for _, thing := range things {
		tags := plusTags(w.tagsOf(s, thing), ownerTags(s))
		w.setTags(s, thing, tags)
	}
}

func plusTags(tags, more map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, tags)
	maps.Copy(all, more)
	return all
}

// A lost is a making with the things that have lost their tags, and in which way.
type lost struct {
	making
	things []string
	loss
}

// lostThings are all choices of things for each making, and of ways.
func lostThings(t *testing.T) (all []lost) {
	for _, m := range everyMaking(t) {
		for i, things := range subsets() {
			for j, l := range losses {
				if m.tries(i+j, len(losses)) {
					all = append(all, lost{m, things, l})
				}
			}
		}
	}
	return all
}

func (l lost) String() string {
	return strings.Join([]string{l.making.name, strings.Join(l.things, " and "), l.loss.name}, ", ")
}

// has reports whether a thing has lost its tags.
func (l lost) has(thing string) bool { return slices.Contains(l.things, thing) }

// rest are the things that have not.
func (l lost) rest() []string {
	return slices.DeleteFunc(slices.Clone(thingsOfASet), l.has)
}

// inUse are the lost things that keep a Delete from its SUCCESS: those that our secret's value names, and the secret if
// its value names a key of our user.
func (l lost) inUse() (things []string) {
	for _, thing := range l.things {
		if thing == "secret" && !l.has("user") || thing != "secret" && !l.has("secret") {
			things = append(things, thing)
		}
	}
	return things
}

// begin makes the resource, with data in its bucket where that keeps no Delete from its work, and then things lose their
// tags.
func (l lost) begin(w *bench) {
	l.make(w)
	if l.onDelete != "DeleteIfEmpty" || l.has("bucket") || l.has("secret") {
		w.writes(l.p, "data/kept")
	}
	w.loses(l.p, l.loss, l.things...)
}

// isAsked fails the test unless an answer is FAILED and names each of the things with the tags that it lacks.
func (w *bench) isAsked(a answer, l lost, things []string) {
	w.t.Helper()
	s := w.parse(l.p)
	for _, thing := range things {
		w.saysAll(a, nameOf(s, thing))
		tags := w.tagsOf(s, thing)
		for key, value := range ownerTags(s) {
			if tags[key] != value {
				w.saysAll(a, key)
			}
		}
	}
	w.saysNone(a, "bucketuser:adopted", "choose another")
}

// Row 31: tags were replaced. An Update that would not change the thing leaves it alone and logs it, in each delivery.
// A Delete revokes what is ours by its tags, and fails for what was in use. Deleting again lets go of it.
func TestRow31(t *testing.T) {
	long(t)
	for _, l := range lostThings(t) {
		t.Run(l.String(), func(t *testing.T) {
			inRegion(t, l.region, func(w *bench) {
				l.begin(w)
				was := w.AWS.Snapshot()
				for range 2 {
					w.history(update(l.p, l.p, l.p))
					w.keeps(was, l.p, l.things)
					w.keeps(was, l.p, l.rest(), append(l.before, ignoreLastEvent)...)
				}
				w.warnsOf(l.p, l.things...)
				w.letsGoOf(l, len(l.inUse()) > 0)
			})
		})
	}
}

// letsGoOf deletes a resource, twice where lost things were in use.
func (w *bench) letsGoOf(l lost, isInUse bool) {
	w.t.Helper()
	was := w.AWS.Snapshot()
	a := w.play(remove(l.p), nil).answer
	if things := l.inUse(); isInUse {
		w.isAsked(a, l, things)
		w.hasLetGoOf(l, was)
		<-time.After(time.Hour)
		w.anew()
		a = w.play(remove(l.p), nil).answer
	}
	w.succeeded(a)
	w.hasLetGoOf(l, was)
	if !l.has("secret") {
		w.isGone(l.p, "secret")
	}
	if !strings.Contains(w.Log.String(), "left") {
		w.t.Error("the log does not say what is left")
	}
}

// hasLetGoOf fails the test unless all that is ours by its tags is gone, or released, and all else as it was.
func (w *bench) hasLetGoOf(l lost, was awsfake.Snapshot) {
	w.t.Helper()
	w.keeps(was, l.p, l.things)
	for _, thing := range l.rest() {
		isKept := l.isAdopted || l.has("secret") || l.onDelete == "Retain" // where the secret is lost nothing says that we made the bucket
		if thing == "bucket" && isKept {
			w.isReleased(was, l.p)
			continue
		}
		if thing == "secret" && w.isForgotten(l.p) { // it says for the next Delete that the bucket was adopted
			continue
		}
		w.isGone(l.p, thing)
	}
}

// isForgotten reports whether the secret of a set holds a tombstone.
func (w *bench) isForgotten(p sim.Properties) bool {
	for _, v := range w.AWS.Snapshot().Secrets[w.parse(p).SecretName].Versions {
		if slices.Contains(v.Stages, "AWSCURRENT") {
			return v.Value == "null"
		}
	}
	return false
}

// Row 31, its kind: the other Updates that ensure a set. CloudFormation goes back to one whose things have lost their
// tags, from a replacement that was cut off and from one that had succeeded.
func TestRow31GoingBack(t *testing.T) {
	long(t)
	ways := []string{"", "CreateAccessKey", "PutSecretValue", "CreateSecret"} // "": it had succeeded
	for _, m := range everyMaking(t) {
		for i, things := range subsets() {
			for j, killed := range ways {
				if !m.tries(i+j, len(ways)) {
					continue
				}
				l := lost{m, things, losses[0]}
				t.Run(l.String()+" "+killed, func(t *testing.T) {
					inRegion(t, l.region, func(w *bench) { w.goesBackToLost(l, killed) })
				})
			}
		}
	}
}

// goesBackToLost replaces a set, has its things lose their tags, and goes back to it.
func (w *bench) goesBackToLost(l lost, killed string) {
	w.t.Helper()
	l.make(w)
	q := renaming(l.p)
	if killed == "" {
		w.history(l.replaces())
	} else {
		w.killedAfter(killed, l.replaces())
	}
	<-time.After(time.Minute)
	w.loses(l.p, l.loss, l.things...)
	was := w.AWS.Snapshot()
	from := l.p
	if killed == "" {
		from = q
	}
	w.history(update(from, l.p, q))
	w.keeps(was, l.p, l.things)
	w.keeps(was, l.p, l.rest(), append(l.before, ignoreLastEvent, ignoreMarks)...)
	w.warnsOf(l.p, l.things...)
	if killed == "" {
		w.anew()
		w.history(remove(q))
	}
	w.isGone(q, thingsOfASet...)
	w.keeps(was, l.p, l.things)
}

// Row 32: the user was deleted and made again by hand, with keys of its own. It is somebody else's, and the policy is not
// written for it. The secret names it, at whatever path it is.
func TestRow32(t *testing.T) {
	again := map[string]func(w *bench, name string){
		"without tags":    func(w *bench, name string) { w.AWS.AddUser(name, "/bucketuser/", nil) },
		"at another path": func(w *bench, name string) { w.AWS.AddUser(name, "/", map[string]string{"team": "data"}) },
		"with a boundary": func(w *bench, name string) {
			w.AWS.AddUser(name, "/bucketuser/", map[string]string{"bucketuser:owner": "Disk"})
			w.AWS.SetBoundary(name, sim.Boundary)
		},
	}
	for _, m := range everyMaking(t) {
		for i, name := range slices.Sorted(maps.Keys(again)) {
			for j, hasKey := range yesAndNo {
				if !m.tries(i+j, 2) {
					continue
				}
				t.Run(m.name+" "+name, func(t *testing.T) {
					inRegion(t, m.region, func(w *bench) {
						l := lost{m, []string{"user"}, loss{"", func(tags map[string]string) map[string]string { return tags }}}
						w.hasAnotherUser(l, again[name], hasKey)
						w.keepsTheirUser(l)
						w.letsGoOf(l, true)
					})
				})
			}
		}
	}
}

// hasAnotherUser makes a resource whose user somebody has made again.
func (w *bench) hasAnotherUser(l lost, make func(w *bench, name string), hasKey bool) {
	l.begin(w)
	user := w.parse(l.p).UserName
	w.AWS.DeleteUser(user)
	make(w, user)
	if hasKey {
		w.AWS.AddKey(user)
	}
	<-time.After(time.Hour)
}

// keepsTheirUser updates a resource whose user is somebody else's, and goes back.
func (w *bench) keepsTheirUser(l lost) {
	w.t.Helper()
	was, changed := w.AWS.Snapshot(), plus(l.p, "Access", "Full")
	w.isAsked(w.play(update(l.p, changed, l.p), nil).answer, l, l.things)
	w.unchanged(was)
	w.history(update(l.p, l.p, changed))
	w.unchanged(was, append(l.before, ignoreLastEvent)...)
	days := plus(l.p, "AbortIncompleteUploadsAfterDays", "3")
	w.history(update(l.p, days, l.p), update(l.p, l.p, days))
	w.unchanged(was, append(l.before, ignoreLastEvent)...)
	w.warnsOf(l.p, "user")
}
