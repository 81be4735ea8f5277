package provision_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/spec"
)

// currentOf returns the version of the secret that is the current one.
func (w *bench) currentOf() (current awsfake.SecretVersion) {
	for _, version := range w.AWS.Snapshot().Secrets["clickhouse/s3"].Versions {
		if slices.Contains(version.Stages, "AWSCURRENT") {
			current = version
		}
	}
	return current
}

// What an adopted secret held is put down by its version, however many it has had.
func TestAdoptionNotesTheCurrentVersion(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		w.history(create(p))
		for range 8 {
			w.history(remove(p))
			before := ""
			w.at("PutSecretValue", func() { before = w.currentOf().ID })
			w.history(create(p))
			if tags := w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags; before == "" || tags["bucketuser:before"] != before {
				t.Errorf("noted %s, current was %s", tags["bucketuser:before"], before)
			}
			w.AWS.Before = nil
		}
	})
}

// Adopting and releasing a secret take two calls each: an event that is cut off between
// them is gone on with.
func TestSecretThatIsHalfAdoptedOrHalfReleased(t *testing.T) {
	p := with("SecretRecoveryDays", "7")
	inWorld(t, func(w *bench) {
		w.history(create(p), remove(p))
		w.killedAfter("TagResource", create(p))
		w.history(create(p))
		if tags := w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags; tags["bucketuser:owner"] != w.idOf(p) || tags["bucketuser:released-by"] != "" {
			t.Errorf("tags: %v", tags)
		}
		w.killedAfter("TagResource", remove(p))
		w.history(remove(p))
		if now := w.AWS.Snapshot(); len(now.Users)+len(now.Buckets) > 0 || now.Secrets["clickhouse/s3"].DeletedDays != 7 {
			t.Errorf("left: %+v", now)
		}
	})
	// It can be recovered as before, whatever the properties of the failed Create say.
	inWorld(t, func(w *bench) {
		w.history(create(p), remove(p))
		w.killedAfter("PutBucketPolicy", create(named))
		w.killedAfter("UntagResource", remove(named))
		w.history(remove(named))
		if now := w.AWS.Snapshot(); now.Secrets["clickhouse/s3"].DeletedDays != 7 {
			t.Errorf("left: %+v", now)
		}
	})
}

// Once committed to, an adopted secret is deleted as its properties say.
func TestAdoptedSecretIsDeletedAsItsPropertiesSay(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		w.history(create(p), remove(p), create(named), remove(named))
		w.empty()
	})
}

// A secret that somebody has scheduled for deletion stays until that day.
func TestDeleteLeavesASecretThatIsScheduled(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.DeleteSecret("clickhouse/s3", 30)
		w.history(remove(named))
		if now := w.AWS.Snapshot(); len(now.Users)+len(now.Buckets) > 0 || now.Secrets["clickhouse/s3"].DeletedDays != 30 {
			t.Errorf("left: %+v", now)
		}
	})
	// With nothing beside it, it is what an earlier set has left: a Create waits for it in vain.
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.DeleteSecret("clickhouse/s3", 30)
		w.history(remove(named))
		was := w.AWS.Snapshot()
		w.refused(w.create(named), "secret clickhouse/s3: is in its recovery window")
		w.same(was)
	})
}

// Another Delete may be faster at any call.
func TestSecretThatGoesWhileItIsDeleted(t *testing.T) {
	for name, days := range map[string]int{"at once": 0, "with recovery": 7} {
		for _, operation := range []string{"GetSecretValue", "TagResource", "DeleteSecret"} {
			t.Run(name+" "+operation, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("SecretRecoveryDays", "7")
					w.created(p)
					gone := false
					w.at(operation, func() { gone = true; w.AWS.DeleteSecret("clickhouse/s3", days) })
					w.succeeded(w.delete(w.idOf(p), p))
					if now := w.AWS.Snapshot(); !gone || len(now.Users)+len(now.Buckets) > 0 || now.Secrets["clickhouse/s3"].DeletedDays != days {
						t.Errorf("left: %+v", now)
					}
				})
			})
		}
	}
}

