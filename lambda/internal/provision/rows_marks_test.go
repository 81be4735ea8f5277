package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// The marks of a replacement, by which its Deletes know that nothing is to be emptied.

const (
	replacesTag   = "bucketuser:replaces"
	supersededTag = "bucketuser:superseded-by"
)

// ignoreMarks leaves the marks out of a comparison.
var ignoreMarks = cmpopts.IgnoreMapEntries(func(key, _ string) bool { return key == replacesTag || key == supersededTag })

// A1: both sets are marked on secret and bucket, by the id and the secret of the other. Going back takes the mark off the
// old set, and puts one on the new.
func TestA1Marks(t *testing.T) {
	for _, m := range everyMaking(t) {
		t.Run(m.name, func(t *testing.T) {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				q := renaming(m.p)
				old, replacing := w.parse(m.p), w.parse(q)
				markOf := func(s spec.Spec) string { return s.PhysicalID + " " + s.SecretName + " " + s.UserName }
				toOld, toNew := markOf(old), markOf(replacing)
				w.history(m.replaces())
				for _, thing := range []string{"bucket", "secret"} {
					w.keepsTags(w.tagsOf(replacing, thing), replacesTag, toOld, supersededTag, "")
					w.keepsTags(w.tagsOf(old, thing), replacesTag, "", supersededTag, toNew)
				}
				w.history(update(q, m.p, q))
				for _, thing := range []string{"bucket", "secret"} {
					w.keepsTags(w.tagsOf(old, thing), replacesTag, "", supersededTag, "")
					w.keepsTags(w.tagsOf(replacing, thing), supersededTag, toOld)
				}
			})
		})
	}
}

// A1: a link that is longer than a tag may be has the id alone. The other set counts as being there then.
func TestA1LongNames(t *testing.T) {
	long := strings.Repeat("s", 256)
	for _, p := range []sim.Properties{with("OnDelete", "Purge", "SecretName", long), with("OnDelete", "Purge")} {
		q := other(p)
		if p["SecretName"] != long {
			q["SecretName"] = long
		} else {
			q["SecretName"] = "clickhouse/s3-2"
		}
		inWorld(t, func(w *bench) {
			w.history(create(p), update(p, q, p))
			w.AWS.PutObject("my-data", "data/late", "1")
			was := w.AWS.Snapshot()
			w.history(remove(p))
			w.isReleased(was, p)
			w.isGone(p, "secret", "user")
			w.keeps(was, q, thingsOfASet)
		})
	}
}

