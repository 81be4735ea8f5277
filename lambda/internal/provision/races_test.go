package provision_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// race is two deliveries at the same time: the first makes some calls, then the
// second makes some, then the first goes on to its end, and then the second.
type race struct {
	name   string
	before func(*bench)
	start  moment // after that
	a, b   event
	id     string    // of b, if CloudFormation made one up
	denied string    // an operation that is refused to a alone
	status [2]string // of the resource, before and after b begins; "" cannot be answered
	// ends are what CloudFormation may send afterwards, and the events that lead to
	// the same account one after the other, without a race.
	ends  []raceEnd
	judge func(w *bench, a, b answer) string // of the answers; nil: both say SUCCESS

	laws      string // that it draws from: "" for all, none, or the name of one
	exempt    exemption
	isCutOff  bool          // a dies after the first call that it makes when b has had its turn
	isUnasked bool          // b gets no answer to its first question to CloudFormation
	pause     time.Duration // before what comes then

	// Of a race that is about keys: see next.
	isWatched bool
	retires   bool           // it asks for the end of a key
	meanwhile func(*bench)   // what happens right before b begins
	live      sim.Properties // of the resource afterwards; nil if there is none
	then      []event        // what CloudFormation sends in any case
}

type raceEnd struct{ then, like []event }

// races are all of them.
func races() []race { return slices.Concat(ordinaryRaces(), rotationRaces(), exemptRaces()) }

