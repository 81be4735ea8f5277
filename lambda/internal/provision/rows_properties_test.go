package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
)

// What each property's change does to things that have lost their tags.

// concerned are the things that a change of a property changes.
var concerned = map[string][]string{
	"Prefix":                          {"bucket", "secret", "user"},
	"FolderMarker":                    {"bucket"},
	"Access":                          {"bucket", "user"},
	"Statements":                      {"bucket", "user"},
	"EnforceTls":                      {"bucket", "user"},
	"Versioning":                      {"bucket", "user"}, // it is in what ReadWrite allows
	"AbortIncompleteUploadsAfterDays": {"bucket"},
	"ExpireNoncurrentAfterDays":       {"bucket", "user"}, // it comes with Versioning
	"SecretKmsKeyId":                  {"secret"},
	"Tags":                            {"bucket", "secret"},
	"PreviousKey":                     {"secret", "user"},
	"RotateAfterDays":                 {"bucket", "secret", "user"},
}

// Row 31: each property's change against each lost thing. It is refused if it would change the thing, with the account
// as it was, and its rollback changes nothing. Otherwise it does its work on the other things.
func TestRow31EachProperty(t *testing.T) {
	long(t)
	for i, row := range inPlace {
		for j, things := range subsets() {
			if row.property == "Tags" && slices.Contains(things, "bucket") && slices.Contains(things, "secret") {
				continue // nothing shows which of the events it is
			}
			for k, l := range []loss{losses[0], losses[1+(i+j)%(len(losses)-1)]} {
				region := regions[k]
				t.Run(strings.Join([]string{row.property, strings.Join(things, " and "), l.name}, ", "), func(t *testing.T) {
					inRegion(t, region, func(w *bench) { w.changesBesideLost(row, lost{namedMaking, things, l}) })
				})
			}
		}
	}
}

// namedMaking is that of a resource with the given names.
var namedMaking = making{p: named, make: func(w *bench) { w.created(named); <-time.After(time.Hour) }}

// changesBesideLost changes a property and back.
func (w *bench) changesBesideLost(row inPlaceRow, l lost) {
	w.t.Helper()
	l.begin(w)
	was, changed := w.AWS.Snapshot(), row.changed()
	refused := slices.DeleteFunc(slices.Clone(concerned[row.property]), func(thing string) bool { return !l.has(thing) })
	for range 2 {
		a := w.play(update(named, changed, named), nil).answer
		if len(refused) > 0 {
			w.isAsked(a, l, refused)
			w.unchanged(was)
			continue
		}
		w.succeeded(a)
		w.keeps(was, named, l.things)
		w.keeps(was, named, []string{"user"}) // its tags are set when it is made
	}
	w.history(update(named, named, changed))
	w.keeps(was, named, l.things)
	w.succeeded(w.update(w.idOf(named), named, named))
	w.keeps(was, named, l.things)
	w.keepsButVersions(was, l.rest())
}

// keepsButVersions fails the test unless things of the named set are as they were, but for versions.
func (w *bench) keepsButVersions(was awsfake.Snapshot, things []string) {
	w.t.Helper()
	s, now := w.parse(named), w.AWS.Snapshot()
	withoutVersions(was)
	withoutVersions(now)
	for _, thing := range things {
		if diff := cmp.Diff(thingOf(was, s, thing), thingOf(now, s, thing), ignoreLastEvent); diff != "" {
			w.t.Errorf("%s (-before +after)\n%s", nameOf(s, thing), diff)
		}
	}
}

// withoutVersions leaves out of an account what is written whatever a read shows: a value that was there comes as another
// version, and versioning that was on is suspended. A rule that is written anew in a bucket of which it is doubted that it
// is ours reaches the prefix only.
func withoutVersions(now awsfake.Snapshot) {
	forgetVersions(now)
	for name, b := range now.Buckets {
		if b.Versioning == "Suspended" {
			b.Versioning = ""
		}
		b.Lifecycle = slices.Clone(b.Lifecycle)
		for i := range b.Lifecycle {
			b.Lifecycle[i].JSON = strings.Replace(b.Lifecycle[i].JSON, `"Prefix":"data/"`, `"Prefix":""`, 1)
		}
		now.Buckets[name] = b
	}
}
