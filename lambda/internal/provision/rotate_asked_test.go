package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
	"bucketuser/lambda/spec"
)

// What an Update asks of keys and schedule is done, or it fails; its rollback asks for nothing.

// change is an Update in place that changes a property.
type change struct {
	property string
	p, old   sim.Properties
}

// asked are Updates that ask for what hangs on keys.
var asked = map[string]change{
	"KeySerial":   {"KeySerial", raised("2", scheduled("KeySerial", "1")), scheduled("KeySerial", "1")},
	"PreviousKey": {"PreviousKey", raised("1", named, "PreviousKey", "Delete"), raised("1", named)},
	"on":          {"RotateAfterDays", rotated, named},
	"off":         {"RotateAfterDays", named, rotated},
	"other days":  {"RotateAfterDays", plus(rotated, "RotateAfterDays", "9"), rotated},
}

// With user or secret lost, value and keys stay as they are. An Update that asks for a key, for the end of one, or for another
// schedule is refused, and changes nothing. Its rollback passes.
func TestR1LostPartRefusesWhatIsAskedOfKeys(t *testing.T) {
	for name, test := range asked {
		for _, kind := range []string{"user", "secret"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.created(test.old)
					passes(time.Hour)
					w.setTags(w.parse(named), kind, nil)
					w.refusesAndGoesBack(test, test.property+": value and keys stay as they are: "+kind+" clickhouse")
				})
			})
		}
	}
}

// refusesAndGoesBack fails the test unless an Update is refused, its rollback is not, and neither changes keys or secret.
func (w *bench) refusesAndGoesBack(is change, reason string) {
	w.t.Helper()
	passes(time.Hour)
	was, keys := w.AWS.Snapshot().Secrets["clickhouse/s3"], w.keys()
	w.anew()
	w.refused(w.update(w.idOf(named), is.p, is.old), reason)
	w.hasSecretAndKeys(was, keys)
	w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
	w.updates(is.old, is.p)
	w.hasSecretAndKeys(was, keys)
}

// A rollback may bring each of them, where the Update that it follows took it away. It passes, and changes neither keys nor secret. So does
// an Update of which CloudFormation does not say whether it is a rollback, unless it raises KeySerial.
func TestLostPartRefusesNoRollback(t *testing.T) {
	for name, test := range asked {
		for how, begin := range map[string]func(w *bench){
			"rolled back": func(w *bench) { w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS") },
			"no answer":   func(w *bench) { w.AWS.Before = deny("DescribeStacks") },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.created(test.old)
					passes(time.Hour)
					w.setTags(w.parse(named), "user", nil)
					passes(time.Hour)
					was, keys := w.AWS.Snapshot().Secrets["clickhouse/s3"], w.keys()
					begin(w)
					w.anew()
					a := w.update(w.idOf(named), test.p, test.old)
					if isRefused := name == "KeySerial" && how == "no answer"; (a.Status == "FAILED") != isRefused {
						t.Errorf("answer: %s: %s", a.Status, a.Reason)
					}
					w.hasSecretAndKeys(was, keys)
					if a.Status == "SUCCESS" && !strings.Contains(w.Log.String(), "left value and keys as they are") {
						t.Error("the log does not say so")
					}
				})
			})
		}
	}
}

// A26: the user has no boundary. Where the key of the value is gone, none is made: so what is asked of keys and schedule is
// refused. Where it works, only another key is.
func TestA26WhatIsAskedOfKeys(t *testing.T) {
	for name, test := range asked {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(test.old)
				w.AWS.SetBoundary("clickhouse", "")
				w.AWS.DeleteKey(w.value(named)["AWS_ACCESS_KEY_ID"])
				w.refusesAndGoesBack(test, noBoundary)
			})
			inWorld(t, func(w *bench) {
				w.created(test.old)
				w.AWS.SetBoundary("clickhouse", "")
				passes(time.Hour)
				if test.property == "KeySerial" {
					w.refusesAndGoesBack(test, noBoundary)
					return
				}
				key, _ := w.keysInUse()
				w.updates(test.p, test.old)
				w.holds(key)
			})
		})
	}
}

// ignoreTags leaves out of a comparison what each event says on its secret before it comes to the keys.
var ignoreTags = cmpopts.IgnoreMapEntries(func(key, _ string) bool {
	return key == spec.TagLastEvent || key == spec.TagAccess || key == spec.TagFormat
})

