package provision_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

type inPlaceRow struct {
	property string
	value    any
	check    func(awsfake.Snapshot) bool
}

// changed are the named properties with those of the row. Versions expire only where there are any.
func (row inPlaceRow) changed() sim.Properties {
	p := with(row.property, row.value)
	if row.property == "ExpireNoncurrentAfterDays" {
		p["Versioning"] = "true"
	}
	return p
}

// Each property that changes in place, and what shows that it did.
var inPlace = []inPlaceRow{
	{"Prefix", "logs", func(now awsfake.Snapshot) bool {
		b := now.Buckets["my-data"]
		return len(b.Objects) == 1 && b.Objects["logs/"] != nil && strings.Contains(b.Policy, "my-data/logs/*")
	}},
	{"FolderMarker", "false", func(now awsfake.Snapshot) bool { return len(now.Buckets["my-data"].Objects) == 0 }},
	{"Access", "Full", func(now awsfake.Snapshot) bool {
		return strings.Contains(now.Buckets["my-data"].Policy, "BucketUserFull")
	}},
	{"Statements", []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging"}}, func(now awsfake.Snapshot) bool {
		return strings.Contains(now.Buckets["my-data"].Policy, "BucketUserStatement1")
	}},
	{"EnforceTls", "false", func(now awsfake.Snapshot) bool {
		return !strings.Contains(now.Buckets["my-data"].Policy, "SecureTransport")
	}},
	{"OnDelete", "Purge", func(awsfake.Snapshot) bool { return true }},
	{"Versioning", "true", func(now awsfake.Snapshot) bool { return now.Buckets["my-data"].Versioning == "Enabled" }},
	{"AbortIncompleteUploadsAfterDays", "3", func(now awsfake.Snapshot) bool {
		return now.Buckets["my-data"].Lifecycle[0].AbortIncompleteUploadsAfterDays == 3
	}},
	{"AbortIncompleteUploadsAfterDays", "0", func(now awsfake.Snapshot) bool { return len(now.Buckets["my-data"].Lifecycle) == 0 }},
	{"ExpireNoncurrentAfterDays", "30", func(now awsfake.Snapshot) bool {
		rules := now.Buckets["my-data"].Lifecycle
		return len(rules) == 3 && rules[1].ExpireNoncurrentAfterDays == 30 && rules[2].ExpireDeleteMarkers
	}},
	{"SecretKmsKeyId", "alias/mine", func(now awsfake.Snapshot) bool { return now.Secrets["clickhouse/s3"].KMSKey == "alias/mine" }},
	{"SecretRecoveryDays", "7", func(awsfake.Snapshot) bool { return true }},
	{"Tags", []any{map[string]any{"Key": "team", "Value": "data"}}, func(now awsfake.Snapshot) bool {
		return now.Buckets["my-data"].Tags["team"] == "data" && now.Secrets["clickhouse/s3"].Tags["team"] == "data"
	}},
	{"Trigger", "again", func(awsfake.Snapshot) bool { return true }},
	{"VerifyCredentials", "false", func(awsfake.Snapshot) bool { return true }},
	{"PreviousKey", "Delete", func(awsfake.Snapshot) bool { return true }}, // there is none
	{"RotateAfterDays", "30", func(now awsfake.Snapshot) bool {
		is := now.Secrets["clickhouse/s3"].Rotation
		return is != nil && is.Enabled && is.Days == 30 && now.Users["clickhouse"].Tags["bucketuser:secret"] == now.Secrets["clickhouse/s3"].ARN
	}},
}

func TestUpdateInPlace(t *testing.T) {
	for _, property := range spec.Table {
		isShown := slices.ContainsFunc(inPlace, func(row inPlaceRow) bool { return row.property == property.Name })
		isOfAKey := property.Name == "KeySerial" // it changes the key, and no rollback brings that back: TestA18Rollback
		if property.OnChange == spec.InPlace && !isShown && !isOfAKey {
			t.Errorf("property %s changes in place, and no row shows its effect", property.Name)
		}
	}
	for _, test := range inPlace {
		t.Run(test.property, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.succeeded(w.create(named))
				before := w.AWS.Snapshot()
				changed := test.changed()
				w.updatedInPlace(created, changed)
				if !test.check(w.AWS.Snapshot()) {
					t.Errorf("no effect: %+v", w.AWS.Snapshot())
				}
				w.goesBack(created, changed, before)
			})
		})
	}
}

// updatedInPlace changes the properties from those that are named, and fails the test if
// the key changes or the id does.
func (w *bench) updatedInPlace(created answer, changed sim.Properties) {
	w.t.Helper()
	key := w.credentials(created)["AWS_ACCESS_KEY_ID"]
	updated := w.succeeded(w.update(created.PhysicalResourceId, changed, named))
	if updated.PhysicalResourceId != created.PhysicalResourceId {
		w.t.Errorf("replaced: %s, %s", created.PhysicalResourceId, updated.PhysicalResourceId)
	}
	fields := w.credentials(updated)
	if fields["AWS_ACCESS_KEY_ID"] != key {
		w.t.Error("the key has changed")
	}
	if fields["S3_PREFIX"] != updated.Data["Prefix"] {
		w.t.Error("the secret has another prefix than the answer")
	}
}

