//go:build e2e

package local

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const anyUser = "arn:aws:iam::" + Account + ":user/*"

func authorizationCorrections() []correction {
	return []correction{
		{"the ARN of a user has its path", userPath},
		{"CreateUser is evaluated on the path of the request", createUserPath},
		{"iam:PermissionsBoundary is a condition key", permissionsBoundary},
		{"GetAccessKeyLastUsed is evaluated on the user of the key", keyLastUsed},
		{"CreateUser with tags asks for TagUser", createUserTags},
		{"CreateBucket with tags asks for TagResource", createBucketTags},
		{"the tags of CreateBucket are condition keys", createBucketTagKeys},
		{"CreateSecret with tags asks for TagResource", createSecretTags},
		{"RotateSecret asks for InvokeFunction", rotateSecretInvoke},
		{"DeleteObjects with versions is DeleteObjectVersion", deleteObjectVersions},
		{"s3:ResourceAccount is the bucket's owner", bucketOwner},
	}
}

func userPath(t *testing.T, w *world) error {
	w.key(t, "path-target", "/team/")
	actor := w.user(t, "path-actor", "/", allow("arn:aws:iam::"+Account+":user/team/*", "iam:GetUser", "iam:ListAccessKeys"))
	_, err := actor.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("path-target")})
	_, keysErr := actor.iam.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: aws.String("path-target")})
	_, otherErr := actor.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("path-actor")})
	return errors.Join(
		wantCode("GetUser below the path", err, ""),
		wantCode("ListAccessKeys below the path", keysErr, ""),
		wantCode("GetUser elsewhere", otherErr, "AccessDenied"))
}

func createUserPath(t *testing.T, w *world) error {
	actor := w.user(t, "create-actor", "/", allow("arn:aws:iam::"+Account+":user/team/*", "iam:CreateUser"))
	_, err := actor.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("create-in"), Path: aws.String("/team/")})
	_, outErr := actor.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("create-out"), Path: aws.String("/other/")})
	return errors.Join(
		wantCode("CreateUser below the path", err, ""),
		wantCode("CreateUser elsewhere", outErr, "AccessDenied"))
}

func permissionsBoundary(t *testing.T, w *world) error {
	made, err := w.iam.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String("boundary-key"), PolicyDocument: policy(allow("*", "s3:*")),
	})
	must(t, err)
	bounded := allow(anyUser, "iam:CreateUser")
	bounded["Condition"] = map[string]any{"StringEquals": map[string]any{"iam:PermissionsBoundary": *made.Policy.Arn}}
	actor := w.user(t, "boundary-actor", "/", bounded)
	_, err = actor.iam.CreateUser(t.Context(), &iam.CreateUserInput{
		UserName: aws.String("boundary-with"), PermissionsBoundary: made.Policy.Arn,
	})
	_, withoutErr := actor.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("boundary-without")})
	return errors.Join(
		wantCode("CreateUser with the boundary", err, ""),
		wantCode("CreateUser without it", withoutErr, "AccessDenied"))
}

func keyLastUsed(t *testing.T, w *world) error {
	key := w.key(t, "used-target", "/team/")
	actor := w.user(t, "used-actor", "/", allow("arn:aws:iam::"+Account+":user/team/*", "iam:GetAccessKeyLastUsed"))
	_, err := actor.iam.GetAccessKeyLastUsed(t.Context(), &iam.GetAccessKeyLastUsedInput{AccessKeyId: &key.AccessKeyID})
	return wantCode("GetAccessKeyLastUsed", err, "")
}

func createUserTags(t *testing.T, w *world) error {
	actor := w.user(t, "tag-actor", "/", allow(anyUser, "iam:CreateUser"))
	both := w.user(t, "tag-both", "/", allow(anyUser, "iam:CreateUser", "iam:TagUser"))
	input := &iam.CreateUserInput{UserName: aws.String("tag-target"), Tags: userTag("owner", "me")}
	_, err := actor.iam.CreateUser(t.Context(), input)
	_, bothErr := both.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("tag-allowed"), Tags: input.Tags})
	return errors.Join(
		wantCode("CreateUser with tags, without TagUser", err, "AccessDenied"),
		wantCode("CreateUser with tags and TagUser", bothErr, ""))
}

func createBucketTags(t *testing.T, w *world) error {
	actor := w.user(t, "bucket-tag-actor", "/", allow("*", "s3:CreateBucket"))
	both := w.user(t, "bucket-tag-both", "/", allow("*", "s3:CreateBucket", "s3:TagResource"))
	return errors.Join(
		wantCode("CreateBucket with tags, without TagResource",
			actor.createBucketTagged(t.Context(), "bucket-tag-refused", "owner", "me"), "AccessDenied"),
		wantCode("CreateBucket with tags and TagResource",
			both.createBucketTagged(t.Context(), "bucket-tag-allowed", "owner", "me"), ""))
}

