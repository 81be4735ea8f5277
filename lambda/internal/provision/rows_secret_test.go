package provision_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What people write into the secret beside the credentials, by the numbers of their rows.

// fieldsOfOthers are those that people may add, of every type of JSON. What stands in private is in no log.
var fieldsOfOthers = map[string]json.RawMessage{
	"port": raw(`443`), "serial": raw(`12345678901234567890.10e+2`), "on": raw(`true`), "nothing": raw(`null`), "": raw(`""`),
	"private": raw(`"fake+private <&> \u2028\ud800 ü"`), "list": raw(`[1,2.50,{"a":1,"a":2}]`), "nested": raw(`{"private":{"x":"fake+private"}}`),
	"aws_access_key_id": raw(`"fake+private"`),
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

// currentValue is the text of the current value of a set's secret.
func (w *bench) currentValue(p sim.Properties) string {
	for _, version := range w.AWS.Snapshot().Secrets[w.parse(p).SecretName].Versions {
		if slices.Contains(version.Stages, "AWSCURRENT") {
			return version.Value
		}
	}
	return ""
}

// rawValue is the current value of a set's secret, each field as it is written.
func (w *bench) rawValue(p sim.Properties) map[string]json.RawMessage {
	w.t.Helper()
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(w.currentValue(p)), &fields); err != nil {
		w.t.Fatal(err)
	}
	return fields
}

// addsFields has somebody write fields into the secret, in the place of those of their names.
func (w *bench) addsFields(p sim.Properties, fields map[string]json.RawMessage) {
	w.t.Helper()
	all := w.rawValue(p)
	maps.Copy(all, fields)
	w.putsFields(p, all)
}

// putsFields has somebody write a value.
func (w *bench) putsFields(p sim.Properties, all map[string]json.RawMessage) {
	w.t.Helper()
	var value bytes.Buffer
	encoder := json.NewEncoder(&value)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(all); err != nil {
		w.t.Fatal(err)
	}
	w.AWS.PutSecretValue(w.parse(p).SecretName, value.String())
}

// takesField has somebody take a field out of the secret.
func (w *bench) takesField(p sim.Properties, name string) {
	all := w.rawValue(p)
	delete(all, name)
	w.putsFields(p, all)
}

// keepsFields fails the test unless the secret has the fields as they were written, none of which stands in the log.
func (w *bench) keepsFields(p sim.Properties, fields map[string]json.RawMessage) {
	w.t.Helper()
	all := w.rawValue(p)
	for name, field := range fields {
		if string(all[name]) != string(field) {
			w.t.Errorf("field %q is %q, want %q", name, all[name], field)
		}
	}
	if strings.Contains(w.Log.String(), "fake+private") {
		w.t.Errorf("the log has the value of a field:\n%s", w.Log.String())
	}
}

// Row 15: people have added fields of every type to the secret. No Update takes that for a reason to make a key, and
// whatever writes the value keeps them.
func TestRow15FieldsOfOthersStay(t *testing.T) {
	events := keyEvents(namedMaking)
	for name, change := range map[string][]any{"trigger": {"Trigger", "1"}, "KMS key": {"SecretKmsKeyId", "alias/mine"}, "all access": {"Access", "Full"},
		"recovery": {"SecretRecoveryDays", "7"}, "tags": {"Tags", []any{map[string]any{"Key": "team", "Value": "data"}}}} {
		event := events["unchanged"]
		event.event = update(named, with(change...), named)
		events[name] = event
	}
	for name, test := range events {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				namedMaking.make(w)
				test.before(w)
				<-time.After(time.Hour)
				w.addsFields(named, fieldsOfOthers)
				key := w.value(named)["AWS_ACCESS_KEY_ID"]
				a := w.succeeded(w.play(test.event, nil).answer)
				w.holdsKeys(named, key)
				w.keepsFields(named, fieldsOfOthers)
				if a.Data["AccessKeyId"] != key {
					t.Errorf("answered with key %s", a.Data["AccessKeyId"])
				}
				if want := w.parse(test.event.p).Prefix; w.value(named)["S3_PREFIX"] != want {
					t.Errorf("prefix %s, want %s", w.value(named)["S3_PREFIX"], want)
				}
			})
		})
	}
}

