//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/infra/internal/cloudtest"
)

// A lone change of UserName replaces bucket and secret as well, since generated names change
// with it. Data is never deleted by that.
func TestRow30RenameOfAUserKeepsTheData(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row30")
	created := r.deploy("UserName: row30-a", "OnDelete: Purge")
	user, bucket := r.as(created), created["BucketName"]
	if err := user.Put(t.Context(), bucket, "data/table"); err != nil {
		t.Fatal(err)
	}
	r.wantRefused(r.template("UserName: row30-b", "OnDelete: Purge"), "R: ", bucket, "not empty")
	wantKeyWorks(t, "after the refused replacement", user)

	r.deploy("UserName: row30-a", "OnDelete: Retain")
	replaced := r.deploy("UserName: row30-b", "OnDelete: Retain")
	r.wantReleased(bucket, "data/table")
	wantKeyGone(t, user)
	wantKeyWorks(t, "after the replacement", r.as(replaced))

	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft("bucket " + bucket)
	r.wantReleased(bucket, "data/table")
}

// An update checks that the old bucket is empty, and CloudFormation cleans up when all siblings
// are done. Data that comes in between is kept, and so is what a sibling writes into the new
// bucket before another takes the update back.
func TestRow30A1DataAfterTheCheckIsKept(t *testing.T) { dataAfterTheCheck(t, "Row30Late", "Purge") }

// With DeleteIfEmpty such a bucket must not keep user and key alive either.
func TestRow34ReplacedSetIsRevoked(t *testing.T) { dataAfterTheCheck(t, "Row34", "DeleteIfEmpty") }

func dataAfterTheCheck(t *testing.T, name, onDelete string) {
	t.Parallel()
	r := newRow(t, name)
	properties := func(suffix string) []string {
		return []string{"UserName: " + r.word + "-" + suffix, "OnDelete: " + onDelete}
	}
	created := r.deploy(properties("a")...)
	user, bucket := r.as(created), created["BucketName"]

	var rolledBack string
	var newUser *cloudtest.User
	back := r.applyHeld(true, func() {
		rolledBack = r.thing("bucket", bucket).Name
		newUser = userOf(t, r.thing("secret", created["SecretName"]).Name)
		if err := newUser.Put(t.Context(), rolledBack, "data/dependant"); err != nil {
			t.Errorf("the new key: %v", err)
		}
	}, properties("b")...)
	r.want(back, types.StackStatusUpdateRollbackComplete)
	wantOnly(t, back, "Held1: ")
	wantKeyGone(t, newUser)
	wantKeyWorks(t, "after the rollback", user)
	r.wantNoStrays()
	r.wantReleased(rolledBack, "data/dependant")

	forward := r.applyHeld(false, func() {
		if err := user.Put(t.Context(), bucket, "data/consumer"); err != nil {
			t.Errorf("the old key: %v", err)
		}
	}, properties("c")...)
	r.want(forward, types.StackStatusUpdateComplete)
	wantOnly(t, forward)
	wantKeyGone(t, user)
	wantKeyWorks(t, "after the replacement", r.as(forward.outputs))
	r.wantNoStrays()
	r.wantReleased(bucket, "data/consumer")

	// What was replaced is gone, so OnDelete counts for the new set.
	current := forward.outputs["BucketName"]
	if err := r.as(forward.outputs).Put(t.Context(), current, "data/table"); err != nil {
		t.Error(err)
	}
	if onDelete != "Purge" {
		o := r.remove()
		r.want(o, types.StackStatusDeleteFailed)
		wantFailure(t, o, "R: ", current, "not empty")
		r.removeObject(current, "data/table")
	}
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft("bucket "+bucket, "bucket "+rolledBack)
}

// A set that CloudFormation has gone back to is one in force: Purge empties it when the stack is
// deleted, although it bears the mark of its replacement.
func TestRow30A1SetThatCameBackIsPurgedAsBefore(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row30Back")
	created := r.deploy("UserName: row30back-a", "OnDelete: Purge")
	r.want(r.applyHeld(true, func() {}, "UserName: row30back-b", "OnDelete: Purge"), types.StackStatusUpdateRollbackComplete)
	if err := r.as(created).Put(t.Context(), created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

// wantOnly fails the test if anything but what starts with one of the words has failed.
func wantOnly(t *testing.T, o outcome, words ...string) {
	t.Helper()
	for _, reason := range o.failed {
		known := false
		for _, word := range words {
			known = known || strings.HasPrefix(reason, word)
		}
		if !known {
			t.Errorf("failed: %s", reason)
		}
	}
}

// A resource that is taken out of the template while its bucket holds data stays, and
// CloudFormation forgets it. The reason in the stack's events says what lives on and how to end
// that.
func TestRow34ResourceTakenOutOfTheTemplate(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row34Out")
	created := r.deploy()
	user, bucket := r.as(created), created["BucketName"]
	if err := user.Put(t.Context(), bucket, "data/table"); err != nil {
		t.Fatal(err)
	}
	before := r.settings()
	o := r.apply(r.templateOf(""))
	r.want(o, types.StackStatusUpdateComplete) // a clean-up that fails does not fail the update
	wantFailure(t, o, "R: ", bucket, "not empty", created["UserName"], "live on", "again", created["AccessKeyId"])
	wantSame(t, "after the refused deletion", before, r.settings())
	wantKeyWorks(t, "after the refused deletion", user)

	// As the reason says.
	again := r.deploy()
	if again["AccessKeyId"] != created["AccessKeyId"] || again["BucketName"] != bucket {
		t.Errorf("added again it is another: %v, was %v", again, created)
	}
	r.removeObject(bucket, "data/table")
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

// Another logical id is another resource: with given names its creation is refused. Nothing of
// that may lead to the loss of the live set.
func TestRow38ResourceMovedToAnotherLogicalID(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row38")
	names := []string{"BucketName: bucketuser-row38", "UserName: row38-user", "SecretName: bucketuser/row38"}
	created := r.deploy(names...)
	user := r.as(created)
	if err := user.Put(t.Context(), created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	before := r.settings()
	o := r.apply(r.templateOf("Moved", names...))
	r.want(o, types.StackStatusUpdateRollbackComplete)
	for _, name := range []string{created["BucketName"], created["UserName"], created["SecretName"]} {
		wantFailure(t, o, "Moved: ", name, "resource R of this stack", "keep the logical id R")
	}
	for _, reason := range o.failed {
		if strings.Contains(reason, "released") {
			t.Errorf("advice that takes the bucket away from its owner: %s", reason)
		}
	}
	wantSame(t, "after the refused move", before, r.settings())
	r.wantNoStrays()
	wantKeyWorks(t, "after the refused move", user)

	r.removeObject(created["BucketName"], "data/table")
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}
