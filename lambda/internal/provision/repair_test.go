package provision_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/sim"
)

// changedByHand is what people may do to a resource behind CloudFormation's back.
var changedByHand = []struct {
	name   string
	tamper func(*awsfake.AWS, answer)
	newKey bool
	log    string
}{
	{"user deleted", func(a *awsfake.AWS, _ answer) { a.DeleteUser("clickhouse") }, true, `"part":"user"`},
	{"user created again", func(a *awsfake.AWS, c answer) {
		tags := a.Snapshot().Users["clickhouse"].Tags
		a.DeleteUser("clickhouse")
		a.AddUser("clickhouse", "/bucketuser/", tags)
		a.SetBoundary("clickhouse", sim.Boundary)
	}, true, "found the key in the secret gone"},
	{"key deleted", func(a *awsfake.AWS, c answer) { a.DeleteKey(c.Data["AccessKeyId"]) }, true, "found the key in the secret gone"},
	{"key made inactive", func(a *awsfake.AWS, c answer) { a.SetKeyActive(c.Data["AccessKeyId"], false) }, true, "found the key in the secret inactive"},
	{"second key made", func(a *awsfake.AWS, _ answer) { a.AddKey("clickhouse") }, false, "removed an access key"},
	{"secret deleted", func(a *awsfake.AWS, _ answer) { a.DeleteSecret("clickhouse/s3", 0) }, true, `"part":"secret"`},
	{"secret scheduled for deletion", func(a *awsfake.AWS, _ answer) { a.DeleteSecret("clickhouse/s3", 30) }, false, "restored"},
	{"all but the secret deleted, and that scheduled for deletion", func(a *awsfake.AWS, _ answer) {
		a.DeleteUser("clickhouse")
		a.DeleteBucket("my-data")
		a.DeleteSecret("clickhouse/s3", 30)
	}, true, "restored"},
	{"secret overwritten", func(a *awsfake.AWS, _ answer) { a.PutSecretValue("clickhouse/s3", "nonsense") }, true, `"part":"value of the secret"`},
	{"bucket deleted", func(a *awsfake.AWS, _ answer) { a.DeleteBucket("my-data") }, false, `"part":"bucket"`},
	{"public access block lifted", func(a *awsfake.AWS, _ answer) { a.SetPublicAccessBlock("my-data", false) }, false, `"part":"public access block"`},
	{"policy altered", func(a *awsfake.AWS, _ answer) {
		policy := a.Snapshot().Buckets["my-data"].Policy
		_ = a.SetBucketPolicy("my-data", strings.Replace(policy, `"s3:GetObject"`, `"s3:GetObjectTagging"`, 1))
	}, false, `"part":"policy"`},
	{"policy removed", func(a *awsfake.AWS, _ answer) { _ = a.SetBucketPolicy("my-data", "") }, false, `"part":"policy"`},
}

func TestUpdateRepairsWhatWasChangedByHand(t *testing.T) {
	for _, test := range changedByHand {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.succeeded(w.create(named))
				before := w.AWS.Snapshot()
				test.tamper(w.AWS, created)
				time.Sleep(keyring.Forsaken) // or a key may be that of another event
				updated := w.succeeded(w.update(created.PhysicalResourceId, named, named))
				if changed := w.credentials(updated)["AWS_ACCESS_KEY_ID"] != created.Data["AccessKeyId"]; changed != test.newKey {
					t.Errorf("key changed: %v", changed)
				}
				if !strings.Contains(w.Log.String(), test.log) {
					t.Errorf("the log does not say %s:\n%s", test.log, w.Log.String())
				}
				w.hasBucketBack(before.Buckets["my-data"])
			})
		})
	}
}

// hasBucketBack fails the test unless the bucket has the policy and the keys that it had.
func (w *bench) hasBucketBack(was awsfake.Bucket) {
	w.t.Helper()
	b := w.AWS.Snapshot().Buckets["my-data"]
	if b.PublicAccessBlock != [4]bool{true, true, true, true} {
		w.t.Errorf("public access block: %v", b.PublicAccessBlock)
	}
	areAsMany := func(a, b []awsfake.Object) bool { return len(a) == len(b) }
	if b.Policy != was.Policy || !maps.EqualFunc(b.Objects, was.Objects, areAsMany) {
		w.t.Errorf("bucket: %+v", b)
	}
}

// S3 may go on showing the ARN of the user who is gone, which is that of the new one.
func TestPolicyIsWrittenForAUserWhoIsNew(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.succeeded(w.create(named))
		w.AWS.DeleteUser("clickhouse")
		w.AWS.StalePrincipals = true
		w.succeeded(w.update(created.PhysicalResourceId, named, named))
		w.AWS.StalePrincipals = false
		if policy := w.AWS.Snapshot().Buckets["my-data"].Policy; !strings.Contains(policy, created.Data["UserArn"]) {
			t.Errorf("policy: %s", policy)
		}
	})
}
