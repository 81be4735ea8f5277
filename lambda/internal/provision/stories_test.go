package provision_test

import (
	"fmt"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/spec"
)

// event is one request of CloudFormation. Its id is that of a set of properties.
type event struct {
	kind    string
	id      properties
	p, old  properties
	refused bool // the answer is FAILED when nothing goes wrong
	late    bool // it was sent before others, and is delivered once more
}

func create(p properties) event           { return event{kind: "Create", p: p} }
func update(id, p, old properties) event  { return event{kind: "Update", id: id, p: p, old: old} }
func remove(p properties) event           { return event{kind: "Delete", id: p, p: p} }
func late(e event) event                  { e.late = true; return e }
func (w *world) idOf(p properties) string { return w.parse(p).PhysicalID }

func (w *world) parse(p properties) spec.Spec {
	s, err := spec.Parse(p, w.stackID, logicalID, w.provider)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// story is an event, what happened before it, and the ways in which CloudFormation
// may go on after it, whatever became of it.
type story struct {
	name    string
	region  string
	before  func(*world)
	event   event
	endings []ending
}

// ending is a way to go on. What is right after it shows a run without faults.
type ending struct {
	name   string
	events []event
	once   bool // its events get no faults of their own: another ending covers them
}

func stories() []story {
	all := createStories()
	all = append(all, updateStories()...)
	all = append(all, replacementStories()...)
	all = append(all, rollbackStories()...)
	return append(all, deleteStories()...)
}

func nothing(*world) {}

func createStories() []story {
	var all []story
	add := func(name, region string, p properties, before func(*world)) {
		all = append(all, story{"create " + name, region, before, create(p), []ending{
			{"again", []event{create(p)}, false},
			{"delete", []event{remove(p)}, false},
		}})
	}
	add("named", "eu-west-1", named, nothing)
	add("generated", "eu-west-1", nil, nothing)
	add("in us-east-1", "us-east-1", named, nothing)
	add("versioned", "eu-west-1", with("Versioning", "true", "OnDelete", "Purge"), nothing)
	add("read-only", "eu-west-1", with("Access", "ReadOnly", "OnDelete", "Retain"), nothing)
	add("unproven", "eu-west-1", with("VerifyCredentials", "false"), nothing)
	add("adopting", "eu-west-1", with("OnDelete", "Retain"), func(w *world) {
		w.aws.AddBucket("my-data", map[string]string{"bucketuser:owner": "released", "theirs": "1"})
		w.aws.PutObject("my-data", "data/x", "1")
		w.aws.PutObject("my-data", "data/", "")
	})
	recovering := with("SecretRecoveryDays", "7")
	add("restoring", "eu-west-1", recovering, func(w *world) {
		w.history(create(recovering), remove(recovering))
	})
	return all
}

func updateStories() []story {
	var all []story
	add := func(name string, p, old properties, before func(*world), endings ...ending) {
		all = append(all, story{"update " + name, "eu-west-1", before, update(old, p, old), append(endings,
			ending{"again", []event{update(old, p, old)}, false},
			ending{"back", []event{update(old, old, p)}, false},
		)})
	}
	deleting := func(p properties) ending { return ending{"delete", []event{remove(p)}, false} }
	// A marker under the other prefix counts as data, so here CloudFormation goes back first.
	backAndDelete := func(p, old properties, isFilled bool) ending {
		deleted := remove(old)
		deleted.refused = isFilled
		return ending{"back and delete", []event{update(old, old, p), deleted}, true}
	}
	created := func(w *world) { w.history(create(named)) }
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
		add(change.name, p, named, created, deleting(p))
	}
	logs := with("Prefix", "logs")
	add("Prefix", logs, named, created, backAndDelete(logs, named, false))
	everything := with("Prefix", "logs", "Access", "ReadOnly", "Versioning", "true", "AbortIncompleteUploadsAfterDays", "3",
		"SecretKmsKeyId", "alias/mine", "Tags", []any{map[string]any{"Key": "team", "Value": "data"}})
	add("everything", everything, named, func(w *world) {
		created(w)
		w.aws.PutObject("my-data", "data/x", "1")
	}, backAndDelete(everything, named, true))
	full := with("Access", "Full")
	for name, tamper := range map[string]func(*awsfake.AWS){
		"user":   func(a *awsfake.AWS) { a.DeleteUser("clickhouse") },
		"secret": func(a *awsfake.AWS) { a.DeleteSecret("clickhouse/s3", 0) },
		"value":  func(a *awsfake.AWS) { a.PutSecretValue("clickhouse/s3", "nonsense") },
		"bucket": func(a *awsfake.AWS) { a.DeleteBucket("my-data") },
	} {
		add("repairing the "+name, full, named, func(w *world) { created(w); tamper(w.aws) }, deleting(full))
	}
	return all
}

