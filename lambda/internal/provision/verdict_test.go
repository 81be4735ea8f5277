package provision_test

import (
	"encoding/json"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/spec"
)

// succeeded fails the test unless the answer is SUCCESS.
func (w *world) succeeded(a answer) answer {
	w.t.Helper()
	if a.Status != "SUCCESS" {
		w.t.Fatalf("answer: %s: %s\n%s", a.Status, a.Reason, w.log.String())
	}
	return a
}

// refused fails the test unless the answer is FAILED for the reason.
func (w *world) refused(a answer, reason string) answer {
	w.t.Helper()
	if a.Status != "FAILED" || !strings.Contains(a.Reason, reason) {
		w.t.Fatalf("answer: %s: %s\nwant %s", a.Status, a.Reason, reason)
	}
	return a
}

// ignoreLastEvent leaves out of a comparison when the last event came.
var ignoreLastEvent = cmpopts.IgnoreMapEntries(func(key, _ string) bool { return key == spec.TagLastEvent })

// same fails the test if the account is not as it was, but for when the last event came.
func (w *world) same(was awsfake.Snapshot) {
	w.t.Helper()
	w.unchanged(was, ignoreLastEvent)
}

// unchanged fails the test if the account is not as it was.
func (w *world) unchanged(was awsfake.Snapshot, options ...cmp.Option) {
	w.t.Helper()
	if diff := cmp.Diff(was, w.aws.Snapshot(), options...); diff != "" {
		w.t.Fatalf("the account has changed (-before +after)\n%s", diff)
	}
}

// empty fails the test if anything is left in the account.
func (w *world) empty() {
	w.t.Helper()
	w.same(awsfake.New(account, "eu-west-1").Snapshot())
}

// credentials returns the fields of the secret, and fails the test unless they are
// those of the only key of the user.
func (w *world) credentials(a answer) map[string]string {
	w.t.Helper()
	now := w.aws.Snapshot()
	fields := map[string]string{}
	for _, version := range now.Secrets[a.Data["SecretName"]].Versions {
		for _, stage := range version.Stages {
			if stage == "AWSCURRENT" && json.Unmarshal([]byte(version.Value), &fields) != nil {
				w.t.Fatalf("the secret holds %q", version.Value)
			}
		}
	}
	want := []awsfake.AccessKey{{ID: fields["AWS_ACCESS_KEY_ID"], Secret: fields["AWS_SECRET_ACCESS_KEY"], Active: true}}
	if diff := cmp.Diff(want, now.Users[a.Data["UserName"]].Keys); diff != "" {
		w.t.Fatalf("the secret and the keys of the user (-secret +user)\n%s", diff)
	}
	return fields
}

// leaked fails the test where a secret access key or the query of the ResponseURL
// shows, in any encoding: in logs, answers, returned errors, or what the account shows
// to those who may not read secrets. It returns the number of leaks.
func (w *world) leaked() (leaks int64) {
	for _, secret := range w.aws.IssuedSecrets() {
		w.canary.Secret(secret)
	}
	for _, at := range w.sent.when {
		w.canary.ResponseURL(urlOf(at))
	}
	for place, texts := range map[string][]string{
		"the log": {w.log.String()}, "an answer": w.answers, "an error": w.errors, "the account": {w.aws.Snapshot().Public()},
	} {
		for _, text := range texts {
			if err := w.canary.Scan(place, text); err != nil {
				leaks++
				w.t.Error(err)
			}
		}
	}
	return leaks
}
