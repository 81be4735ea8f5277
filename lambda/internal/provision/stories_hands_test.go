package provision_test

import "time"

// handsStories are Updates of a set of which somebody has replaced the tags of a thing, an hour after it was made. They
// change nothing of it. Those that would are refused, and tested by number, as what cannot be read refuses nothing.
func handsStories() []story {
	var all []story
	theirs, purge := map[string]string{"cost-center": "7"}, with("OnDelete", "Purge")
	replaceTags := map[string]func(*bench){
		"bucket": func(w *bench) { w.AWS.SetBucketTags("my-data", theirs) },
		"secret": func(w *bench) { w.AWS.SetSecretTags("clickhouse/s3", theirs) },
		"user":   func(w *bench) { w.AWS.SetUserTags("clickhouse", theirs) },
	}
	for _, thing := range thingsOfASet {
		e, back := update(named, purge, named), update(named, named, purge)
		all = append(all, story{name: "update leaving a lost " + thing, region: "eu-west-1", start: "created", before: func(w *bench) {
			<-time.After(time.Hour)
			replaceTags[thing](w)
			<-time.After(time.Hour)
		}, event: e, endings: []ending{{name: "again", events: []event{e}}, {name: "back", events: []event{back}}}})
	}
	return append(all, unreadableStories()...)
}

// unreadableStories are of a set whose KMS key cannot be used any more, an hour after it was made. Another key heals it.
func unreadableStories() []story {
	dies := func(w *bench) {
		<-time.After(time.Hour)
		w.AWS.SetKmsKeyUsable("", false)
	}
	recovering := with("SecretRecoveryDays", "7")
	e, deleted := update(named, encrypted, named), remove(recovering)
	return []story{
		{name: "update healing an unreadable value", region: "eu-west-1", start: "created", before: dies, event: e,
			endings: []ending{{name: "again", events: []event{e}}, {name: "delete", events: []event{remove(encrypted)}}}},
		{name: "delete of an unreadable value", region: "eu-west-1", start: "created SecretRecoveryDays", before: dies, event: deleted,
			endings: []ending{{name: "again", events: []event{deleted}}}},
	}
}
