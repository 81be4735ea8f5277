package provision_test

import (
	"encoding/json"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// succeeded fails the test unless the answer is SUCCESS.
func (w *bench) succeeded(a answer) answer {
	w.t.Helper()
	if a.Status != "SUCCESS" {
		w.t.Fatalf("answer: %s: %s\n%s", a.Status, a.Reason, w.Log.String())
	}
	return a
}

// refused fails the test unless the answer is FAILED for the reason.
func (w *bench) refused(a answer, reason string) answer {
	w.t.Helper()
	if a.Status != "FAILED" || !strings.Contains(a.Reason, reason) {
		w.t.Fatalf("answer: %s: %s\nwant %s", a.Status, a.Reason, reason)
	}
	return a
}

// ignoreLastEvent leaves out of a comparison when the last event came.
var ignoreLastEvent = cmpopts.IgnoreMapEntries(func(key, _ string) bool { return key == spec.TagLastEvent })

// same fails the test if the account is not as it was, but for when the last event came.
func (w *bench) same(was awsfake.Snapshot) {
	w.t.Helper()
	w.unchanged(was, ignoreLastEvent)
}

// unchanged fails the test if the account is not as it was.
func (w *bench) unchanged(was awsfake.Snapshot, options ...cmp.Option) {
	w.t.Helper()
	if diff := cmp.Diff(was, w.AWS.Snapshot(), options...); diff != "" {
		w.t.Fatalf("the account has changed (-before +after)\n%s", diff)
	}
}

// empty fails the test if anything is left in the account.
func (w *bench) empty() {
	w.t.Helper()
	w.same(awsfake.New(sim.Account, "eu-west-1").Snapshot())
}

// credentials returns the fields of the secret, and fails the test unless they are
// those of the only key of the user.
func (w *bench) credentials(a answer) map[string]string {
	w.t.Helper()
	now := w.AWS.Snapshot()
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

// leaked fails the test where a secret access key or the query of a ResponseURL shows,
// and returns the number of leaks.
func (w *bench) leaked() int64 {
	var urls []string
	for _, at := range w.sent.when {
		urls = append(urls, w.urlOf(at))
	}
	leaks := w.Leaks(urls, nil)
	for _, err := range leaks {
		w.t.Error(err)
	}
	return int64(len(leaks))
}