// A1: the right to the name of the old secret goes with the old set. The user tells that it is gone, so OnDelete counts
// again, and the next Update takes the mark off, without a wait.
func TestA1OldSecretIsOutOfReach(t *testing.T) {
	for _, isUpdated := range yesAndNo {
		inWorld(t, func(w *bench) {
			p, q := with("OnDelete", "Purge"), other(with("OnDelete", "Purge"))
			w.history(create(p), update(p, q, p), remove(p))
			w.AWS.PutObject("my-data-2", "data/x", "1")
			<-time.After(time.Hour)
			w.anew()
			w.AWS.Before = denied("clickhouse/s3", "DescribeSecret")
			start := time.Now()
			if isUpdated {
				w.history(update(q, plus(q, "Access", "Full"), q))
				w.keepsTags(w.tagsOf(w.parse(q), "bucket"), replacesTag, "")
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			w.history(remove(q))
			w.empty()
		})
	}
}

// A1: without the mark on secret and bucket there is no SUCCESS. CloudFormation goes back then, and that is not
// refused, though the bucket may be such that its tags cannot be written (L14).
func TestA1NoSuccessWithoutTheMark(t *testing.T) {
	refusals := map[string]func(awsfake.Call) bool{
		"secret": func(c awsfake.Call) bool {
			return isCall("TagResource")(c) && !strings.Contains(c.Target, "clickhouse/s3-2")
		},
		"bucket": func(c awsfake.Call) bool { return isCall("PutBucketTagging")(c) && c.Target == "my-data" },
	}
	for thing, is := range refusals {
		for onDelete, isForGood := range both(onDeletes, yesAndNo) {
			t.Run(thing+" "+onDelete, func(t *testing.T) {
				inWorld(t, func(w *bench) { w.cannotMark(thing, is, with("OnDelete", onDelete), isForGood) })
			})
		}
	}
}

// cannotMark replaces a set whose mark is refused, and goes back.
func (w *bench) cannotMark(thing string, is func(awsfake.Call) bool, p sim.Properties, isForGood bool) {
	w.t.Helper()
	w.history(create(p))
	<-time.After(time.Hour)
	was := w.AWS.Snapshot()
	w.AWS.Before = notYet(time.Hour, awsfake.AccessDenied, is)
	w.refused(w.update(w.idOf(p), other(p), p), "")
	if !isForGood {
		w.AWS.Before = nil
	} else if thing == "secret" { // an Update needs the right to tag its own secret
		return
	}
	w.succeeded(w.update(w.idOf(p), p, other(p)))
	w.same(was)
}

// A1a: one of the two marks is enough, as is what stands on the secret alone when the Delete is cut off at any call
// and repeated, at once or by an event of its own.
func TestA1aDeleteIsCutOff(t *testing.T) {
	long(t)
	for _, lost := range []string{"", "bucket", "secret"} {
		for _, p := range []sim.Properties{with("OnDelete", "DeleteIfEmpty"), with("OnDelete", "Purge"), with("OnDelete", "Retain"), with("OnDelete", "Purge", "SecretRecoveryDays", "7")} {
			for _, isAnew := range yesAndNo {
				name := strings.Join([]string{lost, p["OnDelete"].(string), againOrAnew(isAnew)}, " ")
				t.Run(name, func(t *testing.T) { deleteOfAReplacedSetIsCutOff(t, p, lost, isAnew) })
			}
		}
	}
}

func deleteOfAReplacedSetIsCutOff(t *testing.T, p sim.Properties, lost string, isAnew bool) {
	var was awsfake.Snapshot
	start := func(w *bench) {
		w.history(create(p), update(p, other(p), p))
		w.AWS.PutObject("my-data", "data/late", "1")
		<-time.After(time.Hour)
		w.loses(p, loss{"", func(tags map[string]string) map[string]string { delete(tags, supersededTag); return tags }}, lost)
		was = w.AWS.Snapshot()
	}
	eachCut(t, regionOf(isAnew), start, remove(p), func(w *bench) {
		w.anewAfterAnHour(isAnew)
		w.history(remove(p))
		w.isReleased(was, p)
		w.isGone(p, "secret", "user")
		w.keeps(was, other(p), thingsOfASet)
	})
}

// A22: an Update is killed at any call, rollback is disabled, and somebody changes the account. The same Update comes a
// second time, by itself or as another delivery. A half-made set is looked at like none: every check is made again.
func TestA22(t *testing.T) {
	long(t)
	for name, test := range map[string]struct {
		changes func(w *bench, p sim.Properties)
		on      []string // values of OnDelete
	}{
		"data":                 {func(w *bench, p sim.Properties) { w.AWS.PutObject("my-data", "data/late", "1") }, onDeletes[:2]},
		"bucket lost":          {func(w *bench, p sim.Properties) { w.loses(p, losses[0], "bucket") }, onDeletes[:2]},
		"user lost":            {func(w *bench, p sim.Properties) { w.loses(p, losses[0], "user") }, onDeletes},
		"secret lost":          {func(w *bench, p sim.Properties) { w.loses(p, losses[0], "secret") }, onDeletes},
		"a Deny for everybody": {func(w *bench, p sim.Properties) { denyAll(w.AWS, "my-data") }, onDeletes[:2]},
	} {
		for onDelete, isAnew := range both(test.on, yesAndNo) {
			p := with("OnDelete", onDelete)
			if !isAnew && onDelete != test.on[len(test.on)-1] {
				continue // the same for each
			}
			t.Run(strings.Join([]string{name, onDelete, againOrAnew(isAnew)}, " "), func(t *testing.T) {
				eachCheckIsMadeAgain(t, p, other(p), func(w *bench) { test.changes(w, p) }, isAnew)
			})
		}
	}
	for onDelete, then := range map[string]string{"DeleteIfEmpty": "Purge", "Purge": "Retain", "Retain": "Purge"} {
		p := with("OnDelete", onDelete)
		t.Run("OnDelete changes from "+onDelete, func(t *testing.T) {
			eachCheckIsMadeAgain(t, p, plus(other(p), "OnDelete", then), func(*bench) {}, true)
		})
	}
}

func againOrAnew(isAnew bool) string {
	if isAnew {
		return "anew"
	}
	return "again"
}

// eachCheckIsMadeAgain cuts a replacement off at each call, changes the account, and has the replacement come again. It
// is refused, unless another delivery of it has committed before. Nothing of the new set is left when CloudFormation
// goes back.
func eachCheckIsMadeAgain(t *testing.T, p, q sim.Properties, changes func(*bench), isAnew bool) {
	eachCut(t, regionOf(isAnew), func(w *bench) { w.history(create(p)); <-time.After(time.Hour) }, update(p, other(p), p), func(w *bench) {
		<-time.After(2 * time.Minute)
		isCommitted := committed(w.AWS, "clickhouse/s3-2")
		if isAnew {
			w.AWS.SetResourceStatus(w.stackID, sim.LogicalID, "UPDATE_FAILED")
			<-time.After(10 * time.Minute)
			w.anew()
		}
		changes(w)
		was := w.AWS.Snapshot()
		a := w.play(update(p, q, p), nil).answer
		if w.keeps(was, p, thingsOfASet, ignoreMarks); a.Status == "SUCCESS" && !(isCommitted && !isAnew) {
			w.t.Error("answers SUCCESS")
		}
		if a.Status == "SUCCESS" {
			return
		}
		allowAll(w.AWS, "my-data")
		was = w.AWS.Snapshot()
		w.history(update(p, p, q))
		w.keeps(was, p, thingsOfASet, ignoreLastEvent, ignoreMarks)
		w.isGone(q, "secret", "user", "bucket")
	})
}

// Row 34: a resource with DeleteIfEmpty whose bucket holds data is replaced, or CloudFormation goes back with data in
// the new bucket. Each of the three tries of the clean-up does its work, so that no user and no key live on.
func TestRow34(t *testing.T) {
	for _, m := range makings(t, "DeleteIfEmpty") {
		t.Run("replaced "+m.name, func(t *testing.T) {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				w.history(m.replaces())
				w.writes(m.p, "data/late")
				w.cleansUp(m, true, func() answer { return w.delete(w.idOf(m.p), m.p) })
			})
		})
		t.Run("rolled back "+m.name, func(t *testing.T) {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				w.goesBackFrom(m, "Update and Delete", func() answer { return w.delete(w.idOf(renaming(m.p)), renaming(m.p)) })
			})
		})
		t.Run("removed "+m.name, func(t *testing.T) { inRegion(t, m.region, func(w *bench) { w.isRemovedWithData(m) }) })
	}
}

