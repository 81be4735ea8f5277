//go:build e2e

package e2e

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// A session that was made from a key outlives it by up to 36 hours. The boundary leaves nothing
// to it.
func TestRow33SessionDoesNotOutliveItsKey(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row33")
	created := r.deploy("Access: Full")
	user := r.as(created)
	session := cloudtest.Must(cloud.SessionOf(t.Context(), user.Clients))(t)
	wantDenied(t, session.Put(t.Context(), user.Bucket(), "data/table"))
	deleteKeys(t, created["UserName"])
	if _, err := session.STS.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
		t.Errorf("the session is over in any case, which shows nothing: %v", err)
	}
	wantDenied(t, session.Put(t.Context(), user.Bucket(), "data/table"))
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

// A value with the right key id and a wrong secret access key is noticed by the next Update, whatever
// it changes. IAM and S3 may not know a key for two minutes, so a key as young as that is not
// given up: the stack is made before the parallel tests, to be older when this one's turn comes.
func TestRow36SecretWithAWrongSecretAccessKey(t *testing.T) {
	r := newRow(t, "Row36")
	created := r.deploy("OnDelete: Purge")
	user := r.as(created)
	spoilValue(t, created["SecretArn"], user.Fields)
	t.Parallel()

	repaired := r.deploy("OnDelete: Purge", "Tags: [{Key: team, Value: data}]")
	fresh := r.as(repaired)
	if id := fresh.Fields[spec.FieldAccessKeyID]; id == created["AccessKeyId"] || id != repaired["AccessKeyId"] {
		t.Errorf("the secret holds the key %s, the stack says %s; before it was %s", id, repaired["AccessKeyId"], created["AccessKeyId"])
	}
	wantKeyWorks(t, "after the repair", fresh)
	wantKeyWorks(t, "as the previous one", user)

	// The next one finds nothing to repair.
	again := r.deploy("OnDelete: Purge", "Tags: [{Key: team, Value: other}]")
	if again["AccessKeyId"] != repaired["AccessKeyId"] {
		t.Errorf("another key: %s, was %s", again["AccessKeyId"], repaired["AccessKeyId"])
	}
	wantKeyWorks(t, "after another update, as the previous one", user)
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

// A user without a permissions boundary gets no key: it could be given anything. An update must
// not be stuck for that. The stack is made early for the reason given above.
func TestA26UserWithoutItsBoundaryGetsNoKey(t *testing.T) {
	r := newRow(t, "A26")
	created := r.deploy("OnDelete: Purge")
	name := created["UserName"]
	boundary := cloudtest.Must(cloud.IAM.GetUser(t.Context(), &iam.GetUserInput{UserName: &name}))(t).User.PermissionsBoundary.PermissionsBoundaryArn
	cloudtest.Must(cloud.IAM.DeleteUserPermissionsBoundary(t.Context(), &iam.DeleteUserPermissionsBoundaryInput{UserName: &name}))(t)
	deleteKeys(t, name)
	t.Parallel()

	before := r.settingsOf("secret "+created["SecretName"], "version")
	o := r.apply(r.template("OnDelete: Purge", "VerifyCredentials: false"))
	if keys := keysOf(t, name); len(keys) > 0 {
		t.Errorf("keys of a user without a boundary: %q", keys)
	}
	wantSame(t, "the value of the secret", before, r.settingsOf("secret "+created["SecretName"], "version"))
	r.want(o, types.StackStatusUpdateComplete)
	r.wantWarned(name)

	// With the boundary back the next update makes a key.
	cloudtest.Must(cloud.IAM.PutUserPermissionsBoundary(t.Context(), &iam.PutUserPermissionsBoundaryInput{UserName: &name, PermissionsBoundary: boundary}))(t)
	repaired := r.deploy("OnDelete: Purge")
	if keys := keysOf(t, name); !slices.Equal(keys, []string{repaired["AccessKeyId"]}) {
		t.Errorf("keys %q, the stack says %s", keys, repaired["AccessKeyId"])
	}
	wantKeyWorks(t, "with the boundary back", r.as(repaired))
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}