func createBucketTagKeys(t *testing.T, w *world) error {
	tagged := allow("*", "s3:CreateBucket", "s3:TagResource")
	tagged["Condition"] = map[string]any{"StringEquals": map[string]any{"aws:RequestTag/owner": "me"}}
	actor := w.user(t, "bucket-key-actor", "/", tagged)
	return errors.Join(
		wantCode("CreateBucket with the tag", actor.createBucketTagged(t.Context(), "bucket-key-mine", "owner", "me"), ""),
		wantCode("CreateBucket with another", actor.createBucketTagged(t.Context(), "bucket-key-yours", "owner", "you"), "AccessDenied"))
}

func createSecretTags(t *testing.T, w *world) error {
	actor := w.user(t, "secret-tag-actor", "/", allow("*", "secretsmanager:CreateSecret"))
	both := w.user(t, "secret-tag-both", "/", allow("*", "secretsmanager:CreateSecret", "secretsmanager:TagResource"))
	input := func(name string) *secretsmanager.CreateSecretInput {
		return &secretsmanager.CreateSecretInput{
			Name: &name, SecretString: aws.String("x"),
			Tags: []smtypes.Tag{{Key: aws.String("owner"), Value: aws.String("me")}},
		}
	}
	_, err := actor.secrets.CreateSecret(t.Context(), input("secret-tag-refused"))
	_, bothErr := both.secrets.CreateSecret(t.Context(), input("secret-tag-allowed"))
	return errors.Join(
		wantCode("CreateSecret with tags, without TagResource", err, "AccessDeniedException"),
		wantCode("CreateSecret with tags and TagResource", bothErr, ""))
}

func rotateSecretInvoke(t *testing.T, w *world) error {
	_, err := w.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("rotate-invoke"), SecretString: aws.String("x"),
	})
	must(t, err)
	function := "arn:aws:lambda:" + w.aws.Region + ":" + Account + ":function:rotator"
	actor := w.user(t, "rotate-actor", "/", allow("*", "secretsmanager:RotateSecret"))
	both := w.user(t, "rotate-both", "/", allow("*", "secretsmanager:RotateSecret"), allow(function, "lambda:InvokeFunction"))
	input := &secretsmanager.RotateSecretInput{
		SecretId: aws.String("rotate-invoke"), RotationLambdaARN: &function,
		RotationRules: &smtypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	}
	_, err = actor.secrets.RotateSecret(t.Context(), input)
	_, bothErr := both.secrets.RotateSecret(t.Context(), input)
	return errors.Join(
		wantCode("RotateSecret without InvokeFunction", err, "AccessDeniedException"),
		wantCode("RotateSecret with InvokeFunction", bothErr, ""))
}

func deleteObjectVersions(t *testing.T, w *world) error {
	bucket := w.bucket(t, "delete-versions")
	_, err := w.s3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	})
	must(t, err)
	put, err := w.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k")})
	must(t, err)
	actor := w.user(t, "versions-actor", "/", allow("*", "s3:DeleteObject"))
	both := w.user(t, "versions-both", "/", allow("*", "s3:DeleteObjectVersion"))
	input := &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &s3types.Delete{
		Objects: []s3types.ObjectIdentifier{{Key: aws.String("k"), VersionId: put.VersionId}},
	}}
	_, err = actor.s3.DeleteObjects(t.Context(), input)
	_, bothErr := both.s3.DeleteObjects(t.Context(), input)
	return errors.Join(
		wantCode("DeleteObjects of a version with DeleteObject alone", err, "AccessDenied"),
		wantCode("DeleteObjects of a version with DeleteObjectVersion", bothErr, ""))
}

func bucketOwner(t *testing.T, w *world) error {
	const theirs = "owner-theirs"
	other := worldOf(w.aws, w.config(t, aws.Credentials{AccessKeyID: "999999999999", SecretAccessKey: "test"}, nil))
	other.bucket(t, theirs)
	guest := allow([]string{"arn:aws:s3:::" + theirs}, "s3:ListBucket")
	guest["Principal"] = map[string]any{"AWS": Account}
	_, err := other.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(theirs), Policy: policy(guest)})
	must(t, err)
	here := allow("*", "s3:ListBucket")
	here["Condition"] = map[string]any{"StringEquals": map[string]any{"s3:ResourceAccount": Account}}
	w.bucket(t, "owner-ours")
	actor := w.user(t, "owner-actor", "/", here)
	_, oursErr := actor.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("owner-ours")})
	_, theirsErr := actor.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(theirs)})
	return errors.Join(
		wantCode("ListObjects of our bucket", oursErr, ""),
		wantCode("ListObjects of a bucket of another account", theirsErr, "AccessDenied"))
}
