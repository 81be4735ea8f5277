//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// A cost tool replaces the tags of an adopted bucket, and a person puts the owner tags back.
// The tag that said whose data it is does not come back: the bucket must not be purged for that.
func TestA2TagsPutBackByHandDoNotMakeABucketOurs(t *testing.T) {
	t.Parallel()
	r := newRow(t, "A2")
	bucket := newBucket(t, "bucketuser-a2")
	if err := cloud.Put(t.Context(), bucket, "theirs/table"); err != nil {
		t.Fatal(err)
	}
	putBucketTags(t, bucket, map[string]string{spec.TagOwner: spec.Released})
	r.deploy("BucketName: "+bucket, "OnDelete: Retain")
	owner := r.tagsOf("bucket " + bucket)
	putBucketTags(t, bucket, map[string]string{"cost-center": "42"})
	putBucketTags(t, bucket, map[string]string{"cost-center": "42", spec.TagOwner: owner[spec.TagOwner],
		spec.TagStackID: owner[spec.TagStackID], spec.TagLogicalID: owner[spec.TagLogicalID]})

	r.apply(r.template("BucketName: "+bucket, "OnDelete: Purge")) // accepted or not
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft("bucket " + bucket)
	r.wantReleased(bucket, "theirs/table")
}

// A leaked key of Access Full may write the bucket's policy. An update says whom it has let in,
// and leaves it to people to take that away.
func TestA32StatementThatLetsOthersIn(t *testing.T) {
	t.Parallel()
	r := newRow(t, "A32")
	created := r.deploy("Access: Full", "OnDelete: Purge")
	user := r.as(created)
	addStatement(t, user.Clients, user.Bucket(), map[string]any{"Sid": "Backdoor", "Effect": "Allow", "Action": "s3:GetObject",
		"Principal": map[string]any{"AWS": "arn:aws:iam::" + cloudtest.OtherAccount + ":root"}, "Resource": "arn:aws:s3:::" + user.Bucket() + "/*"})
	before := r.settingsOf("bucket "+user.Bucket(), "statement")
	r.deploy("Access: Full", "OnDelete: Purge", "VerifyCredentials: false")
	r.wantWarned("Backdoor")
	r.wantWarned(cloudtest.OtherAccount)
	wantSame(t, "the update has changed the policy", before, r.settingsOf("bucket "+user.Bucket(), "statement"))
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

// A key that S3 knows and refuses is no reason for another: somebody may have denied it on purpose.
func TestA14KeyThatIsDeniedStays(t *testing.T) {
	t.Parallel()
	r := newRow(t, "A14")
	created := r.deploy("OnDelete: Purge")
	user := r.as(created)
	addStatement(t, cloud.Clients, user.Bucket(), map[string]any{"Sid": "Stopped", "Effect": "Deny", "Action": "s3:*",
		"Principal": map[string]any{"AWS": user.Fields["S3_USER_ARN"]},
		"Resource":  []string{"arn:aws:s3:::" + user.Bucket(), "arn:aws:s3:::" + user.Bucket() + "/*"}})
	wantDenied(t, user.Put(t.Context(), user.Bucket(), "data/table"))
	before := r.settings()
	updated := r.deploy("OnDelete: Purge", "VerifyCredentials: false")
	if updated["AccessKeyId"] != created["AccessKeyId"] {
		t.Errorf("another key: %s, was %s", updated["AccessKeyId"], created["AccessKeyId"])
	}
	wantSame(t, "the update has changed something", before, r.settings())
	r.want(r.remove(), types.StackStatusDeleteComplete)
	r.wantLeft()
}

// addStatement adds a statement to the policy of a bucket.
func addStatement(t *testing.T, who *cloudtest.Clients, bucket string, statement map[string]any) {
	t.Helper()
	var policy map[string]any
	read := cloudtest.Must(who.S3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket}))(t)
	if err := json.Unmarshal([]byte(aws.ToString(read.Policy)), &policy); err != nil {
		t.Fatal(err)
	}
	policy["Statement"] = append(policy["Statement"].([]any), statement)
	text := string(cloudtest.Must(json.Marshal(policy))(t))
	cloudtest.Must(who.S3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &text}))(t)
}
