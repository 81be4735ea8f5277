package provision_test

import (
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/spec"
)

// exemptStories show what is not promised, and that nothing more is missing.
func exemptStories() []story {
	retain, recovering := with("OnDelete", "Retain"), with("SecretRecoveryDays", "7")
	logs, backups, unproven := with("Prefix", "logs"), with("Prefix", "backups"), with("Prefix", "backups", "VerifyCredentials", "false")
	moved, back := update(backups, unproven, backups), update(backups, backups, unproven)
	return []story{
		{name: "create adopting without a marker", region: "eu-west-1", before: func(w *bench) {
			w.AWS.AddBucket("my-data", map[string]string{spec.TagOwner: spec.Released})
			w.AWS.PutObject("my-data", "data/x", "1")
		}, event: create(retain), exempt: markerAdopted, endings: []ending{
			{name: "again", events: []event{create(retain)}}, {name: "delete", events: []event{remove(retain)}}}},
		{name: "create restoring what another resource released", region: "eu-west-1", before: func(w *bench) {
			w.AWS.AddSecret("clickhouse/s3", `{"AWS_ACCESS_KEY_ID":"AKIAGONE","AWS_SECRET_ACCESS_KEY":"gone"}`,
				map[string]string{spec.TagOwner: spec.Released, "bucketuser:released-by": "Other-v1-x"})
			w.AWS.DeleteSecret("clickhouse/s3", 30)
		}, event: create(recovering), exempt: restoredUntagged, endings: []ending{
			{name: "again", events: []event{create(recovering)}}, {name: "delete", events: []event{remove(recovering)}}}},
		{name: "update after stages were moved back", region: "eu-west-1", start: "created", before: func(w *bench) {
			w.history(update(named, logs, named), update(logs, backups, logs))
			w.moveCurrent("clickhouse/s3")
		}, event: moved, endings: []ending{
			{name: "again", events: []event{moved}}, {name: "back", events: []event{back}}, {name: "delete", events: []event{remove(backups)}}}},
	}
}

// moveCurrent has AWSCURRENT stand at the first value that a secret had.
func (w *bench) moveCurrent(name string) {
	w.t.Helper()
	secret := w.AWS.Snapshot().Secrets[name]
	for i := range secret.Versions {
		secret.Versions[i].Stages = nil
	}
	secret.Versions[0].Stages = []string{"AWSCURRENT"}
	if err := w.AWS.Restore(awsfake.Snapshot{Secrets: map[string]awsfake.Secret{name: secret}}); err != nil {
		w.t.Fatal(err)
	}
}
