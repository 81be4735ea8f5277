package provision_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// KeySerial: A18, and requirement 1.

// A18: serial and key are one commit. An Update that raises the serial is cut off at each call and delivered again, or
// CloudFormation goes back. One key is made that is committed, and a rollback makes none.
func TestA18CutOff(t *testing.T) {
	for name, next := range map[string]event{"again": update(named, raised("1", named), named), "back": update(named, named, raised("1", named))} {
		t.Run(name, func(t *testing.T) {
			first := ""
			start := func(w *bench) {
				first = w.created(named).Data["AccessKeyId"]
				passes(time.Hour)
			}
			eachCut(t, "eu-west-1", start, update(named, raised("1", named), named), func(w *bench) {
				passes(10 * time.Minute)
				was, _ := w.keysInUse()
				if name == "back" {
					w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
				}
				now := w.succeeded(w.play(next, nil).answer).Data["AccessKeyId"]
				w.works(first)
				if isRight := map[string]bool{"again": now != first, "back": now == was}[name]; !isRight {
					t.Errorf("the value names %s, then %s, then %s", first, was, now)
				}
				w.hasNoMoreThan(now, first)
			})
		})
	}
}

// hasNoMoreThan fails the test if the user has another key than these.
func (w *bench) hasNoMoreThan(ids ...string) {
	w.t.Helper()
	for _, id := range w.keys() {
		if !slices.Contains(ids, id) {
			w.t.Errorf("key %s is left over", id)
		}
	}
}

// A18: an Update that was carried out comes again, up to twice, and late. It makes no second key.
func TestA18Redelivery(t *testing.T) {
	for _, wait := range []time.Duration{0, time.Minute, time.Hour} {
		inWorld(t, func(w *bench) {
			first := w.created(named).Data["AccessKeyId"]
			passes(time.Hour)
			second := w.updates(raised("1", named), named)
			for range 2 {
				passes(wait)
				again := w.succeeded(w.update(w.idOf(named), raised("1", named), named)) // the same event
				if again.Data["AccessKeyId"] != second {
					t.Errorf("%s: key %s, then %s", wait, second, again.Data["AccessKeyId"])
				}
			}
			w.hasKeys(first, second)
			w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, first, "bucketuser:format", "2")
		})
	}
}

// A18: a rollback, with a lower serial, makes no key and does not lower what is recorded. The next higher one does.
func TestA18Rollback(t *testing.T) {
	inWorld(t, func(w *bench) {
		five, four := raised("5", named), raised("4", named)
		w.created(four)
		passes(time.Hour)
		second := w.updates(five, four)
		w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
		for _, e := range []event{update(four, four, five), update(four, four, four)} {
			w.anew()
			if key := w.succeeded(w.play(e, nil).answer).Data["AccessKeyId"]; key != second || w.value(named)["BUCKETUSER_KEY_SERIAL"] != "5" {
				t.Errorf("key %s of serial %s", key, w.value(named)["BUCKETUSER_KEY_SERIAL"])
			}
		}
		w.AWS.SetStackStatus(stackID, "UPDATE_IN_PROGRESS")
		passes(time.Hour)
		if key := w.updates(five, four); key != second { // it is that of the value
			t.Errorf("the same serial makes key %s", key)
		}
		passes(time.Hour)
		if key := w.updates(raised("6", named), five); key == second || w.value(named)["BUCKETUSER_KEY_SERIAL"] != "6" {
			t.Errorf("key %s of serial %s", key, w.value(named)["BUCKETUSER_KEY_SERIAL"])
		}
	})
}

// A18: a serial that is absent from the value counts as that of the properties before.
func TestA18AbsentSerial(t *testing.T) {
	for _, test := range []struct {
		old, new, stored string // "" is none
		makesOne         bool
	}{
		{"", "1", "", true}, {"", "0", "", false}, {"3", "3", "", false}, {"3", "4", "", true}, {"4", "3", "", false},
		{"3", "4", "4", false}, {"3", "4", "7", false}, {"3", "4", "3", true}, {"3", "3", "2", true}, {"3", "4", "nonsense", true}, {"3", "3", "-1", false},
	} {
		t.Run(strings.Join([]string{test.old, test.new, test.stored}, ","), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				fields := w.value(named)
				if fields["BUCKETUSER_KEY_SERIAL"] = test.stored; test.stored == "" {
					delete(fields, "BUCKETUSER_KEY_SERIAL")
				}
				w.AWS.PutSecretValue("clickhouse/s3", w.textOf(fields))
				passes(time.Hour)
				was, _ := w.keysInUse()
				serial := func(s string) sim.Properties {
					if s == "" {
						return named
					}
					return raised(s, named)
				}
				if now := w.updates(serial(test.new), serial(test.old)); (now != was) != test.makesOne {
					t.Errorf("key %s, then %s", was, now)
				}
				w.works(was)
			})
		})
	}
}

// A18: a Create records its own serial with its first key, a replacement too.
func TestA18CreateRecordsItsOwn(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := raised("7", named)
		a := w.created(p)
		if len(w.keys()) != 1 || w.credentials(a)["BUCKETUSER_KEY_SERIAL"] != "7" {
			t.Errorf("keys: %v, value: %v", w.keys(), w.value(named)["BUCKETUSER_KEY_SERIAL"])
		}
		passes(time.Hour)
		q := raised("8", other(named))
		b := w.succeeded(w.update(w.idOf(p), q, p))
		if keys := w.AWS.Snapshot().Users["clickhouse-2"].Keys; len(keys) != 1 || w.credentials(b)["BUCKETUSER_KEY_SERIAL"] != "8" {
			t.Errorf("keys: %v, value: %v", keys, w.value(q)["BUCKETUSER_KEY_SERIAL"])
		}
	})
}

