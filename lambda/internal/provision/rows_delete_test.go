package provision_test

import (
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// What a Delete does where other hands were at work, by the numbers of attacks.

// A2: an adopted bucket loses all its tags, alone or with the secret, and a person puts the three owner tags back.
// Where the bucket is from stands on the secret too, so it counts as adopted: released, and never emptied.
func TestA2(t *testing.T) {
	for name, test := range map[string]struct {
		lost, putBack []string
		isMade        bool // the bucket, and the secret still says so
	}{
		"bucket":                           {[]string{"bucket"}, []string{"bucket"}, false},
		"bucket and secret":                {[]string{"bucket", "secret"}, []string{"bucket", "secret"}, false},
		"bucket and secret, bucket back":   {[]string{"bucket", "secret"}, []string{"bucket"}, false},
		"all three":                        {thingsOfASet, thingsOfASet, false},
		"all three, bucket back":           {thingsOfASet, []string{"bucket"}, false},
		"secret of a bucket that was made": {[]string{"secret"}, []string{"secret"}, true},
		"bucket that was made":             {[]string{"bucket"}, []string{"bucket"}, true},
		"all of a bucket that was made":    {thingsOfASet, thingsOfASet, true},
	} {
		for region, onDelete := range both(regions, onDeletes[:2]) {
			for _, isUpdated := range yesAndNo {
				t.Run(strings.Join([]string{name, region, onDelete}, " "), func(t *testing.T) {
					inRegion(t, region, func(w *bench) {
						p := with("OnDelete", "Retain")
						if test.isMade {
							w.created(p)
							w.writes(p, "data/x")
						} else {
							w.adopts(p)
						}
						<-time.After(time.Hour)
						w.loses(p, losses[0], test.lost...)
						w.putsBack(p, test.putBack...)
						isKept := !test.isMade || len(test.lost) == 3 || test.lost[0] == "secret"
						w.deletesWhatWasPutBack(plus(p, "OnDelete", onDelete), isUpdated, isKept)
					})
				})
			}
		}
	}
}

// deletesWhatWasPutBack changes OnDelete, if that is accepted, and deletes until there is nothing to ask for any more.
func (w *bench) deletesWhatWasPutBack(p sim.Properties, isUpdated, isKept bool) {
	w.t.Helper()
	was := w.AWS.Snapshot()
	if isUpdated {
		w.update(w.idOf(p), p, plus(p, "OnDelete", "Retain"))
		w.keeps(was, p, []string{"bucket"}, ignoreLastEvent)
	}
	w.deletesAtLast(p)
	if isKept {
		w.isReleased(was, p)
		return
	}
	if p["OnDelete"] == "Purge" {
		w.isGone(p, thingsOfASet...)
	}
}

// deletesAtLast deletes a resource, again and again while it is asked to, but for data.
func (w *bench) deletesAtLast(p sim.Properties) {
	w.t.Helper()
	for range 3 {
		w.anew()
		a := w.play(remove(p), nil).answer
		if a.Status == "SUCCESS" || strings.Contains(a.Reason, "is not empty") {
			return
		}
		<-time.After(time.Hour)
	}
	w.t.Error("never deleted")
}

// A2: the same where the Delete is cut off at any call and repeated, at once or as an event of its own: what stands on
// the secret alone must be seen when the secret is gone.
func TestA2DeleteIsCutOff(t *testing.T) {
	for _, things := range [][]string{{"bucket"}, {"bucket", "secret"}, thingsOfASet} {
		for _, days := range []string{"0", "7"} {
			for _, isAnew := range []bool{true, false} {
				retain := with("OnDelete", "Retain", "SecretRecoveryDays", days)
				purge := plus(retain, "OnDelete", "Purge")
				t.Run(strings.Join(append(things, days, againOrAnew(isAnew)), " "), func(t *testing.T) {
					var was awsfake.Snapshot
					start := func(w *bench) {
						w.adopts(retain)
						<-time.After(time.Hour)
						w.loses(retain, losses[0], things...)
						w.putsBack(retain, things...)
						was = w.AWS.Snapshot()
					}
					eachCut(t, regionOf(isAnew), start, remove(purge), func(w *bench) {
						w.anewAfterAnHour(isAnew)
						w.history(remove(purge))
						w.isReleased(was, purge)
						w.isGone(purge, "secret", "user")
					})
				})
			}
		}
	}
}

// A2: an adopted bucket of a set that an earlier version made. An Update writes down where the bucket is from. Where
// both things were put back by hand, nothing says that it was made.
func TestA2OfAnEarlierVersion(t *testing.T) {
	for _, m := range makings(t, "Retain") {
		if !m.isAdopted || m.before == nil {
			continue
		}
		for _, things := range [][]string{{"bucket"}, {"bucket", "secret"}, thingsOfASet} {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				if len(things) == 1 {
					w.history(update(m.p, m.p, m.p))
				}
				w.loses(m.p, losses[0], things...)
				w.putsBack(m.p, things...)
				w.deletesWhatWasPutBack(plus(m.p, "OnDelete", "Purge"), true, true)
			})
		}
	}
}

