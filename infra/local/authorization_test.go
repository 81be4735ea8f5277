//go:build e2e

package local_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

const anyUser = "arn:aws:iam::" + local.Account + ":user/*"

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
		{"CreateBucket asks for what its headers set", createBucketHeaders},
		{"PutBucketAbac is an action of its own", bucketAbac},
		{"s3:ResourceAccount is the bucket's owner", bucketOwner},
	}
}

func userPath(t *testing.T, e *emulator) error {
	e.key(t, "path-target", "/team/")
	actor := e.user(t, "path-actor", "/", allow("arn:aws:iam::"+local.Account+":user/team/*", "iam:GetUser", "iam:ListAccessKeys"))
	_, err := actor.IAM.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("path-target")})
	_, keysErr := actor.IAM.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: aws.String("path-target")})
	_, otherErr := actor.IAM.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("path-actor")})
	return errors.Join(
		wantCode("GetUser below the path", err, ""),
		wantCode("ListAccessKeys below the path", keysErr, ""),
		wantCode("GetUser elsewhere", otherErr, "AccessDenied"))
}

func createUserPath(t *testing.T, e *emulator) error {
	actor := e.user(t, "create-actor", "/", allow("arn:aws:iam::"+local.Account+":user/team/*", "iam:CreateUser"))
	_, err := actor.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("create-in"), Path: aws.String("/team/")})
	_, outErr := actor.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("create-out"), Path: aws.String("/other/")})
	return errors.Join(
		wantCode("CreateUser below the path", err, ""),
		wantCode("CreateUser elsewhere", outErr, "AccessDenied"))
}

func permissionsBoundary(t *testing.T, e *emulator) error {
	made := cloudtest.Must(e.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String("boundary-key"), PolicyDocument: policy(allow("*", "s3:*")),
	}))(t)
	bounded := allow(anyUser, "iam:CreateUser")
	bounded["Condition"] = map[string]any{"StringEquals": map[string]any{"iam:PermissionsBoundary": *made.Policy.Arn}}
	actor := e.user(t, "boundary-actor", "/", bounded)
	_, err := actor.IAM.CreateUser(t.Context(), &iam.CreateUserInput{
		UserName: aws.String("boundary-with"), PermissionsBoundary: made.Policy.Arn,
	})
	_, withoutErr := actor.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("boundary-without")})
	return errors.Join(
		wantCode("CreateUser with the boundary", err, ""),
		wantCode("CreateUser without it", withoutErr, "AccessDenied"))
}

func keyLastUsed(t *testing.T, e *emulator) error {
	key := e.key(t, "used-target", "/team/")
	actor := e.user(t, "used-actor", "/", allow("arn:aws:iam::"+local.Account+":user/team/*", "iam:GetAccessKeyLastUsed"))
	_, err := actor.IAM.GetAccessKeyLastUsed(t.Context(), &iam.GetAccessKeyLastUsedInput{AccessKeyId: &key.AccessKeyID})
	return wantCode("GetAccessKeyLastUsed", err, "")
}

func createUserTags(t *testing.T, e *emulator) error {
	actor := e.user(t, "tag-actor", "/", allow(anyUser, "iam:CreateUser"))
	both := e.user(t, "tag-both", "/", allow(anyUser, "iam:CreateUser", "iam:TagUser"))
	input := &iam.CreateUserInput{UserName: aws.String("tag-target"), Tags: userTag("owner", "me")}
	_, err := actor.IAM.CreateUser(t.Context(), input)
	_, bothErr := both.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("tag-allowed"), Tags: input.Tags})
	return errors.Join(
		wantCode("CreateUser with tags, without TagUser", err, "AccessDenied"),
		wantCode("CreateUser with tags and TagUser", bothErr, ""))
}

func createBucketTags(t *testing.T, e *emulator) error {
	actor := e.user(t, "bucket-tag-actor", "/", allow("*", "s3:CreateBucket"))
	both := e.user(t, "bucket-tag-both", "/", allow("*", "s3:CreateBucket", "s3:TagResource"))
	return errors.Join(
		wantCode("CreateBucket with tags, without TagResource",
			createBucketTagged(t.Context(), actor, "bucket-tag-refused", "owner", "me"), "AccessDenied"),
		wantCode("CreateBucket with tags and TagResource",
			createBucketTagged(t.Context(), both, "bucket-tag-allowed", "owner", "me"), ""))
}

func createBucketTagKeys(t *testing.T, e *emulator) error {
	tagged := allow("*", "s3:CreateBucket", "s3:TagResource")
	tagged["Condition"] = map[string]any{"StringEquals": map[string]any{"aws:RequestTag/owner": "me"}}
	actor := e.user(t, "bucket-key-actor", "/", tagged)
	return errors.Join(
		wantCode("CreateBucket with the tag", createBucketTagged(t.Context(), actor, "bucket-key-mine", "owner", "me"), ""),
		wantCode("CreateBucket with another", createBucketTagged(t.Context(), actor, "bucket-key-yours", "owner", "you"), "AccessDenied"))
}

