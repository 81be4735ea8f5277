package provision_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// Keys are spoken for by their ids: A6, A19, and requirement 3.

// A6: after a rotation come Updates and people, in any order: AWSPREVIOUS moves on, and both keys work.
func TestA6BothKeysWorkAfterARotation(t *testing.T) {
	for name, rotates := range map[string]func(w *bench) sim.Properties{
		"rotation":  func(w *bench) sim.Properties { w.rotate(smfake.How{}); return rotated },
		"KeySerial": func(w *bench) sim.Properties { p := raised("1", rotated); w.updates(p, rotated); return p },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.aged()
				p := rotates(w)
				second := w.value(named)["AWS_ACCESS_KEY_ID"]
				for _, change := range [][]any{{"Prefix", "logs"}, {"SecretKmsKeyId", "alias/mine"}, {"Access", "Full"}, {}, {"Prefix", "data"},
					{"VerifyCredentials", "false"}, {"RotateAfterDays", "9"}, {"SecretRecoveryDays", "7"}, {"PreviousKey", "Keep"}} {
					passes(time.Hour)
					w.addsFields(named, map[string]json.RawMessage{"mine": raw(`1`)})
					q := plus(p, change...)
					if key := w.updates(q, p); key != second {
						t.Errorf("%v: key %s", change, key)
					}
					w.hasKeys(first, second)
					w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, first)
					p = q
				}
			})
		})
	}
}

// A6: the tag that speaks for the key before is written before AWSCURRENT moves to another key.
func TestA6TagComesBeforeTheMove(t *testing.T) {
	for _, name := range []string{"KeySerial", "rotation"} {
		inWorld(t, func(w *bench) {
			first := w.aged()
			w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
				if isMove(c) {
					w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, first, "bucketuser:format", "2")
				}
				return awsfake.Decision{}
			}
			if !movers[name].move(w) {
				t.Errorf("%s fails", name)
			}
		})
	}
}

// A6, its kind: a move that is lost after the tag was written. The tag names the key that stays current, and the one before
// that is still spoken for.
func TestA6TagOfAMoveThatIsLost(t *testing.T) {
	for _, name := range []string{"KeySerial", "rotation"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.aged()
				w.AWS.SetKeyUsed(first, time.Now())
				w.AWS.Before = within(1, isMove, func() { w.AWS.PutSecretValue("clickhouse/s3", w.currentValue(named)) })
				movers[name].move(w)
				w.AWS.Before = nil
				w.works(first)
				p := w.updatesAgain(movers[name].to)
				w.works(first)
				w.isServedAfterwards(p)
			})
		})
	}
}

// A19: values are staged under one label, by whichever writer, and however many die right before the move.
func TestA19OneLabel(t *testing.T) {
	inWorld(t, func(w *bench) {
		first := w.aged()
		p, q := rotated, plus(rotated, "Prefix", "logs")
		for range 25 {
			w.killedAfter("PutSecretValue", update(rotated, q, p))
			p, q = q, p
			w.anew()
			labels := map[string]bool{}
			for _, version := range w.AWS.Snapshot().Secrets["clickhouse/s3"].Versions {
				for _, label := range version.Stages {
					labels[label] = true
				}
			}
			if len(labels) > 3 || !labels["bucketuser-staged"] {
				t.Fatalf("labels: %v", labels)
			}
		}
		w.works(first)
		w.updates(p, q)
		w.hasKeys(first)
	})
}

// A19: a staged value speaks for its key for as long as its lease, and not longer. It is staged after the proof.
func TestA19StagedKeyHasItsLease(t *testing.T) {
	for _, test := range []struct {
		wait  time.Duration
		stays bool
	}{{0, true}, {keyring.Lease - 3*time.Minute, true}, {keyring.Lease - 2*time.Minute, true}, {keyring.Forsaken + time.Minute, false}, {time.Hour, false}} {
		t.Run(test.wait.String(), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.created(named).Data["AccessKeyId"]
				passes(time.Hour)
				w.killedAfter("PutSecretValue", update(named, raised("1", named), named))
				staged := w.keys()[1]
				passes(test.wait)
				w.AWS.PutSecretValue("clickhouse/s3", w.currentValue(named)) // which is younger than the key
				w.updates(plus(named, "Trigger", "1"), named)
				w.works(first)
				if stays := strings.Contains(strings.Join(w.keys(), " "), staged); stays != test.stays {
					t.Errorf("the staged key stays: %t", stays)
				}
			})
		})
	}
}

// Requirement 3: what speaks for a key, beside an Update's sweep. Each of these keys is older than the current version.
func TestR3SweepSparesWhatIsSpokenFor(t *testing.T) {
	for name, test := range map[string]struct {
		make  func(w *bench) (key string)
		stays bool
	}{
		"nobody's": {func(w *bench) string { id, _ := w.AWS.AddKey("clickhouse"); return id }, false},
		"nobody's, inactive": {func(w *bench) string {
			id, _ := w.AWS.AddKey("clickhouse")
			w.AWS.SetKeyActive(id, false)
			return id
		}, false},
		"previous":         {func(w *bench) string { id, _ := w.AWS.AddKey("clickhouse"); previous(w, id); return id }, true},
		"of AWSPENDING":    {func(w *bench) string { return w.begins(false).does(smfake.CreateSecret).key() }, true},
		"after a rotation": {func(w *bench) string { id := w.value(named)["AWS_ACCESS_KEY_ID"]; w.rotate(smfake.How{}); return id }, true},
		"of a rotation whose AWSPENDING was taken off": {func(w *bench) string {
			id := w.begins(false).does(smfake.CreateSecret).key()
			w.AWS.MoveStage("clickhouse/s3", "AWSPENDING", "")
			return id
		}, true},
		"of a version that AWSCURRENT was moved back from": {func(w *bench) string {
			w.movedBack()
			return w.keys()[1]
		}, true},
		"of a version that AWSCURRENT was moved to": {func(w *bench) string {
			id := w.value(named)["AWS_ACCESS_KEY_ID"]
			is := w.begins(false).does(smfake.CreateSecret)
			w.AWS.MoveStage("clickhouse/s3", "AWSCURRENT", is.begun.Token)
			return id
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.aged()
				key := test.make(w)
				passes(time.Hour)
				w.updatesAgain(rotated)
				w.works()
				if stays := strings.Contains(strings.Join(w.keys(), " "), key); stays != test.stays {
					t.Errorf("the key stays: %t", stays)
				}
			})
		})
	}
}

// Requirement 3: a version that bears AWSPENDING and cannot be read speaks for every key that is not known otherwise.
func TestR3UnreadableVersionSpeaksForAll(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("RotateAfterDays", "30", "SecretKmsKeyId", "alias/mine")
		w.created(p)
		passes(time.Hour)
		pending := w.begins(false).does(smfake.CreateSecret)
		passes(time.Hour)
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "GetSecretValue" && isVersion(c, pending.begun.Token) {
				return awsfake.Refuse(&awsfake.Error{Status: 400, Code: "DecryptionFailure", Message: "Secrets Manager can't decrypt the protected secret text using the provided KMS key."})
			}
			return awsfake.Decision{}
		}
		retag("secret", "rotation", "")(w)
		nobodys, _ := w.AWS.AddKey("clickhouse")
		passes(time.Hour)
		w.updates(plus(p, "Trigger", "1"), p)
		w.works(pending.key(), nobodys)
	})
}

// isVersion reports whether a call reads a version.
func isVersion(c awsfake.Call, version string) bool {
	in, ok := c.Input.(*secretsmanager.GetSecretValueInput)
	return ok && aws.ToString(in.VersionId) == version
}
