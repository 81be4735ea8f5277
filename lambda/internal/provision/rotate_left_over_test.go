package provision_test

import (
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// What rotations leave that were cut off, or whose labels were moved by hand: it is in the way of nothing for ever. Requirements 2, 8 and 9.

// leftovers are what may be left, each with whether the set is rotated.
var leftovers = map[string]func(w *bench){
	"empty AWSPENDING": func(w *bench) { w.begins(false) },
	"a test that was not ended, empty": func(w *bench) {
		w.AWS.BeginRotationTest("clickhouse/s3", false)
	},
	"a test that was not ended, current value": func(w *bench) {
		w.AWS.BeginRotationTest("clickhouse/s3", true)
	},
	"a key that was made":      func(w *bench) { w.begins(false).does(smfake.CreateSecret) },
	"a key that was proven":    func(w *bench) { w.begins(false).does(smfake.CreateSecret, smfake.TestSecret) },
	"another token":            func(w *bench) { w.begins(false).does(smfake.CreateSecret); w.begins(true) },
	"another token, same key":  func(w *bench) { w.begins(false).does(smfake.CreateSecret); w.begins(true).does(smfake.CreateSecret) },
	"a key without its note":   func(w *bench) { w.begins(false).does(smfake.CreateSecret); retag("secret", "rotation", "")(w) },
	"a winner's AWSPENDING":    func(w *bench) { w.wonAndKept() },
	"the same, prefix changed": func(w *bench) { w.wonAndKept(); w.changesPrefix(1) },
	"the same, changed twice":  func(w *bench) { w.wonAndKept(); w.changesPrefix(2) },
	"moved back by hand":       func(w *bench) { w.movedBack() },
	"moved back, and prefix":   func(w *bench) { w.movedBack(); w.changesPrefix(1) },
	"moved back, twice changed": func(w *bench) {
		w.movedBack()
		w.changesPrefix(2)
	},
	"moved on by hand": func(w *bench) {
		is := w.begins(false).does(smfake.CreateSecret)
		w.AWS.MoveStage("clickhouse/s3", "AWSCURRENT", is.begun.Token)
	},
	"moved on and back": func(w *bench) {
		was := w.versionWith("AWSCURRENT")
		is := w.begins(false).does(smfake.CreateSecret)
		w.AWS.MoveStage("clickhouse/s3", "AWSCURRENT", is.begun.Token)
		w.AWS.MoveStage("clickhouse/s3", "AWSCURRENT", was)
	},
	"AWSPENDING taken off by hand": func(w *bench) {
		w.begins(false).does(smfake.CreateSecret)
		w.AWS.MoveStage("clickhouse/s3", "AWSPENDING", "")
	},
	"killed before the move": func(w *bench) { w.killedIn(smfake.FinishSecret, "TagResource") },
	"killed after the move":  func(w *bench) { w.killedIn(smfake.FinishSecret, "UpdateSecretVersionStage") },
	"killed after the key":   func(w *bench) { w.killedIn(smfake.CreateSecret, "CreateAccessKey") },
	"killed after the note":  func(w *bench) { w.killedIn(smfake.CreateSecret, "TagResource") },
	"killed after the value": func(w *bench) { w.killedIn(smfake.CreateSecret, "PutSecretValue") },
	"cancelled by hand": func(w *bench) {
		w.begins(false).does(smfake.CreateSecret, smfake.TestSecret)
		w.AWS.SetRotation("clickhouse/s3", "", 0)
	},
}

// wonAndKept has a rotation win whose AWSPENDING stays on its version.
func (w *bench) wonAndKept() {
	w.t.Helper()
	is := w.begins(false).does(smfake.Steps()...)
	w.AWS.EndRotation(is.begun, true)
	w.AWS.MoveStage("clickhouse/s3", "AWSPENDING", is.begun.Token)
}

// movedBack has somebody move AWSCURRENT back to the version before, after a rotation.
func (w *bench) movedBack() {
	w.t.Helper()
	w.rotate(smfake.How{})
	w.AWS.MoveStage("clickhouse/s3", "AWSCURRENT", w.versionWith("AWSPREVIOUS"))
}

// changesPrefix plays Updates of Prefix there and back, of which two leave it as it was.
func (w *bench) changesPrefix(times int) {
	w.t.Helper()
	passes(time.Minute)
	p, q := rotated, plus(rotated, "Prefix", "logs")
	for range times {
		w.updates(q, p)
		p, q = q, p
	}
	w.AWS.DeleteObject("my-data", "logs/") // the marker, of which no later event knows
}

// killedIn plays a rotation up to a step, in which the process dies after an operation.
func (w *bench) killedIn(step smfake.Step, operation string) {
	w.t.Helper()
	is := w.begins(false)
	for _, before := range smfake.Steps() {
		if before == step {
			break
		}
		is.does(before)
	}
	session := w.AWS.Session("rotation")
	w.AWS.Before = only(operation, awsfake.Lose(awsfake.Killed))
	err := turn{w, w.manager(session, smfake.How{}), is.begun}.step(step)
	w.AWS.Before = nil
	if err == nil || !session.Killed() {
		w.t.Fatalf("%s is not called", operation)
	}
}

// nexts are what may come then, with the properties in force afterwards.
var nexts = map[string]func(w *bench) sim.Properties{
	"rotation": func(w *bench) sim.Properties {
		if w.AWS.Snapshot().Secrets["clickhouse/s3"].Rotation.Enabled {
			w.rotate(smfake.How{Attempts: 2})
		}
		return rotated
	},
	"rotation anew": func(w *bench) sim.Properties {
		if w.AWS.Snapshot().Secrets["clickhouse/s3"].Rotation.Enabled {
			w.rotate(smfake.How{Attempts: 3, Anew: true})
		}
		return rotated
	},
	"unchanged": func(w *bench) sim.Properties { return w.updatesAgain(rotated) },
	"prefix":    func(w *bench) sim.Properties { p := plus(rotated, "Prefix", "other"); w.updates(p, rotated); return p },
	"KeySerial": func(w *bench) sim.Properties { p := raised("1", rotated); w.updates(p, rotated); return p },
	"off":       func(w *bench) sim.Properties { w.updates(named, rotated); return named },
	"days": func(w *bench) sim.Properties {
		p := plus(rotated, "RotateAfterDays", "9")
		w.updates(p, rotated)
		return p
	},
	"repair": func(w *bench) sim.Properties {
		w.AWS.DeleteKey(w.value(named)["AWS_ACCESS_KEY_ID"])
		return w.updatesAgain(rotated)
	},
}

// Nothing that is left blocks what comes next, a moment later or much later. What the value named goes on working, and no key is left
// over in the end.
func TestR9LeftoversBlockNothing(t *testing.T) {
	for left, leave := range leftovers {
		for name, next := range nexts {
			for _, wait := range []time.Duration{time.Second, time.Hour} {
				t.Run(left+" "+name+" "+wait.String(), func(t *testing.T) {
					oneOf(t, 4)
					inWorld(t, func(w *bench) {
						w.aged()
						leave(w)
						was, _ := w.keysInUse()
						passes(wait)
						w.works(was)
						p := next(w)
						w.works()
						if name != "repair" {
							w.works(was)
						}
						w.isServedAfterwards(p)
					})
				})
			}
		}
	}
}

// The same, with a key in grace beside the one in use: the previous key ends by a rotation or KeySerial alone.
func TestR9LeftoversWithAPreviousKey(t *testing.T) {
	for left, leave := range leftovers {
		for name, next := range nexts {
			t.Run(left+" "+name, func(t *testing.T) {
				oneOf(t, 4)
				inWorld(t, func(w *bench) {
					first := w.aged()
					w.rotate(smfake.How{})
					passes(time.Hour)
					w.works(first)
					leave(w)
					was, all := w.keysInUse()
					passes(time.Hour)
					p := next(w)
					w.works()
					if name != "repair" {
						w.works(was)
					}
					if name == "unchanged" || name == "prefix" {
						w.works(all[:1]...)
					}
					w.isServedAfterwards(p)
				})
			})
		}
	}
}
