//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// Hands of people and of other tools, which work as the account's root.

// putBucketTags replaces the tags of a bucket, as put-bucket-tagging does.
func putBucketTags(t *testing.T, bucket string, tags map[string]string) {
	t.Helper()
	var set []s3types.Tag
	for key, value := range tags {
		set = append(set, s3types.Tag{Key: &key, Value: &value})
	}
	cloudtest.Must(cloud.S3.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &s3types.Tagging{TagSet: set}}))(t)
}

func untagSecret(t *testing.T, name, key string) {
	t.Helper()
	cloudtest.Must(cloud.Secrets.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: &name, TagKeys: []string{key}}))(t)
}

func untagUser(t *testing.T, name, key string) {
	t.Helper()
	cloudtest.Must(cloud.IAM.UntagUser(t.Context(), &iam.UntagUserInput{UserName: &name, TagKeys: []string{key}}))(t)
}

// deleteKeys deletes every key of a user.
func deleteKeys(t *testing.T, user string) {
	t.Helper()
	for _, id := range keysOf(t, user) {
		cloudtest.Must(cloud.IAM.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &id}))(t)
	}
}

// keysOf are the ids of a user's active keys.
func keysOf(t *testing.T, user string) []string {
	t.Helper()
	ids := []string{}
	for _, key := range cloudtest.Must(cloud.IAM.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &user}))(t).AccessKeyMetadata {
		if key.Status == "Active" {
			ids = append(ids, aws.ToString(key.AccessKeyId))
		}
	}
	return ids
}

// spoilValue writes another secret access key into a secret and leaves the rest of it.
func spoilValue(t *testing.T, secretArn string, fields map[string]string) {
	t.Helper()
	spoilt := with(fields, map[string]string{spec.FieldSecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"})
	value := string(cloudtest.Must(json.Marshal(spoilt))(t))
	cloudtest.Must(cloud.Secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &secretArn, SecretString: &value}))(t)
}

// valueOf is the value of a secret with every field, of whatever type.
func valueOf(t *testing.T, secretArn string) map[string]any {
	t.Helper()
	read := cloudtest.Must(cloud.Secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &secretArn}))(t)
	var fields map[string]any
	if err := json.Unmarshal([]byte(aws.ToString(read.SecretString)), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// addField adds a field to the value of a secret.
func addField(t *testing.T, secretArn, name string, field any) {
	t.Helper()
	fields := valueOf(t, secretArn)
	fields[name] = field
	value := string(cloudtest.Must(json.Marshal(fields))(t))
	cloudtest.Must(cloud.Secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &secretArn, SecretString: &value}))(t)
}

// wantKeyWorks uses a key as its owner does, and leaves nothing behind.
func wantKeyWorks(t *testing.T, when string, user *cloudtest.User) {
	t.Helper()
	bucket, key := user.Bucket(), user.Fields["S3_PREFIX"]+"works"
	if err := user.Put(t.Context(), bucket, key); err != nil {
		t.Errorf("%s the key does not work: %v", when, err)
		return
	}
	cloudtest.Must(cloud.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}))(t)
}

// wantKeyGone fails the test unless S3 no longer knows the key.
func wantKeyGone(t *testing.T, user *cloudtest.User) {
	t.Helper()
	cloudtest.WantCode(t, user.Put(t.Context(), user.Bucket(), user.Fields["S3_PREFIX"]+"revoked"), "InvalidAccessKeyId")
}
