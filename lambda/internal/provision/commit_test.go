package provision_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awsfake"
)

// putValue is the value that a call of PutSecretValue writes.
func putValue(c awsfake.Call) string {
	return *c.Input.(*secretsmanager.PutSecretValueInput).SecretString
}

// keys are the ids of the user's keys.
func (w *bench) keys() (ids []string) {
	for _, key := range w.AWS.Snapshot().Users["clickhouse"].Keys {
		ids = append(ids, key.ID)
	}
	return ids
}

// withoutKey makes a resource whose key somebody has deleted.
func (w *bench) withoutKey() answer {
	created := w.created(named)
	w.AWS.DeleteKey(created.Data["AccessKeyId"])
	return created
}

// A commit may be taken although nobody says so, and the look that would tell may fail: a consumer may have the key already.
func TestKeyStaysWhereNobodyKnowsWhetherItIsCommitted(t *testing.T) {
	for name, decision := range map[string]awsfake.Decision{
		"no answer": awsfake.Lose(awsfake.ConnectionReset), "server error": awsfake.Lose(awsfake.Unavailable), "deadline": awsfake.Lose(awsfake.Hang),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.withoutKey()
				hasMoved := false
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					hasMoved = hasMoved || c.Operation == "UpdateSecretVersionStage"
					if hasMoved && slices.Contains([]string{"UpdateSecretVersionStage", "DescribeSecret"}, c.Operation) {
						return decision
					}
					return awsfake.Decision{}
				})
				w.refused(w.update(created.PhysicalResourceId, named, named), "the outcome of the commit is unknown")
				w.AWS.Before = nil
				w.credentials(created)
			})
		})
	}
}

// Undoing must know that no commit can come any more.
func TestFailedCreateIsNotUndoneWithoutATombstone(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = only("PutSecretValue", awsfake.Refuse(awsfake.Unavailable))
		w.refused(w.create(named), "undo: value of secret clickhouse/s3: the outcome of the commit is unknown")
		if now := w.AWS.Snapshot(); len(now.Users) != 1 || len(now.Buckets) != 1 || len(now.Secrets) != 1 || len(w.keys()) != 1 {
			t.Errorf("left: %+v", now)
		}
	})
}

// The key that was not committed goes, the one that is in use stays.
func TestFailedUpdateLeavesTheKeysAsTheyWere(t *testing.T) {
	full := with("Access", "Full")
	tooLong := &awsfake.Error{Status: 400, Code: "ValidationException", Message: "too long"}
	for name, before := range map[string]func(context.Context, awsfake.Call) awsfake.Decision{
		"policy refused":       deny("PutBucketPolicy"),
		"policy never answers": only("PutBucketPolicy", awsfake.Refuse(awsfake.Hang)),
		"commit denied":        deny("PutSecretValue"),
		"commit refused":       only("PutSecretValue", awsfake.Refuse(tooLong)),
	} {
		t.Run(name+", key gone: true", func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.DeleteKey(w.created(named).Data["AccessKeyId"])
				w.keepsKeys(func() {
					w.AWS.Before = before
					w.refused(w.update(w.idOf(named), full, named), "")
				})
			})
		})
		t.Run(name+", key gone: false", func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				w.keepsKeys(func() {
					w.AWS.Before = before
					// There is nothing to commit then.
					if a := w.update(w.idOf(named), full, named); a.Status == "FAILED" == strings.HasPrefix(name, "commit") {
						t.Errorf("answer: %+v", a)
					}
				})
			})
		})
	}
}

// keepsKeys fails the test unless the user has the same keys afterwards.
func (w *bench) keepsKeys(do func()) {
	w.t.Helper()
	was := w.keys()
	if do(); !slices.Equal(was, w.keys()) {
		w.t.Errorf("keys: %v, then %v", was, w.keys())
	}
}

// An Update that is late does not write over what a later one has committed.
func TestLateUpdateDoesNotCommit(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		fields := w.credentials(created)
		w.AWS.DeleteKey(created.Data["AccessKeyId"])
		w.at("CreateAccessKey", func() { // the later one
			fields["AWS_ACCESS_KEY_ID"], fields["AWS_SECRET_ACCESS_KEY"] = w.AWS.AddKey("clickhouse")
			text, _ := json.Marshal(fields)
			w.AWS.PutSecretValue("clickhouse/s3", string(text))
			w.becomes("UPDATE_COMPLETE")
		})
		w.refused(w.update(created.PhysicalResourceId, with("Prefix", "logs"), named), "CloudFormation no longer waits")
		if now := w.credentials(created); now["S3_PREFIX"] != "data/" {
			t.Errorf("the secret has prefix %s", now["S3_PREFIX"])
		}
	})
}

// What refuses a value may quote it.
func TestErrorsOfTheCommitDoNotQuoteTheValue(t *testing.T) {
	for name, outcome := range map[string]func(value string) error{
		"refusal": func(v string) error {
			return &awsfake.Error{Status: 400, Code: "ValidationException", Message: "not " + v}
		},
		"server error": func(v string) error { return &awsfake.Error{Status: 501, Code: "NotImplemented", Message: "not " + v} },
		"transport":    func(v string) error { return errors.New("not " + v) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.withoutKey()
				w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.Operation == "PutSecretValue" {
						return awsfake.Refuse(outcome(putValue(c)))
					}
					return awsfake.Decision{}
				}
				w.refused(w.update(w.idOf(named), named, named), "value of secret clickhouse/s3")
			})
		})
	}
}

// A Create that fails after its commit leaves the set whole: it may be in use.
func TestCommittedSetIsNotUndone(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = deny("ListAccessKeys") // which is asked for beside the commit
		a := w.refused(w.create(named), "iam:ListAccessKeys")
		if now := w.AWS.Snapshot(); strings.Contains(a.Reason, "undo") || len(now.Buckets) != 1 {
			t.Errorf("%s: %+v", a.Reason, now)
		}
		w.credentials(answer{Data: map[string]string{"SecretName": "clickhouse/s3", "UserName": "clickhouse"}})
	})
}

// Another delivery commits just before the tombstone: the set is its, and there is
// nothing to undo.
func TestUndoGivesWayToACommit(t *testing.T) {
	inWorld(t, func(w *bench) {
		admin := secretsmanager.NewFromConfig(w.AWS.Session("admin").Config())
		w.AWS.Before = func(ctx context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "PutBucketPolicy" {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			if in, ok := c.Input.(*secretsmanager.PutSecretValueInput); ok && *in.SecretString == "null" {
				value := `{"AWS_ACCESS_KEY_ID":"theirs"}`
				if _, err := admin.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: in.SecretId,
					ClientRequestToken: in.ClientRequestToken, SecretString: &value}); err != nil {
					t.Error(err)
				}
			}
			return awsfake.Decision{}
		}
		a := w.refused(w.create(named), "AccessDenied")
		if now := w.AWS.Snapshot(); strings.Contains(a.Reason, "undo") || len(now.Users) != 1 || len(now.Buckets) != 1 || len(now.Secrets) != 1 {
			t.Errorf("%s: %+v", a.Reason, now)
		}
	})
}
