package provision_test

import "bucketuser/lambda/internal/sim"

// other returns p under other names.
func other(p sim.Properties) sim.Properties {
	q := sim.Properties{"BucketName": "my-data-2", "UserName": "clickhouse-2", "SecretName": "clickhouse/s3-2"}
	for name, value := range p {
		if _, ok := q[name]; !ok {
			q[name] = value
		}
	}
	return q
}

// filled makes a set with data in its bucket.
func filled(p sim.Properties) func(*bench) {
	return func(w *bench) {
		w.history(create(p))
		w.fill()
	}
}

func (w *bench) fill() {
	w.AWS.PutObject("my-data", "data/x", "1")
	w.AWS.PutObject("my-data", "data/x", "2")
	w.AWS.DeleteObject("my-data", "data/x")
	w.AWS.PutObject("my-data", "data/y", "1")
	w.AWS.PutObject("my-data", "odd \x01\u00e4+%/key", "3")
	w.AWS.AddUpload("my-data", "data/unfinished")
}

func replacementStories() []story {
	var all []story
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		old := with("OnDelete", onDelete)
		p := other(old)
		var before func(*bench)
		if onDelete == "Retain" {
			before = (*bench).fill
		}
		replace := update(old, p, old)
		all = append(all, story{name: "replace " + onDelete, region: "eu-west-1", start: createdWith(onDelete, ""), before: before, event: replace, endings: []ending{
			{name: "again", events: []event{replace}},
			{name: "back", events: []event{update(old, old, p)}}, // CloudFormation never heard of the new id
			{name: "cleanup", events: []event{replace, remove(old)}, once: true},
			{name: "back and delete", events: []event{replace, update(p, old, p), remove(p)}, once: true},
			{name: "delete", events: []event{replace, remove(p)}, once: true},
		}})
	}
	return all
}

// keptStories are Deletes of either side of a replacement, to which data has come since it was
// checked: CloudFormation cleans up, or goes back by nothing but a Delete.
func keptStories(onDelete string, old, p sim.Properties) []story {
	deleted := func(name string, e event) story {
		return story{name: name + " " + onDelete, region: "eu-west-1", start: createdWith(onDelete, ""), before: func(w *bench) {
			w.history(update(old, p, old))
			w.fill()
			w.AWS.PutObject("my-data-2", "data/z", "1")
		}, event: e, endings: []ending{{name: "again", events: []event{e}}}}
	}
	return []story{deleted("cleanup of a replaced set with data", remove(old)), deleted("removal of a replacing set with data", remove(p))}
}

func rollbackStories() []story {
	changed := with("Prefix", "logs", "Access", "Full", "Versioning", "true", "Tags", []any{map[string]any{"Key": "team", "Value": "data"}})
	back := update(named, named, changed)
	all := []story{{name: "rollback in place", region: "eu-west-1", start: "created", before: func(w *bench) { w.history(update(named, changed, named)) },
		event: back, endings: []ending{{name: "again", events: []event{back}}, {name: "again and delete", events: []event{back, remove(named)}, once: true}}}}
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		old := with("OnDelete", onDelete)
		p := other(old)
		back := update(p, old, p)
		all = append(all, story{name: "rollback of a replacement " + onDelete, region: "eu-west-1", start: createdWith(onDelete, ""),
			before: func(w *bench) {
				w.history(update(old, p, old))
				w.AWS.PutObject("my-data-2", "data/z", "1")
			},
			event: back, exempt: markLeft, endings: []ending{{name: "again", events: []event{back}}, {name: "delete", events: []event{remove(old)}}}})
		all = append(all, keptStories(onDelete, old, p)...)
		back = update(old, old, p)
		for _, operation := range []string{"CreateAccessKey", "PutSecretValue"} {
			all = append(all, story{name: "rollback of a replacement killed after " + operation + " " + onDelete, region: "eu-west-1", start: createdWith(onDelete, ""),
				before: func(w *bench) {
					w.killedAfter(operation, update(old, p, old))
					if onDelete != "DeleteIfEmpty" {
						w.fill()
					}
				}, event: back, endings: []ending{{name: "again", events: []event{back}}}})
		}
	}
	return all
}
