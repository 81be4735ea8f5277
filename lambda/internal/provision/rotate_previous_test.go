package provision_test

import (
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// PreviousKey: A12, and requirement 7.

// inGrace makes a set with a key in grace beside the one in use.
func (w *bench) inGrace(p sim.Properties) (first, second string) {
	w.t.Helper()
	first = w.created(p).Data["AccessKeyId"]
	passes(time.Hour)
	second = w.updates(raised("1", p), p)
	passes(time.Hour)
	w.hasKeys(first, second)
	return first, second
}

// A12: Delete acts in the Update that brings it, or that raises KeySerial while it stands, and in no other event.
func TestA12DeleteActsAndIsNoState(t *testing.T) {
	keep := raised("1", rotated)
	deletes := plus(keep, "PreviousKey", "Delete")
	for name, test := range map[string]struct {
		next func(w *bench)
		ends bool // the key that was previous before
	}{
		"from Keep":           {func(w *bench) { w.updates(deletes, keep) }, true},
		"standing, unchanged": {func(w *bench) { w.updates(plus(deletes, "Trigger", "1"), deletes) }, false},
		"standing, prefix":    {func(w *bench) { w.updates(plus(deletes, "Prefix", "logs"), deletes) }, false},
		"standing, tags": {func(w *bench) {
			w.updates(plus(deletes, "Tags", []any{map[string]any{"Key": "a", "Value": "b"}}), deletes)
		}, false},
		"to Keep":              {func(w *bench) { w.updates(keep, deletes) }, false},
		"raised while Keep":    {func(w *bench) { w.updates(raised("2", keep), keep) }, true}, // it makes room
		"standing, schedule":   {func(w *bench) { w.updates(plus(deletes, "RotateAfterDays", "9"), deletes) }, false},
		"lower serial":         {func(w *bench) { w.updates(plus(deletes, "KeySerial", "0"), deletes) }, false},
		"from Keep, lower":     {func(w *bench) { w.updates(plus(deletes, "KeySerial", "0"), keep) }, true},
		"raised and from Keep": {func(w *bench) { w.updates(raised("2", deletes), keep) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first, second := w.inGrace(rotated)
				test.next(w)
				now, all := w.keysInUse()
				w.works()
				if ended := !strings.Contains(strings.Join(all, " "), first); ended != test.ends {
					t.Errorf("the previous key has ended: %t", ended)
				}
				isKept := strings.Contains(strings.Join(all, " "), second)
				if wantsAlone := name == "raised and from Keep"; isKept == wantsAlone || wantsAlone && len(all) != 1 {
					t.Errorf("keys: %v, current %s", all, now)
				}
			})
		})
	}
}

// A12: a scheduled rotation, or a repair, while Delete stands, keeps the key that it replaces.
func TestA12StandingInARotationAndARepair(t *testing.T) {
	standing := plus(rotated, "PreviousKey", "Delete")
	inWorld(t, func(w *bench) {
		first := w.created(standing).Data["AccessKeyId"]
		for range 3 {
			passes(time.Hour)
			w.rotate(smfake.How{})
			w.works(first)
			first = w.value(named)["AWS_ACCESS_KEY_ID"]
		}
		passes(time.Hour)
		previous := w.secretTag("previous-key")
		w.corrupts(named) // so the key of the value makes room
		w.updatesAgain(standing)
		w.hasKeys(previous, w.value(named)["AWS_ACCESS_KEY_ID"])
	})
}

// A12: the event comes again, up to twice, at once or late, with a scheduled rotation in between. It takes no key away that
// it did not find as the previous one.
func TestA12Redelivery(t *testing.T) {
	for name, pair := range map[string][2]sim.Properties{
		"leak":      {raised("2", rotated, "PreviousKey", "Delete"), raised("1", rotated)},
		"from Keep": {raised("1", rotated, "PreviousKey", "Delete"), raised("1", rotated)},
	} {
		for _, wait := range []time.Duration{time.Second, time.Minute, time.Hour} {
			for _, rotates := range []bool{false, true} {
				t.Run(name+" "+wait.String(), func(t *testing.T) {
					inWorld(t, func(w *bench) { w.retiresOnce(pair, wait, rotates) })
				})
			}
		}
	}
}

// retiresOnce plays an Update that retires a key, and plays it again.
func (w *bench) retiresOnce(pair [2]sim.Properties, wait time.Duration, rotates bool) {
	w.t.Helper()
	w.inGrace(rotated)
	w.updates(pair[0], pair[1])
	current, all := w.keysInUse()
	if len(all) != 1 {
		w.t.Fatalf("keys: %v", all)
	}
	passes(wait)
	if rotates {
		w.rotate(smfake.How{})
	}
	_, was := w.keysInUse()
	for range 2 {
		passes(wait)
		w.succeeded(w.update(w.idOf(named), pair[0], pair[1])) // the same event
		w.hasKeys(was...)
	}
	w.works(current)
}

// A12: a rotation finishes within the Update that asks for the end of the previous key, at each call. The key that was
// current when the Update was sent goes on working: it asked for the end of the one before that.
func TestA12RotationWithinTheUpdate(t *testing.T) {
	second := ""
	keep := raised("1", rotated)
	crossing{
		start: func(w *bench) turn {
			_, second = w.inGrace(rotated)
			return w.begins(false)
		},
		outer:   func(w *bench, _ turn) { w.updatesOrFails(plus(keep, "PreviousKey", "Delete"), keep) },
		isMeant: ofProvider,
		inner: func(_ *bench, is turn) {
			for _, step := range smfake.Steps() {
				_ = is.step(step)
			}
		},
		then: func(w *bench, _ turn) {
			w.works(second)
			passes(10 * time.Minute)
			w.isServedAfterwards(plus(keep, "PreviousKey", "Delete"))
		},
	}.plays(t)
}