// Row 15, its kind: a new key is needed, and the fields of others stay.
func TestRow15NewKeyKeepsFieldsOfOthers(t *testing.T) {
	wrong := strings.Repeat("x", 40)
	for name, test := range map[string]struct {
		spoils    func(w *bench, id string)
		keepsBoth bool
	}{
		"deleted":  {deletedKey, false},
		"inactive": {inactive, false},
		"wrong pair": {func(w *bench, _ string) {
			w.addsFields(named, map[string]json.RawMessage{"AWS_SECRET_ACCESS_KEY": raw(`"` + wrong + `"`)})
		}, true},
		"no secret": {func(w *bench, _ string) { w.takesField(named, "AWS_SECRET_ACCESS_KEY") }, false},
		"null secret": {func(w *bench, _ string) {
			w.addsFields(named, map[string]json.RawMessage{"AWS_SECRET_ACCESS_KEY": raw(`null`)})
		}, false},
		"no id": {func(w *bench, _ string) { w.takesField(named, "AWS_ACCESS_KEY_ID") }, false},
		"number": {func(w *bench, _ string) {
			w.addsFields(named, map[string]json.RawMessage{"AWS_ACCESS_KEY_ID": raw(`5`)})
		}, false},
	} {
		for kind, next := range keyEvents(namedMaking) {
			t.Run(name+" "+kind, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					namedMaking.make(w)
					next.before(w)
					<-time.After(time.Hour)
					w.addsFields(named, fieldsOfOthers)
					key := w.value(named)["AWS_ACCESS_KEY_ID"]
					test.spoils(w, key)
					a := w.succeeded(w.play(next.event, nil).answer)
					keys := []string{a.Data["AccessKeyId"]}
					if test.keepsBoth {
						keys = []string{key, keys[0]}
					}
					w.holdsKeys(named, keys...)
					w.keepsFields(named, fieldsOfOthers)
				})
			})
		}
	}
}

// Row 15, its kind: fields of ours that were spoilt, or that stand there twice, are written anew where the last of them is
// not what it should be. The key stays.
func TestRow15FieldsOfOursAreWrittenAnew(t *testing.T) {
	for name, spoils := range map[string]func(value string) string{
		"number":    func(v string) string { return strings.Replace(v, `"S3_BUCKET":"my-data"`, `"S3_BUCKET":5`, 1) },
		"null":      func(v string) string { return strings.Replace(v, `"S3_BUCKET":"my-data"`, `"S3_BUCKET":null`, 1) },
		"object":    func(v string) string { return strings.Replace(v, `"S3_BUCKET":"my-data"`, `"S3_BUCKET":{"a":1}`, 1) },
		"other":     func(v string) string { return strings.Replace(v, `"S3_BUCKET":"my-data"`, `"S3_BUCKET":"other"`, 1) },
		"gone":      func(v string) string { return strings.Replace(v, `"S3_BUCKET":"my-data",`, ``, 1) },
		"twice":     func(v string) string { return strings.TrimSuffix(v, "}") + `,"S3_BUCKET":7}` },
		"key twice": func(v string) string { return `{"AWS_ACCESS_KEY_ID":7,"port":443,` + v[1:] },
		"spaces":    func(v string) string { return " {\n \"port\" : 443 ," + v[1:] + "\n" },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				namedMaking.make(w)
				key := w.value(named)["AWS_ACCESS_KEY_ID"]
				was := w.currentValue(named)
				spoilt := spoils(was)
				if spoilt == was {
					t.Fatal("nothing is spoilt")
				}
				w.AWS.PutSecretValue("clickhouse/s3", spoilt)
				w.history(update(named, named, named))
				w.holdsKeys(named, key)
				if w.value(named)["S3_BUCKET"] != "my-data" {
					t.Errorf("value: %s", w.currentValue(named))
				}
				if isKept := w.currentValue(named) == spoilt; isKept != strings.Contains(spoilt, "443") {
					t.Errorf("written anew: %t", !isKept)
				}
			})
		})
	}
}

// Row 15, its kind: what is no object of JSON, or is not text, is foreign, as ever. There is nothing in it to keep.
func TestRow15OtherValuesAreForeign(t *testing.T) {
	for name, overwrites := range map[string]func(w *bench){
		"array":  func(w *bench) { w.AWS.PutSecretValue("clickhouse/s3", `["`+w.currentValue(named)[2:5]+`"]`) },
		"string": func(w *bench) { w.AWS.PutSecretValue("clickhouse/s3", `"AKIA"`) },
		"cut":    func(w *bench) { w.AWS.PutSecretValue("clickhouse/s3", w.currentValue(named)[:40]) },
		"two":    func(w *bench) { w.AWS.PutSecretValue("clickhouse/s3", w.currentValue(named)+"{}") },
		"binary": func(w *bench) {
			_, err := secretsmanager.NewFromConfig(w.AWS.Session("somebody").Config()).PutSecretValue(w.t.Context(),
				&secretsmanager.PutSecretValueInput{SecretId: aws.String("clickhouse/s3"), SecretBinary: []byte(w.currentValue(named))})
			if err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				namedMaking.make(w)
				overwrites(w)
				a := w.succeeded(w.update(w.idOf(named), named, named))
				w.credentials(a)
				if n := len(w.rawValue(named)); n != 9 {
					t.Errorf("%d fields", n)
				}
			})
		})
	}
}

