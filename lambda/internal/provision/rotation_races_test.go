package provision_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// A party is one that takes part in a race about keys.
type party struct {
	name  string
	event event
	live  sim.Properties // of the resource afterwards; nil if there is none
	then  []event        // that CloudFormation sends in any case

	denied  string // an operation, so that it fails
	status  string // of the resource
	retires bool
}

// nthStep is an event of Secrets Manager: a step of the n-th rotation.
func nthStep(of smfake.Step, n int) event { return event{step: of, rotation: n} }

// changes are the events of CloudFormation about a set that is rotated.
func changes() []party {
	p := func(name string, live sim.Properties) party {
		return party{name: name, event: update(rotated, live, rotated), live: live}
	}
	moved := other(rotated)
	retiring := p("KeySerial that retires", plus(rotated, "KeySerial", "1", "PreviousKey", "Delete"))
	retiring.retires = true
	return []party{
		p("KeySerial", plus(rotated, "KeySerial", "1")),
		retiring,
		p("update of the value", plus(rotated, "Prefix", "logs")),
		p("update", plus(rotated, "Access", "Full")),
		p("other days", plus(rotated, "RotateAfterDays", "60")),
		p("schedule off", named),
		{name: "replacement", event: update(rotated, moved, rotated), then: []event{remove(rotated), remove(moved)}},
		{name: "failing replacement", event: update(rotated, moved, rotated), live: rotated, denied: "PutBucketLifecycleConfiguration"},
		{name: "failing Create again", event: create(rotated), live: rotated, denied: "PutBucketLifecycleConfiguration", status: "CREATE_IN_PROGRESS"},
		{name: "Delete", event: remove(rotated), status: "DELETE_IN_PROGRESS"},
	}
}

// rotatedOnce makes a set whose user has two keys: the key of the secret, and the one before.
func rotatedOnce(w *bench) {
	w.history(create(rotated))
	w.rotate(smfake.How{})
	<-time.After(forsaken)
}

func begun(w *bench) { rotatedOnce(w); w.beginRotation() }

func pending(w *bench) { begun(w); w.steps(smfake.CreateSecret) }

// rotationRaces are each step of a rotation beside each change, beside each step of the same rotation, and beside another one; and
// another key that an Update asks for beside each change.
func rotationRaces() (all []race) {
	before := map[smfake.Step]func(*bench){smfake.CreateSecret: begun, smfake.TestSecret: pending, smfake.FinishSecret: pending}
	steps := []smfake.Step{smfake.CreateSecret, smfake.TestSecret, smfake.FinishSecret}
	for i, one := range steps {
		for _, change := range changes() {
			all = append(all, change.beside(one, before[one]))
		}
		for _, again := range steps[i:] {
			all = append(all, stepsRace(string(one)+" beside "+string(again), before[one], nthStep(one, 1), nthStep(again, 1)))
		}
		another := stepsRace(string(one)+" beside another rotation", before[one], nthStep(one, 1), nthStep(smfake.CreateSecret, 2))
		another.meanwhile = (*bench).beginRotation
		all = append(all, another)
	}
	for _, change := range changes() {
		if change.denied == "" {
			all = append(all, change.afterKeySerial())
		}
	}
	return append(all, rollbackRace())
}

func stepsRace(name string, before func(*bench), a, b event) race {
	return race{name: name, before: before, a: a, b: b, live: rotated, isWatched: true, judge: anyAnswer}
}

// beside is the race of a change with a step.
func (p party) beside(one smfake.Step, before func(*bench)) race {
	status := cmp.Or(p.status, "UPDATE_IN_PROGRESS")
	return race{name: p.name + " beside " + string(one), before: before, a: p.event, b: nthStep(one, 1), denied: p.denied, status: [2]string{status, status},
		live: p.live, then: p.then, isWatched: true, retires: p.retires, judge: p.judge}
}

// afterKeySerial is the race of a change with an Update before it that asks for another key, and comes late.
func (p party) afterKeySerial() race {
	raised := plus(rotated, "KeySerial", "1")
	b, live := p.event, p.live
	if b.kind == "Update" {
		b.p, b.old = plus(b.p, "KeySerial", "1"), raised
	} else {
		b.p, b.id = raised, raised
	}
	if p.live != nil {
		live = b.p
	}
	then := slices.Clone(p.then)
	for i := range then {
		then[i].p, then[i].id = plus(then[i].p, "KeySerial", "1"), plus(then[i].id, "KeySerial", "1")
	}
	return race{name: p.name + " beside KeySerial", before: rotatedOnce, a: update(rotated, raised, rotated), b: b, status: [2]string{"UPDATE_IN_PROGRESS", cmp.Or(p.status, "UPDATE_IN_PROGRESS")},
		live: live, then: then, isWatched: true, retires: p.retires, judge: bSucceeds}
}

// rollbackRace is an Update that asks for another key, beside its rollback.
func rollbackRace() race {
	raised := plus(rotated, "KeySerial", "1")
	return race{name: "rollback beside KeySerial", before: rotatedOnce, a: update(rotated, raised, rotated), b: update(rotated, rotated, raised),
		status: [2]string{"UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}, live: rotated, isWatched: true, judge: bSucceeds}
}

// judge wants the change to succeed, unless it was made to fail. A step beside it may end with an error.
func (p party) judge(w *bench, a, _ answer) string {
	serial := fieldsIn(staged(w.AWS.Snapshot().Secrets["clickhouse/s3"], "AWSCURRENT").Value)["BUCKETUSER_KEY_SERIAL"]
	switch {
	case a.Status == "SUCCESS" && p.denied != "":
		return "the event that was denied a right succeeds"
	case a.Status != "SUCCESS" && p.denied == "":
		return p.name + " answers " + a.Reason
	case p.live["KeySerial"] != nil && p.live["KeySerial"] != serial:
		return fmt.Sprintf("%s answers SUCCESS, and the serial of the key is %v", p.name, serial)
	}
	return ""
}
