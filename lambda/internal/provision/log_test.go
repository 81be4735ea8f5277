package provision_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// everyLineNamesItsEvent fails the test where a line of the log does not say which event it is about.
func (w *bench) everyLineNamesItsEvent() {
	w.t.Helper()
	for line := range strings.Lines(w.Log.String()) {
		var keys map[string]any
		if err := json.Unmarshal([]byte(line), &keys); err != nil {
			w.t.Fatal(err)
		}
		names := []string{"requestType", "requestId", "stackId", "logicalResourceId"}
		if _, isRotation := keys["step"]; isRotation {
			names = []string{"secretId", "token"}
		}
		for _, key := range names {
			if _, ok := keys[key]; !ok {
				w.t.Errorf("a line without %s: %s", key, line)
			}
		}
	}
}

// messages are those of the log in their order, each with the things that it is about.
func (w *bench) messages() (all []string) {
	for line := range strings.Lines(w.Log.String()) {
		var keys struct{ Msg, Secret, User, Bucket, AccessKeyID, Status string }
		if err := json.Unmarshal([]byte(line), &keys); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, strings.Join(strings.Fields(strings.Join([]string{keys.Msg, keys.Secret, keys.User, keys.Bucket, keys.AccessKeyID, keys.Status}, " ")), " "))
	}
	return all
}

// A Create says what it made, and a Delete what it removed and what it left.
func TestLogSaysWhatBecameOfEachThing(t *testing.T) {
	inWorld(t, func(w *bench) {
		a := w.created(named)
		key := a.Data["AccessKeyId"]
		w.holdsLines("received", "created clickhouse/s3", "created clickhouse", "created my-data", "created an access key clickhouse "+key,
			"stored the credentials clickhouse/s3 "+key, "answered SUCCESS")
		w.succeeded(w.delete(a.PhysicalResourceId, named))
		w.holdsLines("received", "removed clickhouse/s3", "removed an access key clickhouse "+key, "removed clickhouse", "removed my-data", "answered SUCCESS")
	})
	inWorld(t, func(w *bench) {
		w.AWS.AddUser("clickhouse", "/", foreignTags)
		w.AWS.AddBucket("my-data", foreignTags)
		w.AWS.AddSecret("clickhouse/s3", "theirs", foreignTags)
		w.succeeded(w.delete(w.idOf(named), named))
		w.holdsLines("received", "left what is not ours clickhouse/s3", "left what is not ours clickhouse", "left what is not ours my-data", "answered SUCCESS")
	})
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Retain", "SecretRecoveryDays", "7")
		w.created(p)
		w.fill()
		w.succeeded(w.delete(w.idOf(p), p))
		w.created(p)
		w.holdsLines("restored clickhouse/s3", "took over what was released clickhouse/s3", "took over what was released my-data", "created clickhouse")
		w.succeeded(w.delete(w.idOf(p), p))
		w.holdsLines("released my-data", "removed clickhouse/s3")
	})
}

func (w *bench) holdsLines(want ...string) {
	w.t.Helper()
	got := w.messages()
	for _, line := range want {
		if !slices.Contains(got, line) {
			w.t.Errorf("the log lacks %q:\n%s", line, strings.Join(got, "\n"))
		}
	}
}