func ordinaryRaces() []race {
	creating := [2]string{"CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"}
	deleted := [2]string{"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
	deleting := [2]string{"DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
	updating := [2]string{"UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}
	logs, purge, old, p := with("Prefix", "logs"), with("OnDelete", "Purge", "Versioning", "true"), named, other(named)
	movedP := maps.Clone(p)
	movedP["Prefix"] = "logs"
	recovering, retain := with("SecretRecoveryDays", "7"), with("OnDelete", "Retain")
	made := func(p sim.Properties) func(*bench) { return func(w *bench) { w.history(create(p)) } }
	gone := []raceEnd{{nil, []event{create(named), remove(named)}}}
	to := func(events ...event) []event { return events }
	return []race{
		{name: "delete beside create", before: nothing, a: create(named), b: remove(named), status: deleted, ends: gone, judge: deleteSucceeds},
		{name: "delete under an invented id beside create", before: nothing, a: create(named), b: remove(named), id: "analytics-Disk-1ABCDEFGHIJKL", status: deleted, ends: gone, judge: deleteSucceeds},
		{name: "delete beside create, CloudFormation does not say", before: nothing, a: create(named), b: remove(named),
			ends: []raceEnd{{to(remove(named)), to(create(named), remove(named))}}, judge: wholeOrNothing, exempt: exemption{number: sim.CreateAfterDelete}},
		{name: "two creates", before: nothing, a: create(named), b: create(named), status: creating,
			ends: []raceEnd{{nil, to(create(named))}, {to(remove(named)), to(create(named), remove(named))}}},
		{name: "two creates that restore", before: func(w *bench) { w.history(create(recovering), remove(recovering)) }, a: create(recovering), b: create(recovering), status: creating,
			ends: []raceEnd{{nil, to(create(recovering))}, {to(remove(recovering)), to(create(recovering), remove(recovering))}}},
		{name: "two creates that adopt", before: func(w *bench) { w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"}) },
			a: create(retain), b: create(retain), status: creating,
			ends: []raceEnd{{nil, to(create(retain))}, {to(remove(retain)), to(create(retain), remove(retain))}}},
		// One fails for reasons of its own: its undoing and the other's commit exclude each other.
		{name: "two creates, one without a right", before: nothing, a: create(named), b: create(named), denied: "PutBucketLifecycleConfiguration", status: creating,
			ends: []raceEnd{{to(remove(named)), to(create(named), remove(named))}}, judge: notBoth, exempt: exemption{number: sim.OneCreateFails}},
		{name: "two deletes", before: made(named), a: remove(named), b: remove(named), status: deleting, ends: []raceEnd{{nil, to(remove(named))}}},
		{name: "two purges", before: filled(purge), a: remove(purge), b: remove(purge), status: deleting, ends: []raceEnd{{nil, to(remove(purge))}}},
		{name: "two updates", before: made(named), a: update(named, logs, named), b: update(named, logs, named), status: updating,
			ends: []raceEnd{{nil, to(update(named, logs, named))}}},
		{name: "two updates that mint", before: func(w *bench) { w.history(create(named)); w.AWS.DeleteUser("clickhouse") },
			a: update(named, logs, named), b: update(named, logs, named), status: updating, ends: []raceEnd{{nil, to(update(named, logs, named))}}},
		{name: "two updates that restore", before: func(w *bench) { w.history(create(named)); w.AWS.DeleteSecret("clickhouse/s3", 30) },
			a: update(named, logs, named), b: update(named, logs, named), status: updating, ends: []raceEnd{{nil, to(update(named, logs, named))}}},
		{name: "two updates that make room", before: func(w *bench) {
			w.AWS.DeleteKey(w.created(named).Data["AccessKeyId"])
			w.AWS.AddKey("clickhouse")
		}, a: update(named, logs, named), b: update(named, logs, named), status: updating, ends: []raceEnd{{nil, to(update(named, logs, named))}}, judge: slowMayFail},
		// Whichever writes last wins, so the account may be as the update wanted it when
		// the rollback has answered. The key stays right, and the next event converges.
		{name: "rollback beside update", before: made(named), a: update(named, logs, named), b: update(named, named, logs), status: updating,
			ends: []raceEnd{{to(update(named, named, logs)), to(update(named, named, logs))}}, judge: anyAnswer, exempt: exemption{number: sim.LaterCallWins}},
		{name: "rollback beside update that mints", before: func(w *bench) { w.history(create(named)); w.AWS.DeleteUser("clickhouse") },
			a: update(named, logs, named), b: update(named, named, logs), status: updating,
			ends: []raceEnd{{to(update(named, named, logs)), to(update(named, named, logs))}}, judge: anyAnswer, exempt: exemption{number: sim.LaterCallWins}},
		{name: "delete beside update", before: made(named), a: update(named, with("Access", "Full"), named), b: remove(named),
			status: [2]string{"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}, ends: []raceEnd{{nil, to(remove(named))}}, judge: anyAnswer},
		{name: "two replacements", before: made(old), a: update(old, p, old), b: update(old, p, old), status: updating,
			ends: []raceEnd{{nil, to(update(old, p, old))}, {to(remove(old)), to(update(old, p, old), remove(old))}, {to(update(old, old, p)), nil}}},
		// The new set is unknown to CloudFormation and goes away, so its secret is nobody's.
		{name: "rollback beside replacement", before: made(old), a: update(old, p, old), b: update(old, old, p), status: updating,
			ends: []raceEnd{{nil, nil}, {to(update(old, old, p)), nil}}, judge: anyAnswer},
		{name: "cleanup beside a late replacement", before: func(w *bench) {
			w.history(create(old), update(old, p, old))
			w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(p))
		}, a: update(old, p, old), b: remove(old), status: updating, ends: []raceEnd{{nil, to(remove(old))}}, judge: anyAnswer},
		// Events of the past, beside one that makes use of what they are about.
		{name: "late replacement beside update", before: func(w *bench) { w.history(create(old), update(old, p, old), update(old, old, p)) },
			a: late(update(old, p, old)), b: update(old, logs, old), status: updating, ends: []raceEnd{{nil, to(update(old, logs, old))}}, judge: anyAnswer},
		{name: "late rollback beside update", before: func(w *bench) {
			w.history(create(old), update(old, p, old), update(old, old, p), update(old, p, old), remove(old))
			w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(p))
		}, a: late(update(old, old, p)), b: update(p, movedP, p), status: updating, ends: []raceEnd{{nil, to(update(p, movedP, p))}}, judge: anyAnswer},
		{name: "late purge beside delete of a later life", before: func(w *bench) { w.history(create(purge), remove(purge), create(retain)); w.fill() },
			a: late(remove(purge)), b: remove(retain), status: deleting, ends: []raceEnd{{nil, to(remove(retain))}}, judge: deleteSucceeds},
		{name: "late create beside delete", before: func(w *bench) { w.history(create(purge)); w.fill(); w.AWS.PutSecretValue("clickhouse/s3", "nonsense") },
			a: late(create(purge)), b: remove(purge), status: deleting, ends: []raceEnd{{nil, to(remove(purge))}}, judge: deleteSucceeds},
	}
}

func anyAnswer(*bench, answer, answer) string { return "" }

func deleteSucceeds(_ *bench, _, b answer) string {
	if b.Status != "SUCCESS" {
		return "Delete answers " + b.Reason
	}
	return ""
}

// slowMayFail is what is promised where one waits until the other's key is committed or
// given up: the other may have waited at its commit for longer than that.
func slowMayFail(_ *bench, a, b answer) string {
	for _, one := range []answer{a, b} {
		if one.Status != "SUCCESS" && !strings.Contains(one.Reason, "the outcome of the commit is unknown") {
			return brief(one)
		}
	}
	if a.Status == b.Status && !maps.Equal(a.Data, b.Data) {
		return fmt.Sprintf("one answers %v, the other %v", a.Data, b.Data)
	}
	return ""
}

// notBoth is what is promised where one of two Creates fails and is undone: a set that
// the other has answered for is there.
func notBoth(w *bench, a, b answer) string {
	now := w.AWS.Snapshot()
	n := len(now.Users) + len(now.Buckets) + len(now.Secrets)
	switch reason := unsafe(now); {
	case reason != "":
		return reason
	case b.Status == "SUCCESS" && n != 3:
		return "one answers SUCCESS, but " + difference(awsfake.Snapshot{}, now) + "; the other " + brief(a)
	case b.Status != "SUCCESS" && n != 0 && !strings.Contains(a.Reason+b.Reason, "undo: "):
		return "both answer FAILED, but " + difference(awsfake.Snapshot{}, now) + ": " + brief(a) + ", " + brief(b)
	}
	return ""
}

// wholeOrNothing is what is promised where CloudFormation cannot be asked: a Create
// that goes on after its Delete makes a whole set or none.
func wholeOrNothing(w *bench, a, b answer) string {
	now := w.AWS.Snapshot()
	if a.Status == "SUCCESS" { // and then the Delete went on, or not
		if n := len(now.Users) + len(now.Buckets) + len(now.Secrets); n != 0 && n != 3 {
			return "Create answers SUCCESS, but " + difference(awsfake.Snapshot{}, now)
		}
	} else if len(now.Users)+len(now.Buckets)+len(now.Secrets) > 0 {
		return "Create answers FAILED (" + a.Reason + "), but " + difference(awsfake.Snapshot{}, now)
	}
	return deleteSucceeds(w, a, b)
}
