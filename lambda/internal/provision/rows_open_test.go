package provision_test

import (
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// Lost tags and replacements where two things go wrong, one after the other.

// A2: the tags are put back between two Deletes, as the first of them says, when secret and user are gone. The bucket
// counts as adopted all the same, whether it holds data or not.
func TestA2PutBackBetweenDeletes(t *testing.T) {
	for _, things := range [][]string{{"bucket"}, {"bucket", "secret"}, {"bucket", "user"}, thingsOfASet} {
		for onDelete, isEmpty := range both(onDeletes, yesAndNo) {
			t.Run(strings.Join(append(things, onDelete), " "), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					retain, p := with("OnDelete", "Retain"), with("OnDelete", onDelete)
					w.adopts(retain)
					if isEmpty {
						w.AWS.DeleteObject("my-data", "data/x")
					}
					<-time.After(time.Hour)
					w.loses(retain, losses[0], things...)
					w.update(w.idOf(p), p, retain)
					was := w.AWS.Snapshot()
					w.play(remove(p), nil)
					w.keeps(was, p, []string{"bucket"})
					w.putsBack(p, "bucket")
					<-time.After(time.Hour)
					w.anew()
					w.deletesAtLast(p)
					w.isReleased(was, p)
				})
			})
		}
	}
}

// Row 31: the Delete of a set with lost things is cut off at each call and delivered again. Nobody has heard yet that
// something stays, so it fails once, but where what showed that it was in use is gone (N15).
func TestRow31DeleteIsCutOff(t *testing.T) {
	for _, things := range subsets() {
		for _, onDelete := range onDeletes {
			p := with("OnDelete", onDelete)
			l := lost{making{p: p, onDelete: onDelete, make: func(w *bench) { w.created(p); <-time.After(time.Hour) }}, things, losses[0]}
			if len(l.inUse()) == 0 {
				continue
			}
			t.Run(l.String(), func(t *testing.T) {
				var was awsfake.Snapshot
				eachCut(t, "eu-west-1", func(w *bench) { l.begin(w); was = w.AWS.Snapshot() }, remove(p), func(w *bench) {
					isShown := w.isInUse(l)
					a := w.play(remove(p), nil).answer
					if isShown || a.Status == "FAILED" {
						w.isAsked(a, l, l.inUse())
					}
					w.hasLetGoOf(l, was)
				})
			})
		}
	}
}

// A1b: CloudFormation goes back to a set whose secret somebody has deleted, or whose tags tell nothing any more. The set
// that it comes from says what it has replaced. The way back is not refused, whatever the new set holds.
func TestA1bGoesBackWithoutASecret(t *testing.T) {
	gone := func(w *bench) { w.AWS.DeleteSecret("clickhouse/s3", 0) }
	oneOff := func(things ...string) func(*bench) {
		return func(w *bench) { w.loses(named, losses[2], things...) }
	}
	for name, test := range map[string]struct{ before, after func(*bench) }{
		"secret deleted before":                {gone, nothing},
		"secret deleted after":                 {nothing, gone},
		"one tag off the secret":               {nothing, oneOff("secret")},
		"one tag off secret and bucket":        {nothing, oneOff("secret", "bucket")},
		"one tag off all":                      {nothing, oneOff(thingsOfASet...)},
		"secret deleted, one tag off the user": {gone, oneOff("user")},
	} {
		for _, onDelete := range onDeletes {
			for _, key := range []string{"data/z", ""} {
				t.Run(strings.Join([]string{name, onDelete, key}, ", "), func(t *testing.T) {
					inWorld(t, func(w *bench) {
						p := with("OnDelete", onDelete)
						q := other(p)
						w.created(p)
						<-time.After(time.Hour)
						test.before(w)
						w.history(update(p, q, p))
						w.writes(q, key)
						<-time.After(time.Hour)
						test.after(w)
						was := w.AWS.Snapshot()
						w.history(update(q, p, q))
						w.history(remove(q))
						w.isGone(q, "secret", "user")
						if key != "" {
							w.isReleased(was, q)
						}
					})
				})
			}
		}
	}
}