// hasSecretAndKeys fails the test unless the user has these keys, and the secret the value, labels, schedule and notes that it had.
func (w *bench) hasSecretAndKeys(was awsfake.Secret, keys []string) {
	w.t.Helper()
	w.hasKeys(keys...)
	if diff := cmp.Diff(was, w.AWS.Snapshot().Secrets["clickhouse/s3"], ignoreTags); diff != "" {
		w.t.Errorf("the secret has changed (-before +after)\n%s", diff)
	}
}

// PreviousKey Delete is the last thing that an Update does: where its schedule cannot be turned on it fails, and the previous key is
// still there. So it is after the rollback.
func TestRetirementFollowsTheSchedule(t *testing.T) {
	inWorld(t, func(w *bench) {
		first := w.created(named).Data["AccessKeyId"]
		passes(time.Hour)
		w.AWS.Before = deny("RotateSecret")
		leaked := raised("1", rotated, "PreviousKey", "Delete")
		w.anew()
		w.refused(w.update(w.idOf(named), leaked, named), "RotateSecret")
		w.AWS.Before = nil
		second := w.value(named)["AWS_ACCESS_KEY_ID"]
		if second == first {
			t.Error("the Update fails before it has made a key")
		}
		w.hasKeys(first, second)
		w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
		w.updates(named, leaked)
		w.isScheduled(0)
		w.hasKeys(first, second)
		w.AWS.SetStackStatus(stackID, "UPDATE_IN_PROGRESS")
		passes(time.Hour)
		w.updates(raised("2", rotated, "PreviousKey", "Delete"), named)
		w.isScheduled(30)
		w.hasKeys(w.value(named)["AWS_ACCESS_KEY_ID"])
	})
}

// A18: somebody has moved AWSCURRENT back to a value whose serial is lower than the one in force. The rollback of an Update that asks
// for something else makes no key. The next Update forward does.
func TestA18RollbackOfAnUpdateAfterAMoveByHand(t *testing.T) {
	inWorld(t, func(w *bench) {
		one, two := raised("1", named), raised("2", named)
		w.created(named)
		passes(time.Hour)
		w.updates(one, named)
		passes(time.Hour)
		w.updates(two, one)
		passes(time.Hour)
		w.AWS.MoveStage("clickhouse/s3", "AWSCURRENT", w.versionWith("AWSPREVIOUS"))
		was, all := w.keysInUse()
		if w.value(named)["BUCKETUSER_KEY_SERIAL"] != "1" {
			t.Fatal("the serial of the value is not 1")
		}
		passes(time.Hour)
		prefixed := plus(two, "Prefix", "logs")
		w.AWS.Before = deny("PutBucketPolicy")
		w.anew()
		w.refused(w.update(w.idOf(two), prefixed, two), "PutBucketPolicy")
		w.AWS.Before = nil
		w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
		if now := w.updates(two, prefixed); now != was || w.value(named)["BUCKETUSER_KEY_SERIAL"] != "1" {
			t.Errorf("key %s, then %s, of serial %s", was, now, w.value(named)["BUCKETUSER_KEY_SERIAL"])
		}
		w.hasKeys(all...)
		w.AWS.SetStackStatus(stackID, "UPDATE_IN_PROGRESS")
		passes(time.Hour)
		if now := w.updates(plus(two, "Trigger", "1"), two); now == was || w.value(named)["BUCKETUSER_KEY_SERIAL"] != "2" {
			t.Errorf("key %s of serial %s", now, w.value(named)["BUCKETUSER_KEY_SERIAL"])
		}
	})
}

// Requirement 8: an Update that changes RotateAfterDays while a rotation is pending writes the current value once more. It answers the version
// that is current afterwards.
func TestR8AnswersTheVersionThatIsCurrent(t *testing.T) {
	for name, p := range map[string]sim.Properties{
		"days":      plus(rotated, "RotateAfterDays", "9"),
		"off":       named,
		"unchanged": plus(rotated, "Trigger", "1"),
		"KeySerial": raised("1", rotated, "RotateAfterDays", "9"),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.aged()
				w.begins(false).does(smfake.CreateSecret)
				passes(time.Hour)
				was := w.versionWith("AWSCURRENT")
				w.anew()
				version := w.succeeded(w.update(w.idOf(p), p, rotated)).Data["SecretVersionId"]
				if now := w.versionWith("AWSCURRENT"); version != now || (now == was) != (name == "unchanged") {
					t.Errorf("answers version %s; %s was current, then %s", version, was, now)
				}
			})
		})
	}
}
