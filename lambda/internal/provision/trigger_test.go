package provision_test

import (
	"strings"
	"testing"

	"bucketuser/lambda/internal/sim"
)

// CloudFormation sends no Update where no property changes. A change of Trigger makes one.

// withTrigger returns a copy of named with a trigger, and has the test fail where the log, an answer, an error or the
// account holds any eight bytes of it.
func (w *bench) withTrigger(text string) sim.Properties {
	w.Canary.Secret(text)
	return with("Trigger", text)
}

// changeByHand lifts the public access block of the bucket, alters its policy and deletes the key.
func (w *bench) changeByHand(a answer) {
	w.t.Helper()
	policy := w.AWS.Snapshot().Buckets["my-data"].Policy
	altered := strings.Replace(policy, `"s3:GetObject"`, `"s3:GetObjectTagging"`, 1)
	if err := w.AWS.SetBucketPolicy("my-data", altered); err != nil || altered == policy {
		w.t.Fatalf("policy %s: %v", policy, err)
	}
	w.AWS.SetPublicAccessBlock("my-data", false)
	w.AWS.DeleteKey(a.Data["AccessKeyId"])
}

// Row 37: an Update that changes nothing but Trigger repairs what was changed by hand, and so does its rollback.
func TestRow37TriggerRepairs(t *testing.T) {
	inWorld(t, func(w *bench) {
		old, changed := w.withTrigger("Österreich, zum ersten"), w.withTrigger(`{"Dänemark": "zum \zweiten"}`)
		last := w.created(old)
		was := w.AWS.Snapshot().Buckets["my-data"]
		for _, e := range []event{update(old, changed, old), update(old, old, changed)} {
			w.changeByHand(last)
			updated := w.succeeded(w.update(last.PhysicalResourceId, e.p, e.old))
			w.hasBucketBack(was)
			if key := w.credentials(updated)["AWS_ACCESS_KEY_ID"]; key == last.Data["AccessKeyId"] || key != updated.Data["AccessKeyId"] {
				t.Errorf("key %s, before %s", key, last.Data["AccessKeyId"])
			}
			last = updated
		}
		for _, line := range []string{`"part":"public access block"`, `"part":"policy"`, "found the key in the secret gone"} {
			if n := strings.Count(w.Log.String(), line); n != 2 {
				t.Errorf("the log says %d times %s:\n%s", n, line, w.Log.String())
			}
		}
	})
}

// Row 37, its kind: where nothing is to be repaired, a trigger that comes, changes and goes leaves the account as it is.
func TestRow37TriggerHasNoEffectOfItsOwn(t *testing.T) {
	inWorld(t, func(w *bench) {
		id := w.created(named).PhysicalResourceId
		was, old := w.AWS.Snapshot(), named
		for _, p := range []sim.Properties{w.withTrigger("Belgien, zum dritten"), w.withTrigger(strings.Repeat("Größe, ", 146)), named} {
			w.succeeded(w.update(id, p, old))
			w.same(was)
			old = p
		}
		w.succeeded(w.delete(id, w.withTrigger(strings.Repeat("Finnland", 129))))
		w.empty()
	})
}

// Row 37, its kind: a trigger that is too long is refused before anything is changed, in words that do not quote it.
// The rollback of that passes.
func TestRow37LongTriggerIsRefused(t *testing.T) {
	inWorld(t, func(w *bench) {
		id := w.created(named).PhysicalResourceId
		was, long := w.AWS.Snapshot(), w.withTrigger(strings.Repeat("Norwegen!", 114))
		w.refused(w.update(id, long, named), "Trigger: must be at most 1024 characters")
		w.unchanged(was)
		w.succeeded(w.update(id, named, long))
		w.same(was)
	})
}
