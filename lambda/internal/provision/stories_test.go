package provision_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// story is an event, what happened before it, and the ways in which CloudFormation
// may go on after it, whatever became of it.
type story struct {
	name    string
	region  string
	start   string       // name of the start that it begins in; "": an empty account
	before  func(*bench) // what happened since, if anything
	event   event
	endings []ending

	exempt exemption

	// untold are events that lead from the start to what is right, too, where CloudFormation does not say whether the event is
	// a rollback: N11.
	untold [][]event

	hasAbandonment bool // a law about that holds from the start on

	version string // that left the start behind; "": this one

	// isReached says that this version's own start is among the states that another story
	// leads to: it is told only of what earlier versions have left.
	isReached bool
}

// begin brings a story's world to the moment before its event.
func (s story) begin(w *bench) {
	switch {
	case s.start == "":
	case s.version == "":
		startNamed(w.t, s.start).make(w)
	default:
		l, _ := readLeft(w.t, s.version, startNamed(w.t, s.start))
		w.restore(l)
	}
	if s.before != nil {
		s.before(w)
	}
}

// asLeftBy is the story that begins in what an earlier version has left behind. It is
// none where that version did not know the start, or left what this version leaves.
func (s story) asLeftBy(t *testing.T, version string) (_ story, ok bool) {
	t.Helper()
	if s.start == "" {
		return story{}, false
	}
	own := startNamed(t, s.start)
	l, ok := readLeft(t, version, own)
	if !ok || own.leave(t).isSame(t, l) {
		return story{}, false
	}
	s.name, s.version = s.name+" as "+version+" left it", version
	return s, true
}

// ending is a way to go on. What is right after it shows a run without faults.
type ending struct {
	name   string
	events []event
	once   bool          // its events get no faults of their own: another ending covers them
	exempt sim.Exclusion // why CloudFormation goes on in this way, and not in a shorter one

	// settles says that no key may be left that no secret speaks for, whatever the story is not held to: time has gone by, and an
	// Update has come.
	settles bool

	// orElse are other events that lead from the start to what is right in the end, too: an event that did not come about
	// changes nothing, and what it has brought about stays where nothing takes it back.
	orElse [][]event
}

func stories() []story {
	all := createStories()
	all = append(all, updateStories()...)
	all = append(all, replacementStories()...)
	all = append(all, rollbackStories()...)
	all = append(all, deleteStories()...)
	all = append(all, leftStories()...)
	all = append(all, handsStories()...)
	all = append(all, rotationStories()...)
	return append(all, exemptStories()...)
}

