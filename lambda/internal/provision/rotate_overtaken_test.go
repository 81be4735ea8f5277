package provision_test

import (
	"encoding/json"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// A rotation and what comes in between: A20, and requirement 9.

// aged makes a set that is rotated, and lets it grow old.
func (w *bench) aged() (key string) {
	w.t.Helper()
	key = w.created(rotated).Data["AccessKeyId"]
	passes(time.Hour)
	return key
}

// interferences are what may have another value current, or none, between the steps of a rotation.
var interferences = map[string]func(w *bench) sim.Properties{
	"prefix":    func(w *bench) sim.Properties { p := plus(rotated, "Prefix", "logs"); w.updates(p, rotated); return p },
	"KeySerial": func(w *bench) sim.Properties { p := raised("1", rotated); w.updates(p, rotated); return p },
	"by hand": func(w *bench) sim.Properties {
		w.addsFields(named, map[string]json.RawMessage{"mine": raw(`"x"`)})
		return rotated
	},
	"repair": func(w *bench) sim.Properties {
		w.AWS.DeleteKey(w.value(named)["AWS_ACCESS_KEY_ID"])
		p := plus(rotated, "Trigger", "1")
		w.updates(p, rotated)
		return p
	},
}

// A20: another value is current since createSecret. finishSecret makes nothing current: it takes AWSPENDING off, deletes its
// key, and fails. The next rotation begins clean, and what was written stays. The same for each step that comes next, and under each law.
func TestA20Overtaken(t *testing.T) {
	for name, interfere := range interferences {
		for _, law := range append(sim.RotationLaws(), sim.Law{Name: "no law", Hold: func(*awsfake.AWS) {}}) {
			for _, next := range []smfake.Step{smfake.CreateSecret, smfake.FinishSecret} {
				t.Run(name+" "+law.Name+" "+string(next), func(t *testing.T) {
					oneOf(t, 2)
					inWorld(t, func(w *bench) { w.isOvertaken(interfere, law, next) })
				})
			}
		}
	}
}

// isOvertaken plays a rotation with another value current since createSecret, and what comes next.
func (w *bench) isOvertaken(interfere func(*bench) sim.Properties, law sim.Law, next smfake.Step) {
	w.t.Helper()
	w.aged()
	law.Hold(w.AWS)
	turn := w.begins(false).does(smfake.CreateSecret, smfake.SetSecret, smfake.TestSecret)
	brought := turn.key()
	passes(time.Minute)
	p := interfere(w)
	was := w.currentOf()
	turn.fails(next, "")
	if now := w.currentOf(); now.ID != was.ID {
		w.t.Error("the rotation has changed what is current")
	}
	w.works()
	turn.fails(smfake.FinishSecret, "")
	if w.isPending() || w.secretTag("rotation") != "" && law.Name == "no law" {
		w.t.Errorf("AWSPENDING is on %s, the note says %q", w.versionWith("AWSPENDING"), w.secretTag("rotation"))
	}
	passes(10 * time.Minute)
	p = w.updatesAgain(p)
	if current, all := w.keysInUse(); current == brought || len(all) > 2 {
		w.t.Errorf("keys: %v", all)
	}
	w.rotate(smfake.How{})
	w.isServedAfterwards(p)
}

// updatesAgain plays an Update that changes nothing but its trigger.
func (w *bench) updatesAgain(p sim.Properties) sim.Properties {
	w.t.Helper()
	again := plus(p, "Trigger", "again")
	w.updates(again, p)
	return again
}

// A20: what steps read of the secret is from before: the Update has committed, or the step before has written, a moment ago.
func TestA20ReadsAreOld(t *testing.T) {
	for _, lag := range []time.Duration{5 * time.Second, 30 * time.Second, 110 * time.Second} {
		for _, pause := range []time.Duration{0, time.Second, 20 * time.Second, 3 * time.Minute} {
			for _, by := range []string{"none", "prefix", "KeySerial"} {
				t.Run(lag.String()+" "+pause.String()+" "+by, func(t *testing.T) {
					oneOf(t, 2)
					inWorld(t, func(w *bench) { w.rotatesOnOldReads(lag, pause, by) })
				})
			}
		}
	}
}

// rotatesOnOldReads plays a rotation of which every read of the secret is so old.
func (w *bench) rotatesOnOldReads(lag, pause time.Duration, by string) {
	w.t.Helper()
	first := w.aged()
	w.AWS.SecretLag = lag
	turn := w.begins(false)
	passes(2 * time.Minute)
	_ = turn.step(smfake.CreateSecret)
	passes(pause)
	_ = turn.step(smfake.TestSecret)
	p := rotated
	if by != "none" {
		p = interferences[by](w)
	}
	value := w.value(named)
	passes(pause)
	err := turn.step(smfake.FinishSecret)
	if err == nil && (by != "none" || w.value(named)["AWS_ACCESS_KEY_ID"] != turn.key()) {
		w.t.Errorf("finishSecret succeeds, and the value has changed from %v to %v", value, w.value(named))
	}
	w.works()
	if by != "KeySerial" {
		w.works(first)
	}
	w.AWS.SecretLag = 0
	passes(10 * time.Minute)
	w.isServedAfterwards(p)
}

// crossings are the events that cross each other, each with what it is called.
var crossings = map[string]func(w *bench) sim.Properties{
	"unchanged": func(w *bench) sim.Properties { return w.updatesOrFails(plus(rotated, "Trigger", "1"), rotated) },
	"prefix":    func(w *bench) sim.Properties { return w.updatesOrFails(plus(rotated, "Prefix", "logs"), rotated) },
	"KeySerial": func(w *bench) sim.Properties { return w.updatesOrFails(raised("1", rotated), rotated) },
	"off":       func(w *bench) sim.Properties { return w.updatesOrFails(named, rotated) },
	"days":      func(w *bench) sim.Properties { return w.updatesOrFails(plus(rotated, "RotateAfterDays", "9"), rotated) },
	"leak": func(w *bench) sim.Properties {
		return w.updatesOrFails(raised("1", rotated, "PreviousKey", "Delete"), rotated)
	},
}

// updatesOrFails plays an Update, which must leave a key that works, and returns the properties that count.
func (w *bench) updatesOrFails(p, old sim.Properties) sim.Properties {
	w.t.Helper()
	w.anew()
	if w.update(w.idOf(named), p, old).Status == "SUCCESS" {
		return p
	}
	return old
}

// Requirement 9: a step comes within an Update, at each of its calls, and an Update within a step. The key of the value
// works, both keys that should do so, and nothing is left over in the end.
func TestR9StepWithinAnUpdate(t *testing.T) {
	for name, cross := range crossings {
		for _, step := range []smfake.Step{smfake.CreateSecret, smfake.FinishSecret} {
			t.Run(name+" "+string(step), func(t *testing.T) {
				crossing{
					start:   func(w *bench) turn { return w.upTo(step) },
					outer:   func(w *bench, _ turn) { cross(w) },
					isMeant: ofProvider,
					inner:   func(_ *bench, is turn) { _ = is.step(step) },
					then:    func(w *bench, is turn) { w.isWholeAfter(is, name) },
				}.plays(t)
			})
		}
	}
}

func TestR9UpdateWithinAStep(t *testing.T) {
	for name, cross := range crossings {
		for _, step := range []smfake.Step{smfake.CreateSecret, smfake.FinishSecret} {
			t.Run(name+" "+string(step), func(t *testing.T) {
				crossing{
					start:   func(w *bench) turn { return w.upTo(step) },
					outer:   func(_ *bench, is turn) { _ = is.step(step) },
					isMeant: ofRotation,
					inner:   func(w *bench, _ turn) { cross(w) },
					then:    func(w *bench, is turn) { w.isWholeAfter(is, name) },
				}.plays(t)
			})
		}
	}
}

// upTo begins a rotation of a set with two keys, and does the steps before one.
func (w *bench) upTo(step smfake.Step) turn {
	w.t.Helper()
	w.aged()
	w.rotate(smfake.How{})
	passes(time.Hour)
	is := w.begins(false)
	for _, before := range smfake.Steps() {
		if before == step {
			break
		}
		is.does(before)
	}
	return is
}

// isWholeAfter fails the test unless what crossed a rotation has left a set that works, of which the next events leave no
// more than is in use.
func (w *bench) isWholeAfter(is turn, what string) {
	w.t.Helper()
	w.works()
	if what == "off" && (w.isPending() || w.AWS.Snapshot().Secrets["clickhouse/s3"].Rotation.Enabled) {
		w.t.Errorf("AWSPENDING is on %s, with the schedule off", w.versionWith("AWSPENDING"))
	}
	_ = is.step(smfake.FinishSecret) // once more, late
	w.works()
	p := map[string]sim.Properties{"off": named, "days": plus(rotated, "RotateAfterDays", "9"), "prefix": plus(rotated, "Prefix", "logs"),
		"KeySerial": raised("1", rotated), "leak": raised("1", rotated, "PreviousKey", "Delete")}[what]
	if p == nil {
		p = rotated
	}
	passes(10 * time.Minute)
	w.isServedAfterwards(p)
}

// Requirement 9: a Delete wins, whichever step comes within it, and within whichever step it comes. The steps after it fail, and nothing is
// left.
func TestR9DeleteWins(t *testing.T) {
	for _, step := range []smfake.Step{smfake.CreateSecret, smfake.TestSecret, smfake.FinishSecret} {
		isGone := func(w *bench, is turn) {
			is.fails(step, "")
			is.fails(smfake.FinishSecret, "")
			w.empty()
		}
		remove := func(w *bench, _ turn) { w.anew(); w.succeeded(w.delete(w.idOf(named), rotated)) }
		t.Run("within "+string(step), func(t *testing.T) {
			crossing{func(w *bench) turn { return w.upTo(step) }, func(_ *bench, is turn) { _ = is.step(step) }, ofRotation, remove, isGone}.plays(t)
		})
		t.Run(string(step)+" within", func(t *testing.T) {
			crossing{func(w *bench) turn { return w.upTo(step) }, remove, ofProvider, func(_ *bench, is turn) { _ = is.step(step) }, isGone}.plays(t)
		})
	}
}