// A12: a rollback does not retire, though its shape is that of an Update that asks: 5 to 4 fails, and 4 to 5 comes back.
func TestA12RollbackRetiresNothing(t *testing.T) {
	four, five := raised("4", named, "PreviousKey", "Delete"), raised("5", named, "PreviousKey", "Delete")
	keep, deletes := raised("5", named), five
	for name, pair := range map[string][2]sim.Properties{"serial": {five, four}, "Keep": {deletes, keep}} {
		for _, status := range []string{"UPDATE_ROLLBACK_IN_PROGRESS", ""} {
			t.Run(name+" "+status, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					first := w.created(raised("3", named)).Data["AccessKeyId"]
					passes(time.Hour)
					second := w.updates(raised("5", named), raised("3", named))
					w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, first)
					passes(time.Hour)
					w.AWS.SetStackStatus(stackID, status)
					if status == "" { // CloudFormation does not say
						w.AWS.Before = deny("DescribeStacks", "DescribeStackResource")
					}
					w.updates(pair[0], pair[1])
					w.hasKeys(first, second)
					if status == "" && !strings.Contains(w.Log.String(), "raise KeySerial to ask again") {
						t.Error("the log does not say that the key stays")
					}
				})
			})
		}
	}
}

// Requirement 7: the current key is proven before. Where it does not work the previous one stays, and the Update fails in words.
func TestR7CurrentKeyIsProvenBefore(t *testing.T) {
	keep := raised("1", named)
	deletes := plus(keep, "PreviousKey", "Delete")
	for name, test := range map[string]struct {
		broken func(w *bench, current string)
		during hook
		fails  string // "" for a repair, which leaves the previous key
	}{
		"denied": {func(w *bench, _ string) {
			w.shares("my-data", `{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::my-data/*"}`)
		}, nil, "s3:DeleteObject"},
		"lost bucket":        {func(w *bench, _ string) { w.setTags(w.parse(named), "bucket", nil) }, nil, ""},
		"deletion is denied": {func(*bench, string) {}, deny("DeleteAccessKey"), "DeleteAccessKey"},
		"key gone":           {func(w *bench, id string) { w.AWS.DeleteKey(id) }, nil, "repair"},
		"key inactive":       {func(w *bench, id string) { w.AWS.SetKeyActive(id, false) }, nil, "repair"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first, second := w.inGrace(named)
				test.broken(w, second)
				w.AWS.Before = test.during
				w.anew()
				a := w.update(w.idOf(named), deletes, keep)
				w.AWS.Before = nil
				switch test.fails {
				case "":
					w.succeeded(a)
					w.works(first)
				case "repair":
					w.succeeded(a)
					w.works()
				default:
					w.refused(a, test.fails)
					w.works(first)
				}
			})
		})
	}
}

// Requirement 7: an Update with a higher KeySerial and Delete answers a leak at once: one key is left, which is new and
// proven. The log has the last use of the one that went.
func TestR7Leak(t *testing.T) {
	for name, test := range map[string]struct {
		used time.Duration // ago; 0 is never
		says string
	}{
		"never":      {0, "that was never used"},
		"a day ago":  {24 * time.Hour, `"level":"WARN","msg":"retires an access key that was used within two days"`},
		"a week ago": {7 * 24 * time.Hour, `"level":"INFO","msg":"retires an access key"`},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.created(named).Data["AccessKeyId"]
				passes(30 * 24 * time.Hour)
				if test.used > 0 {
					w.AWS.SetKeyUsed(first, time.Now().Add(-test.used))
				}
				second := w.updates(raised("1", named, "PreviousKey", "Delete"), named)
				w.hasKeys(second)
				if !strings.Contains(w.Log.String(), test.says) {
					t.Errorf("the log lacks %q", test.says)
				}
				w.succeeded(w.delete(w.idOf(named), named))
				w.empty()
			})
		})
	}
}

// Requirement 7: that IAM does not tell the last use keeps no key alive.
func TestR7LastUseIsNotKnown(t *testing.T) {
	for _, outcome := range []error{awsfake.AccessDenied, awsfake.Unavailable, awsfake.ConnectionReset} {
		inWorld(t, func(w *bench) {
			w.created(named)
			passes(time.Hour)
			w.AWS.Before = only("GetAccessKeyLastUsed", awsfake.Refuse(outcome))
			w.hasKeys(w.updates(raised("1", named, "PreviousKey", "Delete"), named))
			if !strings.Contains(w.Log.String(), "could not ask when a key was used last") {
				t.Errorf("%v: the log does not say so", outcome)
			}
		})
	}
}

// A12: the Update that retires is cut off at each call and comes again. In the end the key that leaked is gone, and the one in
// use works.
func TestA12LeakIsCutOff(t *testing.T) {
	first := ""
	leak := update(named, raised("1", named, "PreviousKey", "Delete"), named)
	start := func(w *bench) { first = w.created(named).Data["AccessKeyId"]; passes(time.Hour) }
	eachCut(t, "eu-west-1", start, leak, func(w *bench) {
		passes(time.Minute)
		now := w.succeeded(w.play(leak, nil).answer).Data["AccessKeyId"]
		w.works()
		if current, all := w.keysInUse(); now == first || current != now || strings.Contains(strings.Join(all, " "), first) {
			t.Errorf("%s, then %s; keys %v", first, now, all)
		}
	})
}
