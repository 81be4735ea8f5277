//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
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
}

// newLost deploys a resource with Purge, has its key write data, and lets hands take the tags.
func newLost(t *testing.T, name, kind string, hands func(created map[string]string), tags ...string) lost {
	t.Helper()
	t.Parallel()
	l := lost{row: newRow(t, name), kind: kind, tags: tags}
	l.created = l.deploy("OnDelete: Purge")
	l.user = l.as(l.created)
	if err := l.user.Put(t.Context(), l.created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	hands(l.created)
	return l
}

// itself is the lost thing by its String.
func (l lost) itself() string {
	return l.kind + " " + l.created[map[string]string{"bucket": "BucketName", "user": "UserName", "secret": "SecretName"}[l.kind]]
}

// words are what each message about it says.
func (l lost) words() []string { return append([]string{l.itself()}, l.tags...) }

// wantUpdates wants an update that changes the thing to be refused, and one that does not to pass.
func (l lost) wantUpdates(changing, other string) {
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

// wantRemoval deletes the stack twice. The first time all that is ours goes, and the lost thing
// is named; the second time it is let go of. What is left is given by its String.
func (l lost) wantRemoval(left ...string) {
	l.t.Helper()
	before := l.settingsOf(l.itself(), "tag", "object", "version", "key", "id")
	first := l.remove()
	l.want(first, types.StackStatusDeleteFailed)
	wantFailure(l.t, first, append(l.words(), "R: ")...)
	wantSame(l.t, "the first deletion has changed it", before, l.settingsOf(l.itself(), "tag", "object", "version", "key", "id"))
	l.wantLeft(left...)

	after := l.settings()
	l.want(l.remove(), types.StackStatusDeleteComplete)
	wantSame(l.t, "the second deletion has changed something", after, l.settings())
	l.wantLeft(left...)
}

var ownerTags = []string{spec.TagOwner, spec.TagStackID, spec.TagLogicalID}

func TestRow31LostTags(t *testing.T) {
	t.Parallel()
	t.Run("bucket", func(t *testing.T) {
		l := newLost(t, "Row31Bucket", "bucket", func(created map[string]string) {
			putBucketTags(t, created["BucketName"], map[string]string{"cost-center": "42"})
		}, ownerTags...)
		l.wantUpdates("Access: ReadOnly", "VerifyCredentials: false")
		wantKeyWorks(t, "after the updates", l.user)
		l.wantRemoval(l.itself())
		wantKeyGone(t, l.user)
	})
	t.Run("secret", func(t *testing.T) {
		l := newLost(t, "Row31Secret", "secret", func(created map[string]string) {
			untagSecret(t, created["SecretName"], spec.TagStackID)
		}, spec.TagStackID)
		l.wantUpdates("Prefix: logs/", "Versioning: true")
		wantKeyWorks(t, "after the updates", l.user)
		// Without the secret's word a bucket counts as adopted: it is let go of with its data.
		l.wantRemoval(l.itself(), "bucket "+l.created["BucketName"])
		l.wantReleased(l.created["BucketName"], "data/table")
		wantKeyGone(t, l.user)
	})
	t.Run("user", func(t *testing.T) {
		l := newLost(t, "Row31User", "user", func(created map[string]string) {
			untagUser(t, created["UserName"], spec.TagLogicalID)
		}, spec.TagLogicalID)
		l.wantUpdates("Access: ReadOnly", "Versioning: true")
		wantKeyWorks(t, "after the updates", l.user)
		l.wantRemoval(l.itself())
	})
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
	l.wantRemoval(l.itself())
	if keys := keysOf(t, l.created["UserName"]); len(keys) != 1 || keys[0] != byHand.AccessKeyID {
		t.Errorf("keys of the user that was made by hand: %q", keys)
	}
}