// What somebody has changed in the secret is set right, with as few new keys as possible. What he has added stays: row 15.
func TestValueThatWasChangedByHandIsSetRight(t *testing.T) {
	for name, test := range map[string]struct {
		change func(fields map[string]any)
		newKey bool
	}{
		"a field less":            {func(f map[string]any) { delete(f, "S3_URL") }, false},
		"another URL":             {func(f map[string]any) { f["S3_URL"] = "https://example.org" }, false},
		"a key of the wrong kind": {func(f map[string]any) { f["AWS_SECRET_ACCESS_KEY"] = 5 }, true},
		"a tombstone":             {func(f map[string]any) { clear(f) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.created(named)
				want := w.credentials(created)
				w.AWS.PutSecretValue("clickhouse/s3", changedValue(t, want, test.change))
				time.Sleep(keyring.LeaseMargin) // the key in the value before is not known any more
				got := w.credentials(w.succeeded(w.update(created.PhysicalResourceId, named, named)))
				if test.newKey {
					got["AWS_ACCESS_KEY_ID"], got["AWS_SECRET_ACCESS_KEY"] = want["AWS_ACCESS_KEY_ID"], want["AWS_SECRET_ACCESS_KEY"]
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// changedValue is a value of a secret in which something was changed: null if nothing is
// left.
func changedValue(t *testing.T, was map[string]string, change func(map[string]any)) string {
	t.Helper()
	fields := map[string]any{}
	for key, value := range was {
		fields[key] = value
	}
	if change(fields); len(fields) == 0 {
		return "null"
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSecretIsMadeWithItsKmsKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(with("SecretKmsKeyId", "alias/mine"))
		if key := w.AWS.Snapshot().Secrets["clickhouse/s3"].KMSKey; key != "alias/mine" {
			t.Errorf("KMS key: %q", key)
		}
		for _, c := range w.AWS.Calls() {
			if c.Operation == "UpdateSecret" {
				t.Errorf("%s: the value may not be encrypted by another key before", c)
			}
		}
	})
}

// Each right that Access promises is proven.
func TestProofNeedsEachRight(t *testing.T) {
	for access, actions := range map[string][]string{
		"ReadOnly": {"s3:GetObject", "s3:ListBucket"}, "ReadWrite": {"s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"},
	} {
		for _, action := range actions {
			t.Run(access+" "+action, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					statement := map[string]any{"Effect": "Deny", "Action": action}
					if action == "s3:ListBucket" {
						statement["Resource"] = "arn:aws:s3:::my-data"
					}
					w.refused(w.create(with("Access", access, "Statements", []any{statement})),
						"user clickhouse: its new key cannot do what Access "+access+" promises: ")
					w.empty()
				})
			})
		}
	}
}

func TestSecretInItsRecoveryWindowIsRestored(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		created := w.succeeded(w.create(p))
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		now := w.AWS.Snapshot()
		if s := now.Secrets["clickhouse/s3"]; s.DeletedDays != 7 || s.Tags["bucketuser:owner"] != "released" || len(now.Users)+len(now.Buckets) > 0 {
			t.Fatalf("after Delete: %+v", now)
		}

		w.AWS.Before = deny("CreateAccessKey")
		w.refused(w.create(p), "AccessDenied")
		if s := w.AWS.Snapshot().Secrets["clickhouse/s3"]; s.DeletedDays != 7 || s.Tags["bucketuser:owner"] != "released" {
			t.Fatalf("after a failed Create: %+v", s)
		}
		w.AWS.Before = nil

		again := w.succeeded(w.create(p))
		w.credentials(again)
		if again.Data["SecretArn"] != created.Data["SecretArn"] || again.Data["AccessKeyId"] == created.Data["AccessKeyId"] {
			t.Errorf("restored: %+v", again.Data)
		}
	})
}

func TestFailedCreateWithRecoveryLeavesNoSecret(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = deny("CreateAccessKey")
		w.refused(w.create(with("SecretRecoveryDays", "7")), "AccessDenied")
		w.empty()
	})
}

// What somebody has written over the credentials can be recovered, if that was asked for.
func TestValueWrittenByHandIsRecoverable(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		w.created(p)
		w.AWS.PutSecretValue("clickhouse/s3", `{"mine":"precious"}`)
		w.history(remove(p))
		if secret := w.AWS.Snapshot().Secrets["clickhouse/s3"]; secret.DeletedDays != 7 || secret.Tags[spec.TagLastEvent] != "" || w.currentOf().Value != `{"mine":"precious"}` {
			t.Errorf("left: %+v", secret)
		}
	})
}
