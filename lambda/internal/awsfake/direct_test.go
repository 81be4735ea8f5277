package awsfake_test

import (
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/google/go-cmp/cmp"
)

// Tags that somebody puts behind everybody's back take the place of all that were there, and are not shared with the
// caller. A thing without tags takes new ones.
func TestTagsAreReplacedWholly(t *testing.T) {
	fake := awsfake.New(account, "eu-west-1")
	fake.AddUser("alice", "/", map[string]string{"k": "v"})
	fake.AddBucket("my-bucket", map[string]string{"k": "v"})
	fake.AddSecret("mine", "", map[string]string{"k": "v"})
	put := func(tags map[string]string) {
		fake.SetUserTags("alice", tags)
		fake.SetBucketTags("my-bucket", tags)
		fake.SetSecretTags("mine", tags)
	}
	for _, tags := range []map[string]string{{"a": "1", "b": "2"}, nil, {"c": "3"}} {
		put(tags)
		now := fake.Snapshot()
		for what, got := range map[string]map[string]string{"user": now.Users["alice"].Tags, "bucket": now.Buckets["my-bucket"].Tags, "secret": now.Secrets["mine"].Tags} {
			if diff := cmp.Diff(tags, got); diff != "" {
				t.Errorf("tags of the %s (-put +got)\n%s", what, diff)
			}
		}
	}
	tags := map[string]string{"d": "4"}
	put(tags)
	tags["d"] = "changed"
	awsrules.Equal(t, "tag of the bucket", fake.Snapshot().Buckets["my-bucket"].Tags["d"], "4")
	put(nil)
	fake.TagUser("alice", map[string]string{"e": "5"})
	fake.TagBucket("my-bucket", map[string]string{"e": "5"})
	fake.TagSecret("mine", map[string]string{"e": "5"})
	awsrules.Equal(t, "tag of the secret", fake.Snapshot().Secrets["mine"].Tags["e"], "5")

	fake.SetUserTags("nobody", nil)
	fake.SetBucketTags("none", nil)
	fake.SetSecretTags("none", nil)
	awsrules.Equal(t, "users", len(fake.Snapshot().Users), 1)
}

// Labels are moved by hand as they can be on AWS: each on one version, and AWSCURRENT on some.
func TestMoveStage(t *testing.T) {
	fake := awsfake.New(account, "eu-west-1")
	fake.AddSecret("s", "1", nil)
	fake.PutSecretValue("s", "2")
	first := fake.Snapshot().Secrets["s"].Versions[0].ID
	for _, move := range []struct{ stage, id, want string }{
		{"mine", first, "AWSPREVIOUS,mine AWSCURRENT"},
		{"AWSCURRENT", first, "AWSCURRENT,mine AWSPREVIOUS"},
		{"mine", "", "AWSCURRENT AWSPREVIOUS"},
		{"AWSCURRENT", "", "AWSCURRENT AWSPREVIOUS"},
		{"mine", "missing", "AWSCURRENT AWSPREVIOUS"},
	} {
		fake.MoveStage("s", move.stage, move.id)
		fake.MoveStage("missing", move.stage, move.id)
		awsrules.Equal(t, move.stage+" to "+move.id, stagesOf(fake), move.want)
	}
}