// isRemovedWithData takes a resource with data out of its template. That is refused each time, and the Reason says
// that user and key live on. Adding the resource again ends that.
func (w *bench) isRemovedWithData(m making) {
	w.t.Helper()
	m.make(w)
	w.writes(m.p, "data/x")
	was, s := w.AWS.Snapshot(), w.parse(m.p)
	w.AWS.SetStackStatus(w.stackID, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
	for range 3 {
		w.anew()
		a := w.play(remove(m.p), nil).answer
		w.saysAll(a, s.BucketName, "not empty", s.UserName, "key", "add")
		w.unchanged(was)
	}
	purge := plus(m.p, "OnDelete", "Purge")
	<-time.After(time.Hour)
	w.AWS.SetStackStatus(w.stackID, "UPDATE_IN_PROGRESS")
	w.history(create(purge))
	w.keeps(was, m.p, thingsOfASet, append(m.before, ignoreLastEvent)...)
	w.history(remove(purge))
	w.empty()
}

// Row 34, its kind: a mark that has outlived its reason. The new set is gone, so the old one is deleted as OnDelete says,
// and what tells is looked at in each delivery.
func TestRow34MarkWithoutACounterpart(t *testing.T) {
	for _, recovery := range []string{"0", "7"} {
		for _, before := range []hook{nil, deny("DescribeStackResource")} {
			inWorld(t, func(w *bench) {
				p := with("OnDelete", "Purge", "SecretRecoveryDays", recovery)
				w.history(create(p), update(p, other(p), p), remove(other(p)))
				w.AWS.PutObject("my-data", "data/x", "1")
				<-time.After(time.Hour)
				w.AWS.Before = first(takesTime, before)
				w.history(remove(p))
				w.isGone(p, thingsOfASet...)
			})
		}
	}
}

// A1: a secret that waits for its deletion is of a set that is gone, with the mark of a replacement or without: an Update
// back to the names begins a set, so data in the bucket that it comes from refuses it.
func TestA1SecretInItsWindowIsNoReturn(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		q := other(p)
		w.history(create(p), update(p, q, p))
		w.AWS.DeleteSecret("clickhouse/s3", 7) // by hand, before the clean-up
		w.history(remove(p))
		if tags := w.tagsOf(w.parse(p), "secret"); tags["bucketuser:superseded-by"] == "" {
			t.Fatal("the secret lost its mark")
		}
		<-time.After(time.Hour)
		w.writes(q, "data/x")
		was := w.AWS.Snapshot()
		w.refused(w.play(update(q, p, q), nil).answer, "is not empty")
		w.unchanged(was)
	})
}

// Row 31: a Create comes once more while CloudFormation cannot be asked, and the secret has lost its tags since. What is in
// use is not undone.
func TestRow31LateCreateUndoesNothing(t *testing.T) {
	for _, l := range losses {
		inWorld(t, func(w *bench) {
			w.created(named)
			w.loses(named, l, "secret")
			was := w.AWS.Snapshot()
			w.AWS.Before = deny("DescribeStackResource")
			w.refused(w.deliverLate("Create", "", named, nil), "secret clickhouse/s3")
			w.unchanged(was)
		})
	}
}
