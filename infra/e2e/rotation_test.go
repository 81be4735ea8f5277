//go:build e2e

package e2e

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

const (
	// aDay is what a day of RotateAfterDays takes on the embedded AWS.
	aDay = time.Second
	// never is a number of days that no test waits for.
	never = 1000
)

// TestRotation rotates what the cdk CLI has deployed, with names that are given: by the aws CLI, and by an update with a
// higher KeySerial. The key before goes on working, and the one before that does not.
func TestRotation(t *testing.T) {
	d := newDeployment(t, "Rotated")
	p := d.named("")
	p.OnDelete = bucketuser.OnDeletePurge
	p.RotateAfterDays = aws.Float64(never)
	created := cloudtest.Must(d.deploy(p))(t)
	secret, first := created["SecretArn"], d.as(created)

	cloudtest.Run(t, d.dir, cloud.Env(), filepath.Join(cloud.Tools.Clients, "aws"), "secretsmanager", "rotate-secret", "--secret-id", created["SecretName"])
	second := awaitKey(t, secret, first)
	wantKeyWorks(t, "after rotate-secret", second)
	wantKeyWorks(t, "after rotate-secret, as the previous one,", first)

	p.KeySerial = aws.Float64(1)
	updated := cloudtest.Must(d.deploy(p))(t)
	third := d.as(updated)
	if id := keyID(third); id == keyID(second) || id != updated["AccessKeyId"] || third.Fields[spec.FieldKeySerial] != "1" {
		t.Errorf("key %s of serial %q, the stack says %s; it was %s", id, third.Fields[spec.FieldKeySerial], updated["AccessKeyId"], keyID(second))
	}
	wantKeyWorks(t, "after the update", third)
	wantKeyWorks(t, "after the update, as the previous one,", second)
	wantKeyGone(t, first)

	d.wantNoLeak(updated)
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}

// TestScheduleRotates: a deployment turns a schedule on, which rotates, and another turns it off.
func TestScheduleRotates(t *testing.T) {
	r := newRow(t, "Schedule")
	t.Parallel()
	created := r.deploy("OnDelete: Purge")
	secret, first := created["SecretArn"], r.as(created)
	r.deploy("OnDelete: Purge", "RotateAfterDays: 3")
	second := awaitKey(t, secret, first)
	wantKeyWorks(t, "after a rotation by schedule, as the previous one,", first)
	third := awaitKey(t, secret, second)
	wantKeyWorks(t, "after two rotations by schedule", third)
	wantKeyGone(t, first)

	r.deploy("OnDelete: Purge")
	now := describe(t, cloud.Secrets, secret)
	if aws.ToBool(now.RotationEnabled) || pendingOf(now) != "" || tagOf(now, spec.TagRotation) != "" || tagOf(now, spec.TagAccess) != "" {
		t.Errorf("without a schedule: enabled %v, versions %v, tags %v", now.RotationEnabled, now.VersionIdsToStages, now.Tags)
	}
	wantKeyWorks(t, "without a schedule", r.as(created))
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

// TestLeakIsAnsweredByOneUpdate: what is known to strangers may be either key. One Update replaces both, and no consumer
// is without a key meanwhile. The policy of those who may rotate suffices to rotate.
func TestLeakIsAnsweredByOneUpdate(t *testing.T) {
	r := newRow(t, "Leak")
	t.Parallel()
	schedule := "RotateAfterDays: 1000"
	created := r.deploy(schedule)
	secret, first := created["SecretArn"], r.as(created)
	rotator := holder(t, "RotatorOfLeaks", readPolicy(t, "rotate.json", "BucketUserProvider", rowsProvider, "<stack>", r.name, "<secret>", created["SecretName"]))
	cloudtest.Must(rotator.Secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &secret}))(t)
	second := awaitKey(t, secret, first)
	passSecond() // a key that is not older than the Update, in whole seconds, counts as one that was made beside it

	updated := r.deploy(schedule, "KeySerial: 1", "PreviousKey: Delete")
	third := r.as(updated)
	wantKeyWorks(t, "after the update", third)
	wantKeyGone(t, first)
	wantKeyGone(t, second)
	if keys := keysOf(t, created["UserName"]); !slices.Equal(keys, []string{keyID(third)}) || keyID(third) != updated["AccessKeyId"] {
		t.Errorf("keys %q, the secret has %s, the stack says %s", keys, keyID(third), updated["AccessKeyId"])
	}

	// It acts once: the key before goes on working when the next one comes.
	cloudtest.Must(rotator.Secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &secret}))(t)
	wantKeyWorks(t, "after the rotation that followed", awaitKey(t, secret, third))
	wantKeyWorks(t, "after the rotation that followed, as the previous one,", third)
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

func keyID(user *cloudtest.User) string { return user.Fields[spec.FieldAccessKeyID] }

// awaitKey waits for the end of a rotation by Secrets Manager, which nobody is told of, and returns the user with the
// key that it made current.
func awaitKey(t *testing.T, secretArn string, before *cloudtest.User) *cloudtest.User {
	t.Helper()
	var now *secretsmanager.DescribeSecretOutput
	limit := time.After(time.Minute)
	for {
		user := userOf(t, secretArn)
		now = describe(t, cloud.Secrets, secretArn)
		if keyID(user) != keyID(before) && tagOf(now, spec.TagPreviousKey) == keyID(before) {
			return user
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-limit:
			t.Fatalf("no rotation came to an end: versions %v, tags %v", now.VersionIdsToStages, now.Tags)
		}
	}
}

// passSecond waits until what was made until now is older than what is sent from now on, as CloudFormation and IAM tell time.
func passSecond() { <-time.After(time.Second) }

// pendingOf is the version of a rotation that is under way, or "".
func pendingOf(secret *secretsmanager.DescribeSecretOutput) string {
	for version, labels := range secret.VersionIdsToStages {
		if slices.Contains(labels, "AWSPENDING") && !slices.Contains(labels, "AWSCURRENT") {
			return version
		}
	}
	return ""
}