// other returns p under other names.
func other(p properties) properties {
	q := properties{"BucketName": "my-data-2", "UserName": "clickhouse-2", "SecretName": "clickhouse/s3-2"}
	for name, value := range p {
		if _, ok := q[name]; !ok {
			q[name] = value
		}
	}
	return q
}

// filled makes a set with data in its bucket.
func filled(p properties) func(*world) {
	return func(w *world) {
		w.history(create(p))
		w.fill()
	}
}

func (w *world) fill() {
	w.aws.PutObject("my-data", "data/x", "1")
	w.aws.PutObject("my-data", "data/x", "2")
	w.aws.DeleteObject("my-data", "data/x")
	w.aws.PutObject("my-data", "data/y", "1")
	w.aws.PutObject("my-data", "odd \x01\u00e4+%/key", "3")
	w.aws.AddUpload("my-data", "data/unfinished")
}

func replacementStories() []story {
	var all []story
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		old := with("OnDelete", onDelete)
		p := other(old)
		before := filled(old)
		if onDelete == "DeleteIfEmpty" {
			before = func(w *world) { w.history(create(old)) }
		}
		replace := update(old, p, old)
		all = append(all, story{"replace " + onDelete, "eu-west-1", before, replace, []ending{
			{"again", []event{replace}, false},
			{"back", []event{update(old, old, p)}, false}, // CloudFormation never heard of the new id
			{"cleanup", []event{replace, remove(old)}, true},
			{"back and delete", []event{replace, update(p, old, p), remove(p)}, true},
			{"delete", []event{replace, remove(p)}, true},
		}})
	}
	return all
}

func rollbackStories() []story {
	everything := with("Prefix", "logs", "Access", "Full", "Versioning", "true", "Tags", []any{map[string]any{"Key": "team", "Value": "data"}})
	back := update(named, named, everything)
	all := []story{{"rollback in place", "eu-west-1", func(w *world) { w.history(create(named), update(named, everything, named)) },
		back, []ending{{"again", []event{back}, false}, {"again and delete", []event{back, remove(named)}, true}}}}
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		old := with("OnDelete", onDelete)
		p := other(old)
		back := update(p, old, p)
		all = append(all, story{"rollback of a replacement " + onDelete, "eu-west-1",
			func(w *world) {
				w.history(create(old), update(old, p, old))
				w.aws.PutObject("my-data-2", "data/z", "1")
			},
			back, []ending{{"again", []event{back}, false}, {"delete", []event{remove(old)}, false}}})
		back = update(old, old, p)
		for _, operation := range []string{"CreateAccessKey", "PutSecretValue"} {
			all = append(all, story{"rollback of a replacement killed after " + operation + " " + onDelete, "eu-west-1",
				func(w *world) {
					w.history(create(old))
					if onDelete != "DeleteIfEmpty" {
						w.fill()
					}
					w.killedAfter(operation, update(old, p, old))
				}, back, []ending{{"again", []event{back}, false}}})
		}
	}
	return all
}

func deleteStories() []story {
	var all []story
	add := func(name string, e event, before func(*world)) {
		all = append(all, story{"delete " + name, "eu-west-1", before, e, []ending{{"again", []event{e}, false}}})
	}
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		for _, versioning := range []string{"false", "true"} {
			p := with("OnDelete", onDelete, "Versioning", versioning)
			name := fmt.Sprintf("%s versioning %s", onDelete, versioning)
			add(name+" empty", remove(p), func(w *world) {
				w.history(create(p))
				w.aws.PutObject("my-data", "data/.bucketuser-probe", "")
			})
			e := remove(p)
			e.refused = onDelete == "DeleteIfEmpty"
			add(name+" filled", e, filled(p))
		}
	}
	recovering := with("SecretRecoveryDays", "7")
	add("with recovery", remove(recovering), func(w *world) { w.history(create(recovering)) })
	adopting := with("OnDelete", "Retain")
	add("of an adopted bucket", remove(adopting), func(w *world) {
		w.aws.AddBucket("my-data", map[string]string{"bucketuser:owner": "released", "theirs": "1"})
		w.history(create(adopting))
	})
	return all
}
