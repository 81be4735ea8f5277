package provision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What may not be deleted in a bucket stays there, and stops nothing.

// Row 10: an Update that a user who is gone stands in the way of fails at once, since our own user is not new.
func TestRow10DoesNotWait(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(retain))
		<-time.After(time.Hour)
		w.addOther("gone")
		w.addStatements(allowing("TheirBackup", "gone"))
		w.AWS.DeleteUser("gone")
		start := time.Now()
		w.refused(w.play(update(retain, plus(retain, "Access", "Full"), retain), nil).answer, "statement TheirBackup of others names AIDA")
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// locks keep versions of objects from being deleted.
var locks = map[string]func(w *bench){
	"retention": func(w *bench) { w.AWS.SetDefaultRetention("my-data", 365) },
	"a Deny":    func(w *bench) { w.addStatements(denying("s3:DeleteObjectVersion", "arn:aws:s3:::my-data/*")) },
	"MFA delete": func(w *bench) {
		w.AWS.SetVersioning("my-data", "Enabled")
		w.rules()
		must(w.t, w.AWS.SetMFADelete("my-data", true))
	},
}

// Row 11, law L10: a bucket in which nothing may be deleted is adopted, used, rolled back and released. Marker and probe
// stay in it.
func TestRow11(t *testing.T) {
	for name, lock := range locks {
		for region, ends := range both(regions, []string{"released", "undone", "another key", "another prefix"}) {
			t.Run(name+", "+ends, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					w.offer()
					w.AWS.SetVersioning("my-data", "Enabled")
					lock(w)
					was := w.AWS.Snapshot()
					w.endsLocked(ends)
					w.isGone(retain, "secret", "user")
					w.asFound(was)
				})
			})
		}
	}
}

// endsLocked has an adoption end in a way.
func (w *bench) endsLocked(ends string) {
	w.t.Helper()
	if ends == "undone" {
		w.AWS.Before = deny("PutSecretValue")
		w.refused(w.play(create(retain), nil).answer, "AccessDenied")
		w.AWS.Before = nil
		return
	}
	w.history(create(retain))
	<-time.After(time.Hour)
	logs := plus(retain, "Prefix", "logs/")
	switch ends {
	case "another key":
		w.AWS.DeleteKey(w.value(retain)["AWS_ACCESS_KEY_ID"])
		w.history(update(retain, retain, retain))
		w.isServed(retain)
	case "another prefix":
		w.history(update(retain, logs, retain), update(retain, retain, logs))
	}
	w.history(remove(retain))
}

// Row 11: the same goes for a bucket that we have made and that holds nothing but our marker: it is released. With data in
// it a Delete does what OnDelete says: it is refused before anything changes, or fails for what may not be deleted.
func TestRow11OfABucketOfOurs(t *testing.T) {
	for name, lock := range locks {
		for onDelete, isFilled := range both(onDeletes, yesAndNo) {
			t.Run(fmt.Sprintf("%s, %s, filled %v", name, onDelete, isFilled), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("OnDelete", onDelete, "Versioning", "true")
					w.history(create(p))
					<-time.After(time.Hour)
					lock(w)
					if isFilled {
						w.AWS.PutObject("my-data", "data/x", "1")
					}
					w.AWS.PutObject("my-data", "data/", "") // a version under the lock
					was := w.AWS.Snapshot()
					w.deletesLocked(p, was, isFilled)
				})
			})
		}
	}
}

func (w *bench) deletesLocked(p sim.Properties, was awsfake.Snapshot, isFilled bool) {
	w.t.Helper()
	a := w.play(remove(p), nil).answer
	switch {
	case p["OnDelete"] == "DeleteIfEmpty" && isFilled:
		w.refused(a, "is not empty")
		w.unchanged(was)
	case p["OnDelete"] == "Purge":
		w.refused(a, "AccessDenied")
		w.isGone(p, "secret", "user")
	default:
		w.succeeded(a)
		w.isGone(p, "secret", "user")
		if now := w.AWS.Snapshot().Buckets["my-data"]; now.Tags["bucketuser:owner"] != "released" || strings.Contains(now.Policy, `"Sid":"BucketUser`) {
			w.t.Errorf("released: %+v", now)
		}
	}
}

// Row 11: a bucket that is empty in the end is released where others forbid to delete the bucket itself.
func TestRow11BucketMayNotBeDeleted(t *testing.T) {
	for onDelete, isFilled := range both(onDeletes, yesAndNo) {
		t.Run(fmt.Sprintf("%s, filled %v", onDelete, isFilled), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := with("OnDelete", onDelete)
				w.history(create(p))
				w.addStatements(denying("s3:DeleteBucket", "arn:aws:s3:::my-data"))
				if isFilled {
					w.AWS.PutObject("my-data", "data/x", "1")
				}
				w.letsGoOfKept(p, isFilled)
			})
		})
	}
}

func (w *bench) letsGoOfKept(p sim.Properties, isFilled bool) {
	w.t.Helper()
	was, a := w.AWS.Snapshot(), w.play(remove(p), nil).answer
	if p["OnDelete"] == "DeleteIfEmpty" && isFilled {
		w.refused(a, "is not empty")
		w.unchanged(was)
		return
	}
	w.succeeded(a)
	w.isGone(p, "secret", "user")
	now := w.AWS.Snapshot().Buckets["my-data"]
	isKept := now.Objects["data/x"] != nil
	if now.Tags["bucketuser:owner"] != "released" || !strings.Contains(now.Policy, "Theirs") || isKept != (isFilled && p["OnDelete"] == "Retain") {
		w.t.Errorf("released: %+v", now)
	}
}

// Row 12: an Update does not change a tag of the owner of an adopted bucket, and its rollback is not refused.
func TestRow12TagsOfOthersStay(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer("team", "web")
		w.history(create(retain))
		<-time.After(time.Hour)
		was := w.AWS.Snapshot()
		w.refused(w.play(update(retain, teamTag("data"), retain), nil).answer, "has the tag team=web, and Tags would change it")
		w.unchanged(was)
		w.rollsBack(update(retain, retain, teamTag("data")))
		w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "team", "web")
		w.history(update(retain, teamTag("web"), retain), update(teamTag("web"), retain, teamTag("web")))
		w.AWS.TagBucket("my-data", map[string]string{"team": "web"}) // of which nobody knew whose it was
		w.history(remove(retain))
		w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "team", "web")
	})
}
