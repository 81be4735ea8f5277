//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// A bucket of somebody is adopted, or refused in words before anything is made. What its owner has
// set stays.

// offer makes a bucket of somebody who offers it, with tags.
func offer(t *testing.T, bucket string, tags map[string]string) {
	t.Helper()
	newBucket(t, bucket)
	tags = maps.Clone(tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags[spec.TagOwner] = spec.Released
	putBucketTags(t, bucket, tags)
}

// offerFull offers a bucket with everything on it that may stay.
func offerFull(t *testing.T, bucket, reader string) {
	t.Helper()
	tags := map[string]string{}
	for i := range 30 {
		tags[fmt.Sprintf("theirs-%02d", i)] = "1"
	}
	offer(t, bucket, tags)
	cloudtest.Must(cloud.S3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}))(t)
	var rules []s3types.LifecycleRule
	for _, prefix := range []string{"logs/", "tmp/"} {
		rule := s3types.LifecycleRule{ID: aws.String("of " + prefix), Status: s3types.ExpirationStatusEnabled,
			Expiration: &s3types.LifecycleExpiration{Days: aws.Int32(30)}}
		//lint:ignore SA1019 deprecated, and in many a bucket
		rule.Prefix = &prefix
		rules = append(rules, rule)
	}
	cloudtest.Must(cloud.S3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &bucket,
		LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{Rules: rules}}))(t)
	policy := strings.NewReplacer("BUCKET", "arn:aws:s3:::"+bucket, "READER", reader).Replace(`{"Version":"2008-10-17","Id":"theirs","Statement":[
		{"Sid":"BucketUsersReadOnly","Effect":"Allow","Principal":{"AWS":"READER"},"Action":"s3:GetObject","Resource":"BUCKET/*"},
		{"Sid":"BucketUserStatement7","Effect":"Allow","Principal":{"AWS":["READER"]},"Action":["s3:ListBucket"],"Resource":["BUCKET"]},
		{"Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"BUCKET"},
		{"Sid":"Private","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"BUCKET/private/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
	cloudtest.Must(cloud.S3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}))(t)
	if err := cloud.Put(t.Context(), bucket, "theirs/table"); err != nil {
		t.Fatal(err)
	}
}

// asFound are the settings of a bucket that an adoption has to leave: all but the tags of this
// product, and what lies under a prefix that was given to the user.
func (r *row) asFound(bucket string) []string {
	r.t.Helper()
	thing := "bucket " + bucket
	return slices.DeleteFunc(r.settingsOf(thing), func(line string) bool {
		what := strings.TrimPrefix(line, thing+": ")
		return slices.ContainsFunc([]string{"tag bucketuser:", "object data/", "object other/", "delete marker data/", "delete marker other/"},
			func(ours string) bool { return strings.HasPrefix(what, ours) })
	})
}

// Rows 12 and 13, law L11: an adopted bucket is used, updated, rolled back and released, and is as it
// was. Row 23: meanwhile no other resource gets it.
func TestRow12AdoptedBucketIsAsItWas(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row12")
	bucket := "bucketuser-row12"
	offerFull(t, bucket, "arn:aws:iam::"+local.Account+":user"+spec.DefaultIAMPath+"row12-theirs")
	found := r.asFound(bucket)
	properties := func(more ...string) []string { return append(more, "BucketName: "+bucket, "OnDelete: Retain") }
	first := properties(`Tags: [{Key: theirs-00, Value: "1"}, {Key: team, Value: data}]`, "AbortIncompleteUploadsAfterDays: 3")

	user := r.as(r.deploy(first...))
	if err := user.Put(t.Context(), bucket, "data/table"); err != nil {
		t.Error(err)
	}
	read := cloudtest.Must(user.S3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("data/table")}))(t)
	if content := cloudtest.Must(io.ReadAll(read.Body))(t); string(content) != cloudtest.Content {
		t.Errorf("read %q", content)
	}
	if changes := cloudtest.Changes(found, r.asFound(bucket)); slices.ContainsFunc(changes, func(c string) bool { return strings.HasPrefix(c, "-") }) {
		t.Errorf("the adoption has taken away:\n%s", strings.Join(changes, "\n"))
	}
	r.wantNotAdopted(bucket)

	second := properties("Tags: [{Key: cost, Value: high}]", "Access: Full", "Prefix: other/", "AbortIncompleteUploadsAfterDays: 9")
	updated := r.deploy(second...)
	before := r.asFound(bucket)
	r.want(r.applyHeld(true, func() {}, properties("Access: ReadOnly", "Prefix: data/")...), types.StackStatusUpdateRollbackComplete)
	wantSame(t, "after the rollback", before, r.asFound(bucket))
	wantKeyWorks(t, "after the rollback", r.as(updated))

	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft("bucket " + bucket)
	r.wantReleased(bucket, "theirs/table", "data/table")
	wantSame(t, "the bucket is not as it was found", found, r.asFound(bucket))
}

// wantNotAdopted wants another stack to be refused the bucket that is this row's.
func (r *row) wantNotAdopted(bucket string) {
	r.t.Helper()
	other := newRow(r.t, "Row23")
	before := r.settings()
	o := other.wantCreationRefused(other.template("BucketName: "+bucket, "OnDelete: Retain"), "R: ", bucket, "resource R of stack "+r.stackID)
	for _, reason := range o.failed {
		if strings.Contains(reason, spec.Released) {
			r.t.Errorf("advice that takes the bucket away from its owner: %s", reason)
		}
	}
	wantSame(r.t, "another stack that wanted the bucket has changed it", before, r.settings())
	other.wantLeft()
}

// wantCreationRefused wants a new stack to be refused in words, to be rolled back, and to go, as if it
// had never been.
func (r *row) wantCreationRefused(template string, texts ...string) outcome {
	r.t.Helper()
	r.stackID = ""
	before := r.settings()
	o := r.apply(template)
	r.want(o, types.StackStatusRollbackComplete)
	wantFailure(r.t, o, texts...)
	wantSame(r.t, "after the refused creation", before, r.settings())
	r.want(r.remove(), types.StackStatusDeleteComplete)
	wantSame(r.t, "after the stack has gone", before, r.settings())
	return o
}

// Rows 12 and 26: what its owner would have to change is refused, with what he may do. Nothing is made.
func TestRow26AdoptionIsRefusedInWords(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row26")
	for name, c := range map[string]struct {
		spoil func(bucket *string)
		words string
	}{
		"open": {func(bucket *string) {
			cloudtest.Must(cloud.S3.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: bucket}))(t)
		}, "does not block all public access"},
		"kms": {func(bucket *string) {
			cloudtest.Must(cloud.S3.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: bucket,
				ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
					ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms}}}}}))(t)
		}, "encrypts with SSE-KMS by default"},
		"tagged": {func(*string) {}, "has the tag team=web, and Tags would change it"},
	} {
		bucket, team := "bucketuser-row26-"+name, "data"
		if name == "tagged" {
			team = "web"
		}
		offer(t, bucket, map[string]string{"team": team})
		c.spoil(&bucket)
		r.wantCreationRefused(r.template("BucketName: "+bucket, "OnDelete: Retain", "Tags: [{Key: team, Value: data}]"), "R: ", bucket, c.words)
	}
	r.wantLeft("bucket bucketuser-row26-kms", "bucket bucketuser-row26-open", "bucket bucketuser-row26-tagged")
}

// Row 10, law L9: a statement of others names a user who is gone, and S3 takes no policy with it. An
// update that has to write one says which statement it is. The stack is never stuck for that.
func TestRow10StatementOfAUserWhoIsGone(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row10")
	bucket, gone := "bucketuser-row10", "row10-gone"
	offer(t, bucket, nil)
	created := r.deploy("BucketName: "+bucket, "OnDelete: Retain")
	user := r.as(created)
	arn := *cloudtest.Must(cloud.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &gone}))(t).User.Arn
	addStatement(t, cloud.Clients, bucket, map[string]any{"Sid": "TheirBackup", "Effect": "Allow", "Action": "s3:GetObject",
		"Principal": map[string]any{"AWS": arn}, "Resource": "arn:aws:s3:::" + bucket + "/*"})
	cloudtest.Must(cloud.IAM.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &gone}))(t)

	r.wantRefused(r.template("BucketName: "+bucket, "OnDelete: Retain", "Access: ReadOnly"), "R: ", bucket, "statement TheirBackup", "gone")
	wantKeyWorks(t, "after the refused update", user)
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft("bucket " + bucket)
	r.wantReleased(bucket)
	wantKeyGone(t, user)
}

// Row 15: somebody adds a number to the secret. An update that writes the value anew keeps it, and the
// key. Then the bucket's tags are replaced between an update and its rollback, which is not refused for
// that.
func TestRow15FieldOfOthersAndTagsReplacedBeforeARollback(t *testing.T) {
	t.Parallel()
	r := newRow(t, "Row15")
	created := r.deploy("OnDelete: Purge")
	bucket := created["BucketName"]
	user := r.as(created)
	addField(t, created["SecretArn"], "port", 443)
	updated := r.deploy("OnDelete: Purge", "Prefix: logs/")
	value := valueOf(t, created["SecretArn"])
	if value["port"] != 443.0 || value["S3_PREFIX"] != "logs/" || value[spec.FieldAccessKeyID] != user.Fields[spec.FieldAccessKeyID] {
		t.Errorf("port %v, prefix %v, key %v; it was %s", value["port"], value["S3_PREFIX"], value[spec.FieldAccessKeyID], user.Fields[spec.FieldAccessKeyID])
	}
	if updated["AccessKeyId"] != created["AccessKeyId"] {
		t.Errorf("another key: %s, was %s", updated["AccessKeyId"], created["AccessKeyId"])
	}

	tags := r.tagsOf("bucket " + bucket)
	back := r.applyHeld(true, func() { putBucketTags(t, bucket, map[string]string{"cost-center": "42"}) }, "OnDelete: Purge", "Prefix: logs/", "Access: ReadOnly")
	r.want(back, types.StackStatusUpdateRollbackComplete)
	r.wantWarned(bucket)

	// With the tags back the next update does what the rollback could not.
	putBucketTags(t, bucket, tags)
	r.deploy("OnDelete: Purge", "Prefix: logs/", "VerifyCredentials: false")
	wantKeyWorks(t, "after the next update", r.as(created))
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}