// Row 15, its kind: with the fields of others the value would become too long. The Update says so and changes no value,
// and its rollback goes through. A key that was made for it goes away again.
func TestRow15ValueIsTooLong(t *testing.T) {
	long := with("Prefix", strings.Repeat("p", 200))
	for name, spoils := range map[string]func(*bench){
		"key stays": func(*bench) {},
		"new key": func(w *bench) {
			w.addsFields(named, map[string]json.RawMessage{"AWS_SECRET_ACCESS_KEY": raw(`"wrong"`)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				namedMaking.make(w)
				spoils(w)
				room := 65536 - len(w.currentValue(named)) - 100
				w.addsFields(named, map[string]json.RawMessage{"big": raw(`"` + strings.Repeat("<", room) + `"`)})
				was := w.AWS.Snapshot()
				w.saysAll(w.update(w.idOf(named), long, named), "secret clickhouse/s3", "65536", "take away", "others")
				w.keeps(was, named, []string{"user"})
				if diff := cmp.Diff(was.Secrets["clickhouse/s3"].Versions, w.AWS.Snapshot().Secrets["clickhouse/s3"].Versions); diff != "" {
					t.Error("value:", diff)
				}
				w.history(update(named, named, long))
				if len(w.rawValue(named)) != 10 {
					t.Error("a field is gone")
				}
			})
		})
	}
}

// Row 15: fields of others go with the life of the set. The secret of a replacement has none of them, nor has one that a
// Create takes over from an earlier life; one that somebody had deleted keeps them.
func TestRow15FieldsOfOthersGoWithTheSet(t *testing.T) {
	has := func(w *bench, p sim.Properties) bool { return len(w.rawValue(p)) > 9 }
	inWorld(t, func(w *bench) {
		namedMaking.make(w)
		w.addsFields(named, fieldsOfOthers)
		w.history(update(named, renaming(named), named))
		if has(w, renaming(named)) || !has(w, named) {
			t.Error("replacement: the fields went along")
		}
	})
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		w.history(create(p))
		w.addsFields(p, fieldsOfOthers)
		w.history(remove(p), create(p))
		if has(w, p) {
			t.Error("the fields are of an earlier life")
		}
	})
	inWorld(t, func(w *bench) {
		namedMaking.make(w)
		w.addsFields(named, fieldsOfOthers)
		key := w.value(named)["AWS_ACCESS_KEY_ID"]
		w.AWS.DeleteSecret("clickhouse/s3", 7)
		w.history(update(named, with("Prefix", "logs"), named))
		w.keepsFields(named, fieldsOfOthers)
		w.holdsKeys(named, key)
	})
}

// Row 15: a Create that is delivered again finds fields of others in the secret, and keeps the key.
func TestRow15CreateIsDeliveredAgain(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.killedAfter("PutSecretValue", create(named))
		w.addsFields(named, fieldsOfOthers)
		key := w.value(named)["AWS_ACCESS_KEY_ID"]
		w.history(create(named))
		w.holdsKeys(named, key)
		w.keepsFields(named, fieldsOfOthers)
	})
}

// Row 15: a Delete and an undo take a secret with fields of others for what it is.
func TestRow15SecretWithFieldsOfOthersIsInUse(t *testing.T) {
	p := with("SecretRecoveryDays", "9")
	inWorld(t, func(w *bench) {
		w.history(create(p))
		w.addsFields(p, fieldsOfOthers)
		w.AWS.Before = deny("PutPublicAccessBlock", "GetPublicAccessBlock")
		w.anew()
		w.refused(w.create(p), "AccessDenied")
		w.AWS.Before = nil
		w.keepsFields(p, fieldsOfOthers)
		w.history(remove(p))
		if s := w.AWS.Snapshot().Secrets["clickhouse/s3"]; s.DeletedDays != 9 || !slices.ContainsFunc(s.Versions, func(v awsfake.SecretVersion) bool {
			return strings.Contains(v.Value, fmt.Sprintf(`"port":%s`, fieldsOfOthers["port"]))
		}) {
			t.Errorf("secret: %+v", s)
		}
	})
}
