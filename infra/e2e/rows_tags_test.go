//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// A lost thing is one of a row's that other hands have taken the tags off. Package claim has
// it as somebody else's from then on.
type lost struct {
	*row
	kind string   // bucket, user or secret
	tags []string // that are missing

	created map[string]string
	user    *cloudtest.User
	before  []string // settings when the removal began
}

// newLost deploys a resource with Purge, has its key write data, and lets hands take the tags.
func newLost(t *testing.T, name, kind string, hands func(created map[string]string), tags ...string) *lost {
	t.Helper()
	l := &lost{row: newRow(t, name), kind: kind, tags: tags}
	l.created = l.deploy("OnDelete: Purge")
	l.user = l.as(l.created)
	if err := l.user.Put(t.Context(), l.created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	hands(l.created)
	return l
}

// itself is the lost thing by its String.
func (l *lost) itself() string {
	return l.kind + " " + l.created[map[string]string{"bucket": "BucketName", "user": "UserName", "secret": "SecretName"}[l.kind]]
}

// words are what each message about it says.
func (l *lost) words() []string { return append([]string{l.itself()}, l.tags...) }

// wantUpdates wants an update that changes the thing to be refused, and one that does not to pass.
func (l *lost) wantUpdates(changing, other string) {
	l.t.Helper()
	l.wantRefused(l.template("OnDelete: Purge", changing), append(l.words(), "R: ")...)
	before := l.settingsOf(l.itself())
	updated := l.deploy("OnDelete: Purge", other)
	wantSame(l.t, "an update that leaves it alone has changed it", before, l.settingsOf(l.itself()))
	l.wantWarned(strings.TrimPrefix(l.itself(), l.kind+" "))
	if updated["AccessKeyId"] != l.created["AccessKeyId"] {
		l.t.Errorf("another key: %s, was %s", updated["AccessKeyId"], l.created["AccessKeyId"])
	}
}

// kept are those settings of the thing that no removal may change.
func (l *lost) kept() []string {
	l.t.Helper()
	return l.settingsOf(l.itself(), "tag", "object", "version", "key", "id")
}

// beginRemoval begins to delete the stack. A removal looks for two minutes where one part is the
// resource's and another is not, since AWS may lag. So it begins before the parallel tests.
func (l *lost) beginRemoval() {
	l.t.Helper()
	l.before = l.kept()
	if _, err := cloud.Stacks.DeleteStack(l.t.Context(), &cloudformation.DeleteStackInput{StackName: &l.name}); err != nil {
		l.t.Fatal(err)
	}
}

// wantRemoval wants the removal to have ended all access that is ours, and to have failed for the
// lost thing by its name. A second one lets go of that. What is left is given by its String.
func (l *lost) wantRemoval(left ...string) {
	l.t.Helper()
	first := l.outcome(nil, nil)
	l.want(first, types.StackStatusDeleteFailed)
	wantFailure(l.t, first, append(l.words(), "R: ")...)
	wantSame(l.t, "the first removal has changed it", l.before, l.kept())
	l.wantLeft(left...)

	after := l.settings()
	l.want(l.remove(), types.StackStatusDeleteComplete)
	wantSame(l.t, "the second removal has changed something", after, l.settings())
	l.wantLeft(left...)
}

var ownerTags = []string{spec.TagOwner, spec.TagStackID, spec.TagLogicalID}

func TestRow31BucketWithoutItsTags(t *testing.T) {
	l := newLost(t, "Row31Bucket", "bucket", func(created map[string]string) {
		putBucketTags(t, created["BucketName"], map[string]string{"cost-center": "42"})
	}, ownerTags...)
	l.wantUpdates("Access: ReadOnly", "VerifyCredentials: false")
	wantKeyWorks(t, "after the updates", l.user)
	l.beginRemoval()
	t.Parallel()
	l.wantRemoval(l.itself())
	wantKeyGone(t, l.user)
}

func TestRow31SecretWithoutATag(t *testing.T) {
	l := newLost(t, "Row31Secret", "secret", func(created map[string]string) {
		untagSecret(t, created["SecretName"], spec.TagStackID)
	}, spec.TagStackID)
	l.wantUpdates("Prefix: logs/", "AbortIncompleteUploadsAfterDays: 3")
	wantKeyWorks(t, "after the updates", l.user)
	l.beginRemoval()
	t.Parallel()
	// Without the secret's word a bucket counts as adopted: it is let go of with its data.
	l.wantRemoval(l.itself(), "bucket "+l.created["BucketName"])
	l.wantReleased(l.created["BucketName"], "data/table")
	wantKeyGone(t, l.user)
}

func TestRow31UserWithoutATag(t *testing.T) {
	l := newLost(t, "Row31User", "user", func(created map[string]string) {
		untagUser(t, created["UserName"], spec.TagLogicalID)
	}, spec.TagLogicalID)
	l.wantUpdates("Access: ReadOnly", "AbortIncompleteUploadsAfterDays: 3")
	wantKeyWorks(t, "after the updates", l.user)
	l.beginRemoval()
	t.Parallel()
	l.wantRemoval(l.itself())
}

func TestRow32UserMadeAgainByHand(t *testing.T) {
	var byHand aws.Credentials
	l := newLost(t, "Row32", "user", func(created map[string]string) {
		name := created["UserName"]
		deleteKeys(t, name)
		cloudtest.Must(cloud.IAM.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name}))(t)
		byHand = cloudtest.Must(cloud.CreateUser(t.Context(), &iam.CreateUserInput{
			UserName: &name, Path: aws.String(spec.DefaultIAMPath), Tags: []iamtypes.Tag{{Key: aws.String("made-by"), Value: aws.String("hand")}}}))(t)
	}, ownerTags...)
	l.wantUpdates("Access: ReadOnly", "VerifyCredentials: false")
	l.beginRemoval()
	t.Parallel()
	l.wantRemoval(l.itself())
	if keys := keysOf(t, l.created["UserName"]); len(keys) != 1 || keys[0] != byHand.AccessKeyID {
		t.Errorf("keys of the user that was made by hand: %q", keys)
	}
}