// allStories are those that begin in what this version leaves behind, and then those that
// begin in what earlier versions have left and this one would not.
func allStories(t *testing.T) []story {
	t.Helper()
	var all []story
	for _, s := range stories() {
		if !s.isReached {
			all = append(all, s)
		}
	}
	for _, version := range versions(t) {
		for _, s := range stories() {
			if s, ok := s.asLeftBy(t, version); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

func nothing(*bench) {}

func createStories() []story {
	var all []story
	add := func(name, region, start string, p sim.Properties, before func(*bench)) {
		all = append(all, story{name: "create " + name, region: region, start: start, before: before, event: create(p), endings: []ending{
			{name: "again", events: []event{create(p)}},
			{name: "delete", events: []event{remove(p)}},
		}})
	}
	add("named", "eu-west-1", "", named, nil)
	add("generated", "eu-west-1", "", nil, nil)
	add("in us-east-1", "us-east-1", "", named, nil)
	add("versioned", "eu-west-1", "", with("Versioning", "true", "OnDelete", "Purge"), nil)
	add("read-only", "eu-west-1", "", with("Access", "ReadOnly", "OnDelete", "Retain"), nil)
	add("unproven", "eu-west-1", "", with("VerifyCredentials", "false"), nil)
	add("adopting", "eu-west-1", "", with("OnDelete", "Retain"), func(w *bench) {
		w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released", "theirs": "1"})
		w.AWS.PutObject("my-data", "data/x", "1")
		w.AWS.PutObject("my-data", "data/", "")
	})
	add("restoring", "eu-west-1", "in a recovery window", with("SecretRecoveryDays", "7"), nil)
	add("adopting what was retained", "eu-west-1", "retained", with("OnDelete", "Retain"), nil)
	return all
}

func updateStories() []story {
	var all []story
	add := func(name, start string, p, old sim.Properties, before func(*bench), endings ...ending) {
		all = append(all, story{name: "update " + name, region: "eu-west-1", start: start, before: before, event: update(old, p, old), endings: append(endings,
			ending{name: "again", events: []event{update(old, p, old)}},
			ending{name: "back", events: []event{update(old, old, p)}},
		)})
	}
	deleting := func(p sim.Properties) ending { return ending{name: "delete", events: []event{remove(p)}} }
	// A marker under the other prefix counts as data, so here CloudFormation goes back first.
	backAndDelete := func(p, old sim.Properties, isFilled bool) ending {
		deleted := remove(old)
		deleted.refused = isFilled
		return ending{name: "back and delete", events: []event{update(old, old, p), deleted}, once: true, exempt: sim.MarkerMoved}
	}
	for _, change := range []struct {
		name, property string
		value          any
	}{
		{"FolderMarker", "FolderMarker", "false"},
		{"Access", "Access", "Full"},
		{"Statements", "Statements", []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging"}}},
		{"EnforceTls", "EnforceTls", "false"},
		{"OnDelete", "OnDelete", "Purge"},
		{"Versioning", "Versioning", "true"},
		{"AbortIncompleteUploadsAfterDays", "AbortIncompleteUploadsAfterDays", "3"},
		{"no AbortIncompleteUploads", "AbortIncompleteUploadsAfterDays", "0"},
		{"SecretKmsKeyId", "SecretKmsKeyId", "alias/mine"},
		{"SecretRecoveryDays", "SecretRecoveryDays", "7"},
		{"Tags", "Tags", []any{map[string]any{"Key": "team", "Value": "data"}}},
	} {
		p := with(change.property, change.value)
		add(change.name, "created", p, named, nil, deleting(p))
	}
	versioned := with("OnDelete", "DeleteIfEmpty", "Versioning", "true")
	expiring := plus(versioned, "ExpireNoncurrentAfterDays", "30")
	add("ExpireNoncurrentAfterDays", "created versioned", expiring, versioned, nil, deleting(expiring))
	logs := with("Prefix", "logs")
	add("Prefix", "created", logs, named, nil, backAndDelete(logs, named, false))
	add("everything", "created", everything, named, func(w *bench) {
		w.AWS.PutObject("my-data", "data/x", "1")
	}, backAndDelete(everything, named, true))
	full := with("Access", "Full")
	for name, tamper := range map[string]func(*awsfake.AWS){
		"user":   func(a *awsfake.AWS) { a.DeleteUser("clickhouse") },
		"secret": func(a *awsfake.AWS) { a.DeleteSecret("clickhouse/s3", 0) },
		"value":  func(a *awsfake.AWS) { a.PutSecretValue("clickhouse/s3", "nonsense") },
		"bucket": func(a *awsfake.AWS) { a.DeleteBucket("my-data") },
	} {
		add("repairing the "+name, "created", full, named, func(w *bench) {
			tamper(w.AWS)
			time.Sleep(forsaken) // the key of the value is nobody's then
		}, deleting(full))
	}
	return all
}

func deleteStories() []story {
	var all []story
	add := func(name, start string, e event, before func(*bench)) {
		all = append(all, story{name: "delete " + name, region: "eu-west-1", start: start, before: before, event: e, endings: []ending{{name: "again", events: []event{e}}}})
	}
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		for _, versioning := range []string{"false", "true"} {
			p := with("OnDelete", onDelete, "Versioning", versioning)
			name, start := fmt.Sprintf("%s versioning %s", onDelete, versioning), createdWith(onDelete, versioning)
			add(name+" empty", start, remove(p), func(w *bench) { w.AWS.PutObject("my-data", "data/.bucketuser-probe", "") })
			e := remove(p)
			e.refused = onDelete == "DeleteIfEmpty"
			add(name+" filled", start, e, (*bench).fill)
			if e.refused {
				all[len(all)-1].exempt = accessEnded
			}
		}
	}
	old := with("OnDelete", "Purge")
	add("Purge in its second run", createdWith("Purge", "true"), remove(plus(old, "Versioning", "true")), func(w *bench) {
		w.fill()
		w.isLeft(remove(plus(old, "Versioning", "true")))
		w.AWS.PutObject("my-data", "data/late", "1")
	})
	add("with recovery", "created SecretRecoveryDays", remove(with("SecretRecoveryDays", "7")), nil)
	add("of an adopted bucket", "adopted", remove(with("OnDelete", "Retain")), nil)
	return all
}

// leftStories go on from what was cut off, and from values that a version may refuse.
func leftStories() []story {
	old, recovering := with("OnDelete", "Purge"), with("SecretRecoveryDays", "7")
	p := other(old)
	again := func(start string, e event, endings ...ending) story {
		return story{name: "again " + start, region: "eu-west-1", start: start, event: e, isReached: true,
			endings: append(endings, ending{name: "again", events: []event{e}})}
	}
	deleted := func(p sim.Properties) ending { return ending{name: "delete", events: []event{remove(p)}, once: true} }
	all := []story{
		again("half created", create(named), deleted(named)),
		again("half restored", create(recovering), deleted(recovering)),
		again("half in a recovery window", remove(recovering)),
		again("Purge half done", remove(old)),
		again("half renamed", update(old, old, p)),
		{name: "create in a closed bucket", region: "eu-west-1", start: "half purged", event: create(old),
			endings: []ending{{name: "again", events: []event{create(old)}}, deleted(old)}},
		{name: "cleanup", region: "eu-west-1", start: "renamed", event: remove(old), endings: []ending{{name: "again", events: []event{remove(old)}}}},
		{name: "delete renamed", region: "eu-west-1", start: "renamed and cleaned up", event: remove(p), endings: []ending{{name: "again", events: []event{remove(p)}}}},
		{name: "update in us-east-1", region: "us-east-1", start: "in us-east-1", event: update(named, with("Access", "Full"), named),
			endings: []ending{{name: "back", events: []event{update(named, named, with("Access", "Full"))}}}},
	}
	for _, start := range []string{"created Prefix with braces", "created Prefix with anchors", "created generated names", "restored"} {
		was := map[string]sim.Properties{"created Prefix with braces": braces, "created Prefix with anchors": anchors,
			"created generated names": {}, "restored": recovering}[start]
		changed := maps.Clone(was)
		changed["Access"] = "Full"
		all = append(all, story{name: "update " + start, region: "eu-west-1", start: start, event: update(was, changed, was), endings: []ending{
			{name: "back", events: []event{update(was, was, changed)}}, {name: "delete", events: []event{remove(changed)}}}})
	}
	return all
}

// createdWith is the name of a start that has OnDelete and Versioning.
func createdWith(onDelete, versioning string) string {
	name := "created"
	if onDelete != "DeleteIfEmpty" {
		name += " OnDelete " + onDelete
	}
	if versioning == "true" {
		name += " versioned"
	}
	return name
}
