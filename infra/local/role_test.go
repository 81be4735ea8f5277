//go:build e2e

package local_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

const (
	ourUsers  = "arn:aws:iam::" + local.Account + ":user/bucketuser/*"
	ourBucket = "bucketuser-role-test"
)

// providerStatements are what the product's role may hold, no more.
func providerStatements(boundary string) []statement {
	bounded := allow(ourUsers, "iam:CreateUser")
	bounded["Condition"] = map[string]any{"StringEquals": map[string]any{"iam:PermissionsBoundary": boundary}}
	buckets := allow([]string{"arn:aws:s3:::bucketuser-*", "arn:aws:s3:::bucketuser-*/*"},
		"s3:CreateBucket", "s3:TagResource", "s3:GetBucketTagging", "s3:PutBucketTagging", "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock",
		"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:GetLifecycleConfiguration",
		"s3:PutLifecycleConfiguration", "s3:PutObject", "s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion",
		"s3:ListBucketMultipartUploads", "s3:DeleteBucket")
	buckets["Condition"] = map[string]any{"StringEquals": map[string]any{"s3:ResourceAccount": local.Account}}
	return []statement{
		allow("arn:aws:iam::"+local.Account+":user/*", "iam:GetUser"),
		bounded,
		allow(ourUsers, "iam:TagUser", "iam:ListAccessKeys", "iam:CreateAccessKey", "iam:UpdateAccessKey",
			"iam:DeleteAccessKey", "iam:GetAccessKeyLastUsed", "iam:DeleteUser"),
		buckets,
		allow("*", "s3:ListAllMyBuckets"),
		allow("arn:aws:secretsmanager:*:"+local.Account+":secret:bucketuser/*", "secretsmanager:CreateSecret",
			"secretsmanager:TagResource", "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue", "secretsmanager:DeleteSecret", "secretsmanager:RestoreSecret"),
		allow("arn:aws:cloudformation:*:"+local.Account+":stack/*", "cloudformation:DescribeStackResource"),
	}
}

// provider returns the clients of a session of such a role.
func provider(t *testing.T, e *emulator, boundary string) *cloudtest.Clients {
	t.Helper()
	role := cloudtest.Must(e.IAM.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("provider"), AssumeRolePolicyDocument: policy(statement{
			"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": local.Account},
		}),
	}))(t)
	cloudtest.Must(e.IAM.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: role.Role.RoleName, PolicyName: aws.String("provider"), PolicyDocument: policy(providerStatements(boundary)...),
	}))(t)
	session := cloudtest.Must(e.STS.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: role.Role.Arn, RoleSessionName: aws.String("test"),
	}))(t)
	return cloudtest.Must(e.As(aws.Credentials{
		AccessKeyID: *session.Credentials.AccessKeyId, SecretAccessKey: *session.Credentials.SecretAccessKey,
		SessionToken: *session.Credentials.SessionToken,
	}, nil))(t)
}

// The product's whole life, as a role and as a user that may do nothing else.
func TestScopedRoleAndItsUser(t *testing.T) {
	e := corrected
	boundary := cloudtest.Must(e.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: aws.String("role-boundary"), PolicyDocument: policy(
			allow([]string{"arn:aws:s3:::bucketuser-*", "arn:aws:s3:::bucketuser-*/*"}, "s3:*"),
			statement{"Effect": "Deny", "Action": "iam:*", "Resource": "*"},
		),
	}))(t)
	e.key(t, "stranger", "/")
	p := provider(t, e, *boundary.Policy.Arn)

	user := providerMakesUser(t, p, boundary.Policy.Arn)
	providerMakesBucket(t, p, "arn:aws:iam::"+local.Account+":user/bucketuser/role-user")
	providerKeepsSecret(t, p)
	userUsesBucket(t, e, user)
	providerRemovesAll(t, p, user.AccessKeyID)
}

func check(t *testing.T, what string, err error, code string) {
	t.Helper()
	if difference := wantCode(what, err, code); difference != nil {
		t.Error(difference)
	}
}

func providerMakesUser(t *testing.T, p *cloudtest.Clients, boundary *string) aws.Credentials {
	t.Helper()
	ctx, name, path := t.Context(), aws.String("role-user"), aws.String("/bucketuser/")
	_, err := p.IAM.GetUser(ctx, &iam.GetUserInput{UserName: name})
	check(t, "GetUser of a missing user", err, "NoSuchEntity")
	_, err = p.IAM.CreateUser(ctx, &iam.CreateUserInput{UserName: name, Path: path, Tags: userTag("owner", "me")})
	check(t, "CreateUser without the boundary", err, "AccessDenied")
	_, err = p.IAM.CreateUser(ctx, &iam.CreateUserInput{UserName: name, PermissionsBoundary: boundary})
	check(t, "CreateUser outside the path", err, "AccessDenied")
	_, err = p.IAM.CreateUser(ctx, &iam.CreateUserInput{
		UserName: name, Path: path, PermissionsBoundary: boundary, Tags: userTag("owner", "me"),
	})
	check(t, "CreateUser", err, "")
	_, err = p.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("stranger")})
	check(t, "CreateAccessKey for a stranger", err, "AccessDenied")
	_, err = p.IAM.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("stranger"), Tags: userTag("owner", "me")})
	check(t, "TagUser of a stranger", err, "AccessDenied")
	_, err = p.IAM.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: name, PolicyDocument: policy(allow("*", "*"))})
	check(t, "PutUserPolicy", err, "AccessDenied")
	_, err = p.IAM.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
	check(t, "ListAccessKeys", err, "")
	key := cloudtest.Must(p.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name}))(t)
	_, err = p.IAM.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKey.AccessKeyId})
	check(t, "GetAccessKeyLastUsed", err, "")
	return aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey}
}

