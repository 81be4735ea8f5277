//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// strangers are a bucket, a user and a secret of somebody else, which the provider's role might
// change: their names are within its patterns, the user's path is the provider's, and each bears
// one of the owner tags. Nothing may ever change them.
type strangers struct {
	names    []string // of things, by their String
	settings []string // as they were made
}

func newStrangers(t *testing.T, word string) strangers {
	t.Helper()
	bucket, user, secret := spec.GeneratedBucketPrefix+word+"-theirs", word+"-theirs", spec.GeneratedSecretPrefix+word+"-theirs"
	theirBucket(t, bucket)
	theirUser(t, user)
	cloudtest.Must(cloud.Secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: &secret, Description: aws.String("somebody else's"), SecretString: aws.String(`{"S3_BUCKET":"` + bucket + `"}`),
		Tags: []secrettypes.Tag{{Key: aws.String(spec.TagLogicalID), Value: aws.String("R")}},
	}))(t)
	s := strangers{names: []string{"bucket " + bucket, "secret " + secret, "user " + user}}
	s.settings = s.look(t)
	return s
}

// theirBucket has what the function keeps of buckets: versions, rules, statements and tags.
func theirBucket(t *testing.T, name string) {
	t.Helper()
	ctx := t.Context()
	newBucket(t, name)
	putBucketTags(t, name, map[string]string{"team": "theirs", spec.TagLogicalID: "R"})
	policy := `{"Version":"2008-10-17","Statement":{"Sid":"TheirReaders","Effect":"Allow","Action":"s3:GetObject",
		"Principal":{"AWS":"arn:aws:iam::` + local.Account + `:root"},"Resource":"arn:aws:s3:::` + name + `/*"}}`
	cloudtest.Must(cloud.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy}))(t)
	cloudtest.Must(cloud.S3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &name,
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}))(t)
	cloudtest.Must(cloud.S3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
		LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{Rules: []s3types.LifecycleRule{{
			ID: aws.String("theirs"), Status: s3types.ExpirationStatusEnabled, Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String("logs/")},
			Expiration: &s3types.LifecycleExpiration{Days: aws.Int32(30)},
		}}}}))(t)
	for _, key := range []string{"data/", "data/table", "data/table", "data/gone"} {
		if err := cloud.Put(ctx, name, key); err != nil {
			t.Fatal(err)
		}
	}
	cloudtest.Must(cloud.S3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: aws.String("data/gone")}))(t)
}

func theirUser(t *testing.T, name string) {
	t.Helper()
	cloudtest.Must(cloud.CreateUser(t.Context(), &iam.CreateUserInput{
		UserName: &name, Path: aws.String(spec.DefaultIAMPath),
		Tags: []iamtypes.Tag{{Key: aws.String(spec.TagLogicalID), Value: aws.String("R")}},
	}))(t)
}

// look returns the settings of the strangers as they are now.
func (s strangers) look(t *testing.T) []string {
	t.Helper()
	things := slices.DeleteFunc(cloudtest.Must(cloud.Things(t.Context()))(t), func(thing local.Thing) bool { return !s.include(thing) })
	return cloudtest.Must(cloud.Settings(t.Context(), things))(t)
}

func (s strangers) include(thing local.Thing) bool { return slices.Contains(s.names, thing.String()) }

// things are those that bear the stack's tags or have borne them, and those with a given name.
// Theirs are not among them.
func (r *row) things() []local.Thing {
	r.t.Helper()
	var own []local.Thing
	for _, thing := range cloudtest.Must(cloud.Things(r.t.Context()))(r.t) {
		isTagged := r.stackID != "" && thing.Tags[spec.TagStackID] == r.stackID
		if r.theirs.include(thing) || !isTagged && !r.seen[thing.String()] && !r.isNamed(thing.Name) {
			continue
		}
		r.seen[thing.String()] = true
		own = append(own, thing)
	}
	return own
}

// isNamed reports whether the row's word is one of the words of a name.
func (r *row) isNamed(name string) bool {
	words := strings.FieldsFunc(name, func(c rune) bool { return c == '-' || c == '/' })
	return slices.Contains(words, r.word)
}

// tagsOf are the tags of one thing, by its String.
func (r *row) tagsOf(name string) map[string]string {
	r.t.Helper()
	for _, thing := range r.things() {
		if thing.String() == name {
			return thing.Tags
		}
	}
	r.t.Fatalf("there is no %s", name)
	return nil
}

// settings are those of all things of the row.
func (r *row) settings() []string {
	r.t.Helper()
	return lastingSettings(r.t, r.things())
}

// lastingSettings are those of things without the time of the last event: every event that ensures the set writes it, that of
// a rollback too.
func lastingSettings(t *testing.T, things []local.Thing) []string {
	t.Helper()
	return slices.DeleteFunc(cloudtest.Must(cloud.Settings(t.Context(), things))(t), func(line string) bool {
		return strings.Contains(line, ": tag "+spec.TagLastEvent+" = ")
	})
}

// settingsOf are those of one thing, by its String, that start with one of the words; all of
// them without a word.
func (r *row) settingsOf(thing string, words ...string) []string {
	r.t.Helper()
	return slices.DeleteFunc(r.settings(), func(line string) bool {
		what, isOf := strings.CutPrefix(line, thing+": ")
		return !isOf || len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(what, word) })
	})
}

// wantSame fails the test if settings have changed.
func wantSame(t *testing.T, when string, before, after []string) {
	t.Helper()
	if changes := cloudtest.Changes(before, after); len(changes) > 0 {
		t.Errorf("%s:\n%s", when, strings.Join(changes, "\n"))
	}
}

// wantNoStrays fails the test if a thing bears all owner tags, and those of no resource that the
// stack has.
func (r *row) wantNoStrays() {
	r.t.Helper()
	ids := r.physicalIDs()
	for _, thing := range r.things() {
		owner, id := thing.Tags[spec.TagOwner], thing.Tags[spec.TagLogicalID]
		if thing.Tags[spec.TagStackID] == r.stackID && owner != "" && id != "" && owner != ids[id] {
			r.t.Errorf("%s belongs to %s, and the stack's %s is %q", thing, owner, id, ids[id])
		}
	}
}

// wantLeft fails the test unless these things are left of the row, given by their String, and
// theirs are as they were made.
func (r *row) wantLeft(want ...string) {
	r.t.Helper()
	var got []string
	for _, thing := range r.things() {
		got = append(got, thing.String())
	}
	if changes := cloudtest.Changes(want, got); len(changes) > 0 {
		r.t.Errorf("left (-want +got):\n%s", strings.Join(changes, "\n"))
	}
	r.wantNoStrays()
	wantSame(r.t, "somebody else's things have changed", r.theirs.settings, r.theirs.look(r.t))
}

// wantReleased fails the test unless the bucket was let go of with its data.
func (r *row) wantReleased(bucket string, keys ...string) {
	r.t.Helper()
	thing := "bucket " + bucket
	tags := r.settingsOf(thing, "tag "+spec.TagOwner, "tag "+spec.TagStackID, "tag "+spec.TagLogicalID)
	if changes := cloudtest.Changes([]string{thing + ": tag " + spec.TagOwner + " = " + spec.Released}, tags); len(changes) > 0 {
		r.t.Errorf("the bucket is not released (-want +got):\n%s", strings.Join(changes, "\n"))
	}
	for _, key := range keys {
		if len(r.settingsOf(thing, "object "+key+" ")) == 0 {
			r.t.Errorf("%s has lost %s", thing, key)
		}
	}
}