func createSecretTags(t *testing.T, e *emulator) error {
	actor := e.user(t, "secret-tag-actor", "/", allow("*", "secretsmanager:CreateSecret"))
	both := e.user(t, "secret-tag-both", "/", allow("*", "secretsmanager:CreateSecret", "secretsmanager:TagResource"))
	input := func(name string) *secretsmanager.CreateSecretInput {
		return &secretsmanager.CreateSecretInput{
			Name: &name, SecretString: aws.String("x"),
			Tags: []smtypes.Tag{{Key: aws.String("owner"), Value: aws.String("me")}},
		}
	}
	_, err := actor.Secrets.CreateSecret(t.Context(), input("secret-tag-refused"))
	_, bothErr := both.Secrets.CreateSecret(t.Context(), input("secret-tag-allowed"))
	return errors.Join(
		wantCode("CreateSecret with tags, without TagResource", err, "AccessDeniedException"),
		wantCode("CreateSecret with tags and TagResource", bothErr, ""))
}

func rotateSecretInvoke(t *testing.T, e *emulator) error {
	e.rotated(t, "rotate-invoke", "")
	function := *functionARN("let-in")
	actor := e.user(t, "rotate-actor", "/", allow("*", "secretsmanager:RotateSecret"))
	both := e.user(t, "rotate-both", "/", allow("*", "secretsmanager:RotateSecret"), allow(function, "lambda:InvokeFunction"))
	input := &secretsmanager.RotateSecretInput{
		SecretId: aws.String("rotate-invoke"), RotationLambdaARN: &function,
		RotationRules: &smtypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	}
	_, err := actor.Secrets.RotateSecret(t.Context(), input)
	_, bothErr := both.Secrets.RotateSecret(t.Context(), input)
	return errors.Join(
		wantCode("RotateSecret without InvokeFunction", err, "AccessDeniedException"),
		wantCode("RotateSecret with InvokeFunction", bothErr, ""))
}

// CreateBucket asks for what each of its headers sets (S3 API Reference, CreateBucket, Permissions).
func createBucketHeaders(t *testing.T, e *emulator) error {
	tests := []struct {
		name   string
		needs  []string
		header func(*s3.CreateBucketInput)
	}{
		{"ownership", []string{"s3:PutBucketOwnershipControls"},
			func(in *s3.CreateBucketInput) { in.ObjectOwnership = s3types.ObjectOwnershipBucketOwnerEnforced }},
		{"lock", []string{"s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"},
			func(in *s3.CreateBucketInput) { in.ObjectLockEnabledForBucket = aws.Bool(true) }},
		{"acl", []string{"s3:PutBucketAcl", "s3:PutBucketOwnershipControls"}, func(in *s3.CreateBucketInput) {
			in.ObjectOwnership, in.ACL = s3types.ObjectOwnershipObjectWriter, s3types.BucketCannedACL("log-delivery-write")
		}},
		{"grant", []string{"s3:PutBucketAcl", "s3:PutBucketOwnershipControls"}, func(in *s3.CreateBucketInput) {
			in.ObjectOwnership, in.GrantRead = s3types.ObjectOwnershipObjectWriter, aws.String(`uri="http://acs.amazonaws.com/groups/s3/LogDelivery"`)
		}},
		{"private", nil, func(in *s3.CreateBucketInput) { in.ACL = s3types.BucketCannedACLPrivate }},
	}
	var errs []error
	for _, test := range tests {
		create := func(actions []string, word, code string) {
			name := "header-" + test.name + "-" + word
			actor := e.user(t, name, "/", allow("*", append([]string{"s3:CreateBucket"}, actions...)...))
			in := &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: cloudtest.Region}}
			test.header(in)
			_, err := actor.S3.CreateBucket(t.Context(), in)
			errs = append(errs, wantCode("CreateBucket "+name, err, code))
		}
		create(test.needs, "all", "")
		for i, missing := range test.needs {
			create(slices.Delete(slices.Clone(test.needs), i, i+1), strings.ToLower(missing[len("s3:"):]), "AccessDenied")
		}
	}
	return errors.Join(errs...)
}

func bucketAbac(t *testing.T, e *emulator) error {
	bucket := newBucket(t, e.Clients, "abac")
	actor := e.user(t, "abac-actor", "/", allow("*", "s3:CreateBucket"))
	both := e.user(t, "abac-both", "/", allow("*", "s3:PutBucketAbac"))
	input := &s3.PutBucketAbacInput{Bucket: &bucket, AbacStatus: &s3types.AbacStatus{Status: s3types.BucketAbacStatusDisabled}}
	_, err := actor.S3.PutBucketAbac(t.Context(), input)
	difference := wantCode("PutBucketAbac with CreateBucket alone", err, "AccessDenied")
	if _, err = both.S3.PutBucketAbac(t.Context(), input); cloudtest.Code(err) == "AccessDenied" { // no emulator has the operation itself
		difference = errors.Join(difference, wantCode("PutBucketAbac with its own right", err, ""))
	}
	return difference
}

func bucketOwner(t *testing.T, e *emulator) error {
	const theirs = "owner-theirs"
	newBucket(t, e.Other, theirs)
	guest := allow([]string{"arn:aws:s3:::" + theirs}, "s3:ListBucket")
	guest["Principal"] = map[string]any{"AWS": local.Account}
	cloudtest.Must(e.Other.S3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(theirs), Policy: policy(guest)}))(t)
	here := allow("*", "s3:ListBucket")
	here["Condition"] = map[string]any{"StringEquals": map[string]any{"s3:ResourceAccount": local.Account}}
	newBucket(t, e.Clients, "owner-ours")
	actor := e.user(t, "owner-actor", "/", here)
	_, oursErr := actor.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("owner-ours")})
	_, theirsErr := actor.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(theirs)})
	return errors.Join(
		wantCode("ListObjects of our bucket", oursErr, ""),
		wantCode("ListObjects of a bucket of another account", theirsErr, "AccessDenied"))
}
