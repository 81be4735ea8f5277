package provision_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

const laterFormat = "3"

// keysAndValues is what a function leaves alone where a later one keeps it: the values of
// the secret, their stages, and the keys of the user.
func keysAndValues(now awsfake.Snapshot) (all []any) {
	for _, name := range []string{"clickhouse/s3", "clickhouse/s3-2"} {
		all = append(all, now.Secrets[name].Versions)
	}
	for _, name := range []string{"clickhouse", "clickhouse-2"} {
		all = append(all, now.Users[name].Keys)
	}
	return all
}

// A stack that updates its provider and its resources together goes back to the earlier
// provider first. The rollback of its resources then finds what the later one has made.
func TestLaterFormatIsLeftAloneAndNothingIsRefused(t *testing.T) {
	changed := with("Prefix", "logs", "Access", "Full", "Versioning", "true", "SecretKmsKeyId", "alias/mine", "Tags", []any{map[string]any{"Key": "team", "Value": "data"}})
	for name, tamper := range map[string]func(*bench){
		"as it was":           func(*bench) {},
		"a second key in use": func(w *bench) { w.AWS.AddKey("clickhouse") },
		"two more values": func(w *bench) {
			w.AWS.PutSecretValue("clickhouse/s3", "{}")
			w.AWS.PutSecretValue("clickhouse/s3", "null")
		},
		"a value of its own":   func(w *bench) { w.AWS.PutSecretValue("clickhouse/s3", "nonsense") },
		"the key gone":         func(w *bench) { w.AWS.DeleteKey(w.keys()[0]) },
		"the key inactive":     func(w *bench) { w.AWS.SetKeyActive(w.keys()[0], false) },
		"the user made again":  func(w *bench) { w.AWS.DeleteUser("clickhouse") },
		"the bucket made anew": func(w *bench) { w.AWS.DeleteBucket("my-data") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				id := w.created(named).PhysicalResourceId
				tamper(w)
				w.AWS.TagSecret("clickhouse/s3", map[string]string{"bucketuser:format": laterFormat})
				was := w.AWS.Snapshot()
				if name == "the user made again" {
					was.Users = map[string]awsfake.User{}
				}
				w.leavesLaterFormat(w.succeeded(w.update(id, changed, named)), was, changed)
				w.leavesLaterFormat(w.succeeded(w.update(id, named, changed)), was, named)
				if !strings.Contains(w.Log.String(), "left value and keys as they are") {
					t.Errorf("log: %s", w.Log.String())
				}
				w.succeeded(w.delete(id, named))
				w.empty()
			})
		})
	}
}

// leavesLaterFormat fails the test unless an Update to p has left value and keys, and
// changed the rest.
func (w *bench) leavesLaterFormat(a answer, was awsfake.Snapshot, p sim.Properties) {
	w.t.Helper()
	now := w.AWS.Snapshot()
	if diff := cmp.Diff(keysAndValues(was), keysAndValues(now)); diff != "" {
		w.t.Errorf("value and keys (-before +after)\n%s", diff)
	}
	bucket, secret := now.Buckets["my-data"], now.Secrets["clickhouse/s3"]
	if isFull := strings.Contains(bucket.Policy, "BucketUserFull"); isFull != (p["Access"] == "Full") {
		w.t.Errorf("policy: %s", bucket.Policy)
	}
	if secret.Tags["bucketuser:format"] != laterFormat || secret.Tags["team"] != bucket.Tags["team"] {
		w.t.Errorf("tags: %v", secret.Tags)
	}
	if current := w.currentOf(); a.Data["SecretVersionId"] != current.ID || a.Data["AccessKeyId"] != "" && !strings.Contains(current.Value, a.Data["AccessKeyId"]) {
		w.t.Errorf("answer: %v", a.Data)
	}
}

// A replacement by the later version is rolled back by the earlier one.
func TestLaterFormatInARollbackOfAReplacement(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := other(named)
		id := w.created(named).PhysicalResourceId
		w.succeeded(w.update(id, p, named))
		w.AWS.AddKey("clickhouse")
		for _, secret := range []string{"clickhouse/s3", "clickhouse/s3-2"} {
			w.AWS.TagSecret(secret, map[string]string{"bucketuser:format": laterFormat})
		}
		was := unmarked(w.AWS.Snapshot())
		w.succeeded(w.update(id, named, p))
		delete(was.Secrets, "clickhouse/s3-2")
		delete(was.Users, "clickhouse-2")
		delete(was.Buckets, "my-data-2")
		w.same(was)
	})
}

// A set that a later version has begun needs a key that this one must not make.
func TestLaterFormatOfASetThatIsNotThere(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.killedAfter("CreateSecret", create(named))
		w.AWS.TagSecret("clickhouse/s3", map[string]string{"bucketuser:format": laterFormat})
		w.refused(w.create(named), "secret clickhouse/s3: was begun by a later version of the provider; deploy that version; then deploy again")
		if now := w.AWS.Snapshot(); len(now.Users["clickhouse"].Keys) > 0 || len(now.Secrets["clickhouse/s3"].Versions) > 0 {
			t.Errorf("left: %+v", now)
		}
		w.succeeded(w.delete(w.idOf(named), named))
		w.empty()
	})
}

// What a later version has released is an earlier life, whose keys are gone.
func TestReleasedSecretOfALaterFormatIsAdopted(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		w.created(p)
		w.succeeded(w.delete(w.idOf(p), p))
		if tags := w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags; tags["bucketuser:format"] != "" {
			t.Errorf("released with %v", tags)
		}
		w.AWS.TagSecret("clickhouse/s3", map[string]string{"bucketuser:format": laterFormat})
		w.credentials(w.created(p))
		if tags := w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags; tags["bucketuser:format"] != "1" {
			t.Errorf("adopted with %v", tags)
		}
	})
}

// A secret from before there were formats gets its number with the next event, as does one
// whose tag somebody has written by hand. Nothing else changes.
func TestFormatIsWrittenWhereItIsMissing(t *testing.T) {
	for name, value := range map[string]string{"none": "", "not a number": "two", "earlier": "0"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				id := w.created(named).PhysicalResourceId
				was := w.AWS.Snapshot()
				tags := maps.Clone(was.Secrets["clickhouse/s3"].Tags)
				delete(tags, "bucketuser:format")
				if value != "" {
					tags["bucketuser:format"] = value
				}
				w.AWS.SetSecretTags("clickhouse/s3", tags)
				w.succeeded(w.update(id, with("OnDelete", "Purge"), named))
				w.same(was)
			})
		})
	}
}