// goesBack changes the properties back, as a rollback does, and fails the test unless the
// account is as it was. S3 can only suspend versioning.
func (w *bench) goesBack(created answer, changed sim.Properties, before awsfake.Snapshot) {
	w.t.Helper()
	w.succeeded(w.update(created.PhysicalResourceId, named, changed))
	after := w.AWS.Snapshot()
	if changed["Versioning"] == "true" {
		b := after.Buckets["my-data"]
		if b.Versioning != "Suspended" {
			w.t.Errorf("versioning: %s", b.Versioning)
		}
		b.Versioning = ""
		after.Buckets["my-data"] = b
	}
	forgetVersions(before)
	forgetVersions(after)
	forgetSchedule(before)
	forgetSchedule(after)
	if diff := cmp.Diff(before, after, ignoreLastEvent); diff != "" {
		w.t.Errorf("going back (-before +after)\n%s", diff)
	}
}

// forgetSchedule drops what a schedule leaves that was turned off: the format, and which secret the keys of the user go into.
func forgetSchedule(snapshot awsfake.Snapshot) {
	for name, secret := range snapshot.Secrets {
		if secret.Rotation != nil && !secret.Rotation.Enabled {
			secret.Rotation = nil
		}
		delete(secret.Tags, spec.TagFormat)
		snapshot.Secrets[name] = secret
	}
	for _, user := range snapshot.Users {
		delete(user.Tags, spec.TagSecret)
	}
}

// forgetVersions drops what a value of a secret that was put twice changes.
func forgetVersions(snapshot awsfake.Snapshot) {
	for name, secret := range snapshot.Secrets {
		var current []awsfake.SecretVersion
		for _, v := range secret.Versions {
			switch {
			case slices.Contains(v.Stages, "AWSCURRENT"):
				current = append(current, awsfake.SecretVersion{Value: v.Value})
			case slices.Contains(v.Stages, "AWSPENDING"):
				current = append(current, awsfake.SecretVersion{Value: v.Value, Stages: []string{"AWSPENDING"}})
			}
		}
		secret.Versions = current
		snapshot.Secrets[name] = secret
	}
	for _, bucket := range snapshot.Buckets {
		for _, versions := range bucket.Objects {
			for i := range versions {
				versions[i].Version = ""
			}
		}
	}
}

func TestUpdateWithoutAChangeWritesNothingButWhenItCame(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.succeeded(w.create(named))
		was, calls := w.AWS.Snapshot(), len(w.AWS.Calls())
		w.succeeded(w.update(created.PhysicalResourceId, named, named))
		w.same(was)
		for _, call := range w.AWS.Calls()[calls:] {
			switch {
			case strings.HasPrefix(call.Operation, "Get"), strings.HasPrefix(call.Operation, "Describe"), strings.HasPrefix(call.Operation, "List"):
			case call.Operation == "PutObject" && call.Code == "PreconditionFailed": // the marker is there
			case call.Operation == "TagResource" && call.OperationN == 1:
			default:
				t.Errorf("unexpected call: %s", call)
			}
		}
	})
}

func TestUpdateLeavesWhatOthersDid(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.succeeded(w.create(with("Tags", []any{map[string]any{"Key": "old", "Value": "1"}})))
		w.AWS.TagBucket("my-data", map[string]string{"theirs": "1", "aws:backup": "x"})
		w.AWS.TagSecret("clickhouse/s3", map[string]string{"theirs": "1"})
		w.AWS.AddRole("auditor")
		const theirs = `{"Sid":"Audit","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:role/auditor"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::my-data"}`
		if err := w.AWS.SetBucketPolicy("my-data", `{"Version":"2012-10-17","Statement":[`+theirs+`]}`); err != nil {
			t.Fatal(err)
		}
		w.AWS.PutObject("my-data", "data/table", "content")

		w.succeeded(w.update(created.PhysicalResourceId, with("Prefix", "logs/"), with("Tags", []any{map[string]any{"Key": "old", "Value": "1"}})))
		now := w.AWS.Snapshot()
		w.keepsTags(now.Secrets["clickhouse/s3"].Tags, "theirs", "1", "old", "")
		w.keepsTags(now.Buckets["my-data"].Tags, "theirs", "1", "old", "", "aws:backup", "x")
		if policy := now.Buckets["my-data"].Policy; !strings.Contains(policy, "Audit") || !strings.Contains(policy, "BucketUserObjects") {
			t.Errorf("policy: %s", policy)
		}
		if now.Buckets["my-data"].Objects["data/table"][0].Body != "content" {
			t.Error("data are gone")
		}

		w.succeeded(w.delete(created.PhysicalResourceId, with("Prefix", "logs/", "OnDelete", "Retain")))
		if policy := w.AWS.Snapshot().Buckets["my-data"].Policy; !strings.Contains(policy, "Audit") || strings.Contains(policy, "BucketUser") {
			t.Errorf("policy after Retain: %s", policy)
		}
	})
}

// keepsTags fails the test unless tags have these values, given as pairs; "" is no tag.
func (w *bench) keepsTags(tags map[string]string, pairs ...string) {
	w.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if tags[pairs[i]] != pairs[i+1] {
			w.t.Errorf("tags: %v, want %s=%q", tags, pairs[i], pairs[i+1])
		}
	}
}

// A key that was not committed is nobody's: it goes before the answer.
func TestFailedUpdateLeavesNoKeyThatNobodyKnows(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.succeeded(w.create(named))
		w.AWS.DeleteKey(created.Data["AccessKeyId"])
		deny := with("Statements", []any{map[string]any{"Effect": "Deny", "Action": "s3:PutObject"}})
		w.refused(w.update(created.PhysicalResourceId, deny, named), "its new key cannot do what Access ReadWrite promises")
		if keys := w.AWS.Snapshot().Users["clickhouse"].Keys; len(keys) > 0 {
			t.Errorf("keys: %v", keys)
		}
		w.credentials(w.succeeded(w.update(created.PhysicalResourceId, named, deny)))
	})
}
