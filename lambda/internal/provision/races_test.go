package provision_test

import (
	"fmt"
	"maps"
	"strings"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// race is two deliveries at the same time: the first makes some calls, then the
// second makes some, then the first goes on to its end, and then the second.
type race struct {
	name   string
	before func(*bench)
	a, b   event
	id     string    // of b, if CloudFormation made one up
	denied string    // an operation that is refused to a alone
	status [2]string // of the resource, before and after b begins; "" cannot be answered
	// ends are what CloudFormation may send afterwards, and the events that lead to
	// the same account one after the other, without a race.
	ends  []raceEnd
	judge func(w *bench, a, b answer) string // of the answers; nil: both say SUCCESS
}

type raceEnd struct{ then, like []event }

func races() []race {
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
	any := func(*bench, answer, answer) string { return "" }

	return []race{
		{"delete beside create", nothing, create(named), remove(named), "", "", deleted, gone, deleteSucceeds},
		{"delete under an invented id beside create", nothing, create(named), remove(named), "analytics-Disk-1ABCDEFGHIJKL", "", deleted, gone, deleteSucceeds},
		{"delete beside create, CloudFormation does not say", nothing, create(named), remove(named), "", "", [2]string{},
			[]raceEnd{{to(remove(named)), to(create(named), remove(named))}}, wholeOrNothing},
		{"two creates", nothing, create(named), create(named), "", "", creating,
			[]raceEnd{{nil, to(create(named))}, {to(remove(named)), to(create(named), remove(named))}}, nil},
		{"two creates that restore", func(w *bench) { w.history(create(recovering), remove(recovering)) }, create(recovering), create(recovering), "", "", creating,
			[]raceEnd{{nil, to(create(recovering))}, {to(remove(recovering)), to(create(recovering), remove(recovering))}}, nil},
		{"two creates that adopt", func(w *bench) { w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"}) },
			create(retain), create(retain), "", "", creating,
			[]raceEnd{{nil, to(create(retain))}, {to(remove(retain)), to(create(retain), remove(retain))}}, nil},
		// One fails for reasons of its own: its undoing and the other's commit exclude each other.
		{"two creates, one without a right", nothing, create(named), create(named), "", "PutBucketLifecycleConfiguration", creating,
			[]raceEnd{{to(remove(named)), to(create(named), remove(named))}}, notBoth},
		{"two deletes", made(named), remove(named), remove(named), "", "", deleting, []raceEnd{{nil, to(remove(named))}}, nil},
		{"two purges", filled(purge), remove(purge), remove(purge), "", "", deleting, []raceEnd{{nil, to(remove(purge))}}, nil},
		{"two updates", made(named), update(named, logs, named), update(named, logs, named), "", "", updating,
			[]raceEnd{{nil, to(update(named, logs, named))}}, nil},
		{"two updates that mint", func(w *bench) { w.history(create(named)); w.AWS.DeleteUser("clickhouse") },
			update(named, logs, named), update(named, logs, named), "", "", updating, []raceEnd{{nil, to(update(named, logs, named))}}, nil},
		{"two updates that restore", func(w *bench) { w.history(create(named)); w.AWS.DeleteSecret("clickhouse/s3", 30) },
			update(named, logs, named), update(named, logs, named), "", "", updating, []raceEnd{{nil, to(update(named, logs, named))}}, nil},
		{"two updates that make room", func(w *bench) {
			w.AWS.DeleteKey(w.created(named).Data["AccessKeyId"])
			w.AWS.AddKey("clickhouse")
		}, update(named, logs, named), update(named, logs, named), "", "", updating, []raceEnd{{nil, to(update(named, logs, named))}}, slowMayFail},
		// Whichever writes last wins, so the account may be as the update wanted it when
		// the rollback has answered. The key stays right, and the next event converges.
		{"rollback beside update", made(named), update(named, logs, named), update(named, named, logs), "", "", updating,
			[]raceEnd{{to(update(named, named, logs)), to(update(named, named, logs))}}, any},
		{"rollback beside update that mints", func(w *bench) { w.history(create(named)); w.AWS.DeleteUser("clickhouse") },
			update(named, logs, named), update(named, named, logs), "", "", updating,
			[]raceEnd{{to(update(named, named, logs)), to(update(named, named, logs))}}, any},
		{"delete beside update", made(named), update(named, with("Access", "Full"), named), remove(named), "", "",
			[2]string{"UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}, []raceEnd{{nil, to(remove(named))}}, any},
		{"two replacements", made(old), update(old, p, old), update(old, p, old), "", "", updating,
			[]raceEnd{{nil, to(update(old, p, old))}, {to(remove(old)), to(update(old, p, old), remove(old))}, {to(update(old, old, p)), nil}}, nil},
		// The new set is unknown to CloudFormation and goes away, so its secret is nobody's.
		{"rollback beside replacement", made(old), update(old, p, old), update(old, old, p), "", "", updating,
			[]raceEnd{{nil, nil}, {to(update(old, old, p)), nil}}, any},
		{"cleanup beside a late replacement", func(w *bench) { w.history(create(old), update(old, p, old)) },
			update(old, p, old), remove(old), "", "", updating, []raceEnd{{nil, to(remove(old))}}, any},
		// Events of the past, beside one that makes use of what they are about.
		{name: "late replacement beside update", before: func(w *bench) { w.history(create(old), update(old, p, old), update(old, old, p)) },
			a: late(update(old, p, old)), b: update(old, logs, old), status: updating, ends: []raceEnd{{nil, to(update(old, logs, old))}}, judge: any},
		{name: "late rollback beside update", before: func(w *bench) {
			w.history(create(old), update(old, p, old), update(old, old, p), update(old, p, old), remove(old))
			w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(p))
		}, a: late(update(old, old, p)), b: update(p, movedP, p), status: updating, ends: []raceEnd{{nil, to(update(p, movedP, p))}}, judge: any},
		{name: "late purge beside delete of a later life", before: func(w *bench) { w.history(create(purge), remove(purge), create(retain)); w.fill() },
			a: late(remove(purge)), b: remove(retain), status: deleting, ends: []raceEnd{{nil, to(remove(retain))}}, judge: deleteSucceeds},
		{name: "late create beside delete", before: func(w *bench) { w.history(create(purge)); w.fill(); w.AWS.PutSecretValue("clickhouse/s3", "nonsense") },
			a: late(create(purge)), b: remove(purge), status: deleting, ends: []raceEnd{{nil, to(remove(purge))}}, judge: deleteSucceeds},
	}
}

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
