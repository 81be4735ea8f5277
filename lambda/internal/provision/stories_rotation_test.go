package provision_test

import (
	"slices"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// rotationStories are of a key that is replaced by another.
func rotationStories() []story {
	all := stepStories()
	all = append(all, besideStories()...)
	all = append(all, serialStories()...)
	return append(all, scheduleStories()...)
}

// scheduled returns a copy of rotated with other values.
func scheduled(pairs ...any) sim.Properties { return plus(rotated, pairs...) }

// rotates reports whether Secrets Manager rotates the secret in a story.
func (s story) rotates() bool {
	all := []event{s.event}
	for _, e := range s.endings {
		all = append(all, e.events...)
	}
	return slices.ContainsFunc(all, func(e event) bool {
		return e.kind == kindRotation || e.p["RotateAfterDays"] != nil || e.old["RotateAfterDays"] != nil
	})
}

// stepsOf is what was before the step of a rotation: a Create, and as many steps as n.
func stepsOf(p sim.Properties, n int) func(*bench) {
	return func(w *bench) {
		w.history(create(p))
		for _, e := range steps(p, n) {
			w.history(e)
		}
	}
}

// stepStories are of each step that changes anything, and of the one that tries what was made.
func stepStories() []story {
	var all []story
	for n, name := range []smfake.Step{smfake.CreateSecret, "", smfake.TestSecret, smfake.FinishSecret} {
		if name != "" {
			exempt := probeLeft // by a proof that is cut off
			if name == smfake.CreateSecret {
				exempt = exemption{}
			}
			all = append(all, stepStory("rotate "+string(name), stepsOf(rotated, n), name, exempt))
		}
	}
	return append(all, stepStory("rotate again createSecret", func(w *bench) {
		w.history(create(rotated), hourLater(rotate(rotated)))
	}, smfake.CreateSecret, probeLeft)) // which proves the current key before the previous one goes
}

// stepStory is of one step, and of all that may come after it.
func stepStory(name string, before func(*bench), s smfake.Step, exempt exemption) story {
	e := hourLater(step(rotated, s))
	logs, full, raised, off := scheduled("Prefix", "logs"), scheduled("Access", "Full"), scheduled("KeySerial", "1"), named
	next := hourLater(rotatedSoon(rotated))
	ends := func(name string, events ...event) ending {
		return ending{name: name, events: events, once: true, orElse: [][]event{events}} // as the step may have done nothing
	}
	again := ends("again", step(rotated, s))
	again.once, again.orElse = false, nil
	return story{name: name, region: "eu-west-1", before: before, event: e, exempt: exempt, endings: []ending{
		again,
		ends("rotation goes on", rotate(rotated), next),
		ends("rotation anew", rotateAnew(rotated), next),
		ends("update of the value", update(rotated, logs, rotated), next),
		ends("update beside the value", update(rotated, full, rotated), next),
		ends("KeySerial", update(rotated, raised, rotated), next),
		ends("off", update(rotated, off, rotated), hourLater(update(off, full, off))),
		ends("delete", remove(rotated)),
	}}
}

// rotatedSoon is a rotation that is tried again where the first attempt finds that another value is current by now.
func rotatedSoon(p sim.Properties) event {
	e := rotate(p)
	e.rotating.how.Attempts = 2
	return e
}

// abandonments are what may end a rotation that is under way.
var abandonments = map[string]awsfake.Abandonment{"": awsfake.AbandonedByValue, ", abandoned by any value": awsfake.AbandonedByAny, ", never abandoned": awsfake.NotAbandoned}

// besideStories are Updates and Deletes of a set while a rotation of its secret is under way, for each
// rule by which Secrets Manager may abandon that.
func besideStories() []story {
	var all []story
	for law, abandonment := range abandonments {
		before := func(w *bench) {
			w.AWS.Abandonment = abandonment
			stepsOf(rotated, 1)(w)
		}
		add := func(name string, p sim.Properties, exempt exemption) {
			e, back := hourLater(update(rotated, p, rotated)), update(rotated, rotated, p)
			logs := scheduled("Prefix", "logs")
			written := []event{update(rotated, logs, rotated), update(rotated, rotated, logs)} // another value follows the one that the rotation follows
			ended := []event{update(rotated, named, rotated), update(named, rotated, named)}   // and the rotation is given up
			finish, next := loose(step(rotated, smfake.FinishSecret)), hourLater(rotatedSoon(p))
			next.refused = p["RotateAfterDays"] == nil
			finished := []event{step(rotated, smfake.FinishSecret), update(rotated, p, rotated), next}
			if next.refused {
				finished = finished[:2]
			}
			all = append(all, story{name: name + " beside a rotation" + law, region: "eu-west-1", hasAbandonment: true, before: before, event: e, exempt: exempt, endings: []ending{
				{name: "again", events: []event{soon(e)}, once: law != ""},
				{name: "back", once: law != "", events: []event{back}, orElse: [][]event{{back}, written, ended}},
				{name: "finish comes late", events: []event{finish, update(rotated, p, rotated), next}, orElse: [][]event{finished}, once: true},
				{name: "back and delete", events: []event{back, remove(rotated)}, once: true, exempt: sim.MarkerMoved},
			}})
		}
		add("update of Prefix", scheduled("Prefix", "logs"), exemption{})
		add("update of KeySerial", scheduled("KeySerial", "1"), keyUnseen)
		add("update that ends the schedule", named, exemption{})
	}
	deleted := func(name string, p sim.Properties) story {
		return story{name: "delete " + name + " beside a rotation", region: "eu-west-1", before: func(w *bench) {
			w.history(create(p), hourLater(rotate(p)), hourLater(step(p, smfake.CreateSecret)))
		}, event: hourLater(remove(p)), endings: []ending{{name: "again", events: []event{remove(p)}}}}
	}
	return append(all, deleted("of a rotated set", rotated), deleted("with recovery", scheduled("SecretRecoveryDays", "7")))
}

// followed are lists of events with one more.
func followed(by event, all ...[]event) (more [][]event) {
	for _, events := range all {
		more = append(more, append(slices.Clone(events), by))
	}
	return more
}

// serialStories are rotations by an Update. Its rollback makes no key, and takes none away.
func serialStories() []story {
	var all []story
	var untold [][]event
	add := func(name, start string, p, old sim.Properties, before func(*bench), orElse ...[]event) {
		e, back, next := hourLater(update(old, p, old)), update(old, old, p), hourLater(update(old, plus(old, "Access", "Full"), old))
		left := append(orElse, []event{back})
		all = append(all, story{name: "update of " + name, region: "eu-west-1", start: start, before: before, event: e, exempt: keyUnseen, untold: untold, endings: []ending{
			{name: "again", events: []event{soon(e)}},
			{name: "back", events: []event{back}, orElse: left},
			{name: "back and another", events: []event{back, next}, orElse: followed(next, left...), once: true, settles: true},
			{name: "again and once more", events: []event{soon(e), hourLater(update(p, plus(p, "KeySerial", "7"), p))}, once: true},
			{name: "delete", events: []event{remove(p)}, once: true},
		}})
	}
	once, twice := with("KeySerial", "1"), with("KeySerial", "2")
	leaked, deleting := with("KeySerial", "1", "PreviousKey", "Delete"), with("KeySerial", "1", "PreviousKey", "Delete")
	raised := func(w *bench) { w.history(hourLater(update(named, once, named))) }
	retired := []event{update(once, plus(once, "PreviousKey", "Delete"), once), update(once, once, plus(once, "PreviousKey", "Delete"))} // the previous key made room, and no other was made
	kept := func(p, old sim.Properties) []event { return []event{update(old, p, old), update(old, old, p)} }
	add("KeySerial", "created", once, named, nil)
	add("KeySerial with a previous key", "created", twice, once, raised, retired)
	untold = [][]event{{update(named, once, named)}}
	add("KeySerial that deletes the previous key", "created", leaked, named, nil, kept(once, named))
	untold = [][]event{{}}
	add("PreviousKey", "created", deleting, once, raised)
	return all
}

// scheduleStories turn rotation by Secrets Manager on and off.
func scheduleStories() []story {
	var all []story
	add := func(name, start string, p, old sim.Properties, before func(*bench)) {
		e, back := hourLater(update(old, p, old)), update(old, old, p)
		next := hourLater(rotatedSoon(p))
		next.refused = p["RotateAfterDays"] == nil
		all = append(all, story{name: "update of " + name, region: "eu-west-1", start: start, before: before, event: e, endings: []ending{
			{name: "again", events: []event{soon(e)}},
			{name: "back", events: []event{back}, orElse: [][]event{{back}}},
			{name: "again and rotated", events: []event{soon(e), next}, once: true},
			{name: "back and delete", events: []event{back, remove(old)}, once: true, exempt: sim.MarkerMoved},
		}})
	}
	sixty, logs := scheduled("RotateAfterDays", "60"), scheduled("Prefix", "logs")
	made := func(w *bench) { w.history(create(rotated)) }
	aged := func(w *bench) { w.history(create(rotated), hourLater(rotate(rotated))) }
	add("RotateAfterDays from 0", "created", rotated, named, nil)
	add("RotateAfterDays to 0", "", named, rotated, made)
	add("RotateAfterDays", "", sixty, rotated, func(w *bench) {
		aged(w)
		w.AWS.MoveStage("clickhouse/s3", "AWSPENDING", current(w.AWS.Snapshot().Secrets["clickhouse/s3"]).ID) // nobody has said that it goes
	})
	add("RotateAfterDays beside a rotation", "", sixty, rotated, stepsOf(rotated, 1))
	add("Prefix after a rotation", "", logs, rotated, aged)
	all = append(all, story{name: "create with RotateAfterDays", region: "eu-west-1", event: create(rotated), endings: []ending{
		{name: "again", events: []event{create(rotated)}}, {name: "delete", events: []event{remove(rotated)}}}})
	return append(all, story{name: "test of a schedule", region: "eu-west-1", before: made, event: hourLater(enablingTest(rotated)), endings: []ending{
		{name: "again", events: []event{enablingTest(rotated)}}, {name: "rotated", events: []event{rotate(rotated)}, once: true}}})
}