// A10: somebody makes the user, or the bucket, between look and creating call, and the undo is cut off after its
// tombstone. No value names what is theirs: the Delete leaves it, says so in the log, and succeeds.
func TestA10(t *testing.T) {
	long(t)
	for _, thing := range []string{"user", "bucket"} {
		for name, tags := range map[string]map[string]string{"no tags": nil, "theirs": foreignTags, "half of ours": {"bucketuser:stack-id": stackID}} {
			for _, region := range []string{"eu-west-1", "us-east-1"} {
				for _, isInvented := range []bool{true, false} {
					for n, isReached := 1, true; isReached; n++ {
						t.Run(strings.Join([]string{thing, name, region}, " "), func(t *testing.T) {
							inRegion(t, region, func(w *bench) { isReached = w.meetsAStranger(thing, tags, n, isInvented) })
						})
					}
				}
			}
		}
	}
}

// meetsAStranger plays a Create that meets a thing of somebody else's and dies in its undoing, and the Delete after it. It
// returns false if there is no such call.
func (w *bench) meetsAStranger(thing string, tags map[string]string, n int, isInvented bool) (isReached bool) {
	w.t.Helper()
	theirs, isReached := w.diesUndoing(create(named), thing, tags, n)
	id := w.idOf(named)
	if isInvented {
		id = inventedID
	}
	w.succeeded(w.delete(id, named))
	w.keeps(theirs, named, []string{thing})
	w.isGone(named, "secret", map[string]string{"user": "bucket", "bucket": "user"}[thing])
	return isReached
}

// diesUndoing plays an event that meets a thing of somebody else's, and dies at the n-th call after its tombstone. It
// returns the account when that thing was made, and false if there is no such call.
func (w *bench) diesUndoing(e event, thing string, tags map[string]string, n int) (theirs awsfake.Snapshot, isReached bool) {
	w.t.Helper()
	id := ""
	if e.kind != "Create" {
		id = w.idOf(e.id)
	}
	session, url := w.AWS.Session("provider"), w.begin(e.kind, id, e.p, e.old)
	isMade, after := false, 0
	w.Run(sim.First, func(c awsfake.Call) awsfake.Decision {
		if !isMade && strings.EqualFold(c.Operation, "Create"+thing) {
			isMade = true
			w.adds(w.parse(e.p), thing, tags)
			theirs = w.AWS.Snapshot()
		}
		if after > 0 || c.Operation == "PutSecretValue" && putValue(c) == "null" {
			after++
		}
		if after == n {
			return awsfake.Lose(awsfake.Killed)
		}
		return awsfake.Decision{}
	}, func() { _, _ = w.invoke(session, url, e.kind, id, e.p, e.old) })
	return theirs, after >= n
}

// adds has somebody make a thing of a set's name.
func (w *bench) adds(s spec.Spec, thing string, tags map[string]string) {
	switch thing {
	case "bucket":
		w.AWS.AddBucket(s.BucketName, tags)
		w.AWS.PutObject(s.BucketName, "theirs", "1")
	case "secret":
		w.AWS.AddSecret(s.SecretName, "theirs", tags)
	case "user":
		w.AWS.AddUser(s.UserName, "/bucketuser/", tags)
		w.AWS.AddKey(s.UserName)
	}
}