// Requirement 1: every writer copies the serial: another Update, a repair, a rotation, and what is written by hand beside it.
func TestR1SerialIsCopied(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := plus(rotated, "KeySerial", "3")
		w.created(p)
		passes(time.Hour)
		keeps := func(what string) {
			if serial := w.value(named)["BUCKETUSER_KEY_SERIAL"]; serial != "3" {
				t.Errorf("%s: serial %q", what, serial)
			}
			passes(time.Hour)
		}
		w.updates(plus(p, "Prefix", "logs"), p)
		keeps("prefix")
		w.updates(p, plus(p, "Prefix", "logs"))
		keeps("prefix back")
		w.rotate(smfake.How{})
		keeps("rotation")
		w.AWS.DeleteKey(w.value(named)["AWS_ACCESS_KEY_ID"])
		w.updates(plus(p, "Trigger", "1"), p)
		keeps("repair")
		w.AWS.DeleteKey(w.value(named)["AWS_ACCESS_KEY_ID"])
		w.rotate(smfake.How{})
		keeps("repair by a rotation")
	})
}

// swallows are what may keep an Update from making, proving or committing the key that it asks for.
var swallows = map[string]struct {
	before func(*bench)
	during hook
}{
	"CreateAccessKey denied":   {nothing, deny("CreateAccessKey")},
	"TagResource denied":       {nothing, deny("TagResource")},
	"PutSecretValue denied":    {nothing, deny("PutSecretValue")},
	"move denied":              {nothing, deny("UpdateSecretVersionStage")},
	"move forbidden":           {func(w *bench) { w.AWS.Forbidden = []string{"secretsmanager:UpdateSecretVersionStage"} }, nil},
	"PutSecretValue forbidden": {func(w *bench) { w.AWS.Forbidden = []string{"secretsmanager:PutSecretValue"} }, nil},
	"CreateAccessKey forbidden": {func(w *bench) { w.AWS.Forbidden = []string{"iam:CreateAccessKey"} },
		nil},
	"ListAccessKeys denied": {nothing, deny("ListAccessKeys")},
	"proof refused": {func(w *bench) {
		w.shares("my-data", `{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::my-data/*"}`)
	}, nil},
	"no boundary":      {func(w *bench) { w.AWS.SetBoundary("clickhouse", "") }, nil},
	"user lost":        {func(w *bench) { w.setTags(w.parse(named), "user", nil) }, nil},
	"secret lost":      {func(w *bench) { w.setTags(w.parse(named), "secret", nil) }, nil},
	"value unreadable": {func(w *bench) { w.AWS.SetKmsKeyUsable("", false) }, nil},
	"room denied":      {func(w *bench) { w.AWS.AddKey("clickhouse"); passes(time.Hour) }, deny("DeleteAccessKey")},
}

// Requirement 1: a raise is never swallowed. The Update fails where it cannot be done, with key and value as they were, and its
// rollback passes.
func TestR1RaiseIsNeverSwallowed(t *testing.T) {
	for name, test := range swallows {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				passes(time.Hour)
				first := w.value(named)["AWS_ACCESS_KEY_ID"]
				test.before(w)
				value := w.currentOf()
				w.AWS.Before = test.during
				w.anew()
				w.refused(w.update(w.idOf(named), raised("1", named), named), "")
				if now := w.currentOf(); now.Value != value.Value {
					t.Error("the value has changed")
				}
				if !slices.Contains(w.keys(), first) {
					t.Errorf("keys: %v", w.keys())
				}
				w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
				w.AWS.Before = nil
				w.succeeded(w.update(w.idOf(named), named, raised("1", named)))
				if now := w.currentOf(); now.Value != value.Value {
					t.Error("the rollback has changed the value")
				}
			})
		})
	}
}

// Requirement 1: what may be over in a moment does not swallow a raise either: a conflict, a key that takes too long, and one that
// somebody deletes. Another key is made then.
func TestR1RaiseAfterAMishap(t *testing.T) {
	for name, mishap := range map[string]func(w *bench) hook{
		"conflicts": func(w *bench) hook {
			count := 0
			return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
				if count++; isMove(c) && count > 0 {
					count = -1000
					w.AWS.PutSecretValue("clickhouse/s3", w.currentValue(named))
				}
				return awsfake.Decision{}
			})
		},
		"too late": func(*bench) hook {
			return within(1, isCall("GetObject"), func() { passes(keyring.Lease) })
		},
		"key deleted before the commit": func(w *bench) hook {
			return within(1, isMove, func() { w.AWS.DeleteKey(w.keys()[1]) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.created(named).Data["AccessKeyId"]
				passes(time.Hour)
				hook := mishap(w)
				if name == "conflicts" {
					hook = oneByOne(hook)
				}
				w.AWS.Before = hook
				second := w.updates(raised("1", named), named)
				w.AWS.Before = nil
				w.holds(second)
				w.works(first)
				if second == first || w.value(named)["BUCKETUSER_KEY_SERIAL"] != "1" {
					t.Errorf("key %s of serial %q", second, w.value(named)["BUCKETUSER_KEY_SERIAL"])
				}
				w.isServedAfterwards(raised("1", named))
			})
		})
	}
}

// Requirement 1: a secret that a later version keeps is left, and the raise logged.
func TestR1RaiseOfALaterFormat(t *testing.T) {
	inWorld(t, func(w *bench) {
		first := w.created(named).Data["AccessKeyId"]
		w.AWS.TagSecret("clickhouse/s3", map[string]string{"bucketuser:format": laterFormat})
		if key := w.updates(raised("1", named), named); key != first || !strings.Contains(w.Log.String(), "left value and keys as they are") {
			t.Errorf("key %s, then %s", first, key)
		}
		w.hasKeys(first)
	})
}
