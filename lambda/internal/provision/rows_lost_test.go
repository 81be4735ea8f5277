package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
)

// Lost tags beside other things that go wrong.

// Row 31: a key is needed while things have lost their tags. With user or secret lost no key is made or removed, and no
// value written. With the bucket lost a key is made without proof: nothing is written to that bucket.
func TestRow31KeyIsNeeded(t *testing.T) {
	long(t)
	for name, tamper := range map[string]func(w *bench, key string){
		"key deleted":       func(w *bench, key string) { w.AWS.DeleteKey(key) },
		"key made inactive": func(w *bench, key string) { w.AWS.SetKeyActive(key, false) },
		"value overwritten": func(w *bench, _ string) { w.AWS.PutSecretValue("clickhouse/s3", "nonsense") },
		"wrong pair":        func(w *bench, _ string) { w.corrupts(named) },
		"two more keys": func(w *bench, key string) {
			w.AWS.DeleteKey(key)
			w.AWS.AddKey("clickhouse")
			w.AWS.AddKey("clickhouse")
		},
	} {
		for _, things := range subsets() {
			for kind, next := range keyEvents(namedMaking) {
				if kind == "prefix" || kind == "read-only" {
					continue // refused
				}
				t.Run(strings.Join([]string{name, strings.Join(things, " and "), kind}, " "), func(t *testing.T) {
					inWorld(t, func(w *bench) {
						key := w.created(named).Data["AccessKeyId"]
						next.before(w)
						<-time.After(time.Hour)
						tamper(w, key)
						w.loses(named, losses[0], things...)
						w.needsAKey(lost{namedMaking, things, losses[0]}, next.event)
					})
				})
			}
		}
	}
}

func (w *bench) needsAKey(l lost, e event) {
	w.t.Helper()
	was := w.AWS.Snapshot()
	a := w.play(e, nil).answer
	if w.idOf(e.id) != w.idOf(named) && l.has("secret") && l.has("bucket") && w.value(named)["S3_BUCKET"] == "" {
		w.saysAll(a) // nothing is left that tells of a set that was in force
		w.unchanged(was)
		return
	}
	w.succeeded(a)
	w.keeps(was, named, l.things)
	if now := w.AWS.Snapshot(); l.has("user") || l.has("secret") {
		if diff := cmp.Diff(was.Users["clickhouse"], now.Users["clickhouse"]); diff != "" {
			w.t.Errorf("user (-before +after)\n%s", diff)
		}
		if diff := cmp.Diff(was.Secrets["clickhouse/s3"].Versions, now.Secrets["clickhouse/s3"].Versions); diff != "" {
			w.t.Errorf("values (-before +after)\n%s", diff)
		}
		return
	}
	if fields := w.value(named); fields["AWS_ACCESS_KEY_ID"] != a.Data["AccessKeyId"] || strings.Contains(w.value(named)["AWS_SECRET_ACCESS_KEY"], "wrong") {
		w.t.Errorf("the secret holds %s, and the answer %s", fields["AWS_ACCESS_KEY_ID"], a.Data["AccessKeyId"])
	}
}

// Row 31: tags are lost a moment after the resource was made, when AWS may not show all of it. Waiting ends.
func TestRow31OfAYoungSet(t *testing.T) {
	long(t)
	for things, l := range both(subsets(), losses) {
		for _, onDelete := range onDeletes {
			p := with("OnDelete", onDelete, "SecretRecoveryDays", []string{"0", "7"}[len(things)%2])
			young := making{p: p, onDelete: onDelete, make: func(w *bench) { w.created(p) }}
			t.Run(lost{young, things, l}.String(), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					l := lost{young, things, l}
					l.begin(w)
					was := w.AWS.Snapshot()
					start := time.Now()
					w.history(update(p, p, p))
					w.keeps(was, p, things)
					w.letsGoOf(l, len(l.inUse()) > 0)
					if took := time.Since(start) - time.Hour; took > 8*time.Minute {
						t.Errorf("took %s", took)
					}
				})
			})
		}
	}
}

// Row 31: somebody offers the bucket of a resource to others by the tag that says so. With OnDelete Retain it is adopted
// again. With any other it is left alone by an Update, and by the Delete, which succeeds.
func TestRow31OfferedByHand(t *testing.T) {
	for _, region := range regions {
		for _, onDelete := range onDeletes {
			t.Run(region+" "+onDelete, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					p := with("OnDelete", onDelete)
					w.created(p)
					w.writes(p, "data/x")
					<-time.After(time.Hour)
					w.AWS.TagBucket("my-data", map[string]string{"bucketuser:owner": "released"})
					was := w.AWS.Snapshot()
					w.history(update(p, p, p))
					if onDelete == "Retain" {
						w.keepsTags(w.tagsOf(w.parse(p), "bucket"), "bucketuser:owner", w.idOf(p), "bucketuser:adopted", "true")
					} else {
						w.keeps(was, p, []string{"bucket"})
						w.isAsked(w.play(update(p, plus(p, "Versioning", "true"), p), nil).answer, lost{making{p: p}, []string{"bucket"}, losses[0]}, []string{"bucket"})
						w.history(update(p, p, plus(p, "Versioning", "true")))
						w.keeps(was, p, []string{"bucket"})
					}
					w.history(remove(p))
					w.isGone(p, "secret", "user")
					w.isReleased(was, p)
				})
			})
		}
	}
}

// A10: the same in a replacement, from which CloudFormation goes back. What is theirs stays, in whatever part of its
// undoing the replacement was cut off.
func TestA10InAReplacement(t *testing.T) {
	long(t)
	p, q := named, other(named)
	for thing, region := range both([]string{"user", "bucket"}, regions) {
		for n, isReached := 1, true; isReached; n++ {
			t.Run(thing+" "+region, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					w.created(p)
					<-time.After(time.Hour)
					was := w.AWS.Snapshot()
					theirs := awsfake.Snapshot{}
					theirs, isReached = w.diesUndoing(update(p, q, p), thing, map[string]string{"team": "data"}, n)
					<-time.After(3 * time.Minute)
					w.history(update(p, p, q))
					w.keeps(theirs, q, []string{thing})
					w.isGone(q, "secret", map[string]string{"user": "bucket", "bucket": "user"}[thing])
					w.keeps(was, p, thingsOfASet, ignoreLastEvent)
				})
			})
		}
	}
}

// isInUse reports whether the secret of a set names a key that its user has.
func (w *bench) isInUse(l lost) bool {
	now, s := w.AWS.Snapshot(), w.parse(l.p)
	for _, v := range now.Secrets[s.SecretName].Versions {
		isNamed := func(k awsfake.AccessKey) bool { return strings.Contains(v.Value, k.ID) }
		if slices.Contains(v.Stages, "AWSCURRENT") && (!l.has("secret") || slices.ContainsFunc(now.Users[s.UserName].Keys, isNamed)) {
			return true
		}
	}
	return false
}

// Row 31, with OnDelete Retain: a replacement does not ask for the bucket. It is left when the old set is deleted.
func TestRow31ReplacedWithoutItsBucket(t *testing.T) {
	for _, m := range makings(t, "Retain") {
		t.Run(m.name, func(t *testing.T) {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				w.writes(m.p, "data/x")
				w.loses(m.p, losses[0], "bucket")
				was := w.AWS.Snapshot()
				w.history(m.replaces())
				l := lost{m, []string{"bucket"}, losses[0]}
				w.keeps(was, m.p, l.things)
				w.anew()
				w.letsGoOf(l, true)
			})
		})
	}
}