func providerMakesBucket(t *testing.T, p *cloudtest.Clients, userARN string) {
	t.Helper()
	ctx, bucket, owner := t.Context(), aws.String(ourBucket), aws.String(local.Account)
	check(t, "CreateBucket", createBucketTagged(ctx, p, ourBucket, "owner", "me"), "")
	check(t, "CreateBucket elsewhere", createBucketTagged(ctx, p, "role-test-elsewhere", "owner", "me"), "AccessDenied")
	_, err := p.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket, ExpectedBucketOwner: owner})
	check(t, "GetBucketTagging", err, "")
	_, err = p.S3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: bucket, ExpectedBucketOwner: owner, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
			IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
		},
	})
	check(t, "PutPublicAccessBlock", err, "")
	_, err = p.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: bucket, ExpectedBucketOwner: owner, Policy: policy(userStatements(userARN)...),
	})
	check(t, "PutBucketPolicy", err, "")
	_, err = p.S3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	})
	check(t, "PutBucketVersioning", err, "")
	_, err = p.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("data/")})
	check(t, "PutObject", err, "")
	_, err = p.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("data/")})
	check(t, "GetObject", err, "AccessDenied")
	_, err = p.S3.ListBuckets(ctx, &s3.ListBucketsInput{})
	check(t, "ListBuckets", err, "")
	_, err = p.Stacks.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
		StackName:         aws.String("arn:aws:cloudformation:" + cloudtest.Region + ":" + local.Account + ":stack/none/1"),
		LogicalResourceId: aws.String("None"),
	})
	check(t, "DescribeStackResource of a missing stack", err, "ValidationError")
}

// userStatements let the user work below data/, over TLS only.
func userStatements(userARN string) []statement {
	bucketARN := "arn:aws:s3:::" + ourBucket
	list, objects := allow(bucketARN, "s3:ListBucket"), allow(bucketARN+"/data/*", "s3:GetObject", "s3:PutObject", "s3:DeleteObject")
	list["Principal"], objects["Principal"] = map[string]any{"AWS": userARN}, map[string]any{"AWS": userARN}
	return []statement{list, objects, {
		"Effect": "Deny", "Action": "s3:*", "Principal": "*", "Resource": []string{bucketARN, bucketARN + "/*"},
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}}
}

func providerKeepsSecret(t *testing.T, p *cloudtest.Clients) {
	t.Helper()
	ctx, name := t.Context(), aws.String("bucketuser/role-test")
	tags := []smtypes.Tag{{Key: aws.String("owner"), Value: aws.String("me")}}
	_, err := p.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: name})
	check(t, "DescribeSecret of a missing secret", err, "ResourceNotFoundException")
	_, err = p.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: name, Tags: tags})
	check(t, "CreateSecret", err, "")
	_, err = p.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("other/role-test"), Tags: tags})
	check(t, "CreateSecret elsewhere", err, "AccessDeniedException")
	_, err = p.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: name, SecretString: aws.String("{}"), ClientRequestToken: aws.String(strings.Repeat("t", 32)),
	})
	check(t, "PutSecretValue", err, "")
	_, err = p.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name})
	check(t, "GetSecretValue", err, "")
}

func userUsesBucket(t *testing.T, e *emulator, key aws.Credentials) {
	t.Helper()
	ctx, bucket := t.Context(), aws.String(ourBucket)
	u := cloudtest.Must(e.As(key, nil))(t)
	check(t, "the user's PutObject", u.Put(ctx, ourBucket, "data/1"), "")
	check(t, "the user's PutObject outside the prefix", u.Put(ctx, ourBucket, "other/1"), "AccessDenied")
	plain := cloudtest.Must(e.As(key, http.Header{"X-Forwarded-Proto": {"http"}}))(t)
	check(t, "the user's PutObject without TLS", plain.Put(ctx, ourBucket, "data/1"), "AccessDenied")
	_, err := u.S3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket})
	check(t, "the user's ListObjects", err, "")
	_, err = u.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("data/none")})
	check(t, "the user's HeadObject of a missing key", err, "NotFound")
	_, err = u.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
	check(t, "the user's GetBucketPolicy", err, "AccessDenied")
	_, err = u.IAM.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("role-user")})
	check(t, "the user's GetUser", err, "AccessDenied")
	_, err = u.STS.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	check(t, "the user's GetCallerIdentity", err, "")
}

func providerRemovesAll(t *testing.T, p *cloudtest.Clients, keyID string) {
	t.Helper()
	ctx, bucket, name := t.Context(), aws.String(ourBucket), aws.String("role-user")
	_, err := p.Secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{
		SecretId: aws.String("bucketuser/role-test"), ForceDeleteWithoutRecovery: aws.Bool(true),
	})
	check(t, "DeleteSecret", err, "")
	_, err = p.IAM.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: name, AccessKeyId: &keyID, Status: "Inactive"})
	check(t, "UpdateAccessKey", err, "")
	_, err = p.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: &keyID})
	check(t, "DeleteAccessKey", err, "")
	_, err = p.IAM.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	check(t, "DeleteUser", err, "")
	versions := cloudtest.Must(p.S3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket}))(t)
	var objects []s3types.ObjectIdentifier
	for _, v := range versions.Versions {
		objects = append(objects, s3types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	_, err = p.S3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: bucket})
	check(t, "ListMultipartUploads", err, "")
	_, err = p.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &s3types.Delete{Objects: objects}})
	check(t, "DeleteObjects", err, "")
	_, err = p.S3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket})
	check(t, "DeleteBucket", err, "")
}
