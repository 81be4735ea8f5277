//go:build e2e

package privilege

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/spec"
)

// A victim is what the role could turn against the account: users, policies, roles,
// buckets and secrets, its own and others.
type victim struct {
	lane                         *lane
	otherBoundary, otherPolicy   string // ARNs
	otherRole                    string
	otherSecretARN, ourSecretARN string
	strangerKey                  string
}

// newVictim makes them.
func newVictim(ctx context.Context, t *testing.T) *victim {
	t.Helper()
	v, w := &victim{}, root
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	policy := func(name, document string) string {
		made, err := w.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
		must(err)
		return *made.Policy.Arn
	}
	v.otherBoundary, v.otherPolicy = policy("OtherBoundary", readOnly), policy("Admin", anyPolicy)
	for name, path := range map[string]string{"stranger": "/", "insider": spec.DefaultIAMPath} {
		_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name, Path: &path, PermissionsBoundary: &construct.boundaryARN})
		must(err)
		if name == "stranger" {
			key, err := w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
			must(err)
			v.strangerKey = *key.AccessKey.AccessKeyId
		}
	}
	_, err := w.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("admins")})
	must(err)
	role, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("other-role"), AssumeRolePolicyDocument: aws.String(trust)})
	must(err)
	v.otherRole = *role.Role.Arn
	for _, bucket := range []string{ourBucket, otherBucket} {
		_, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(region)}})
		must(err)
		_, err = w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("data/table")})
		must(err)
	}
	must(w.theirBucket(ctx, theirBucket, theirPolicy(theirBucket, account)))
	for name, arn := range map[string]*string{otherSecret: &v.otherSecretARN, ourSecret: &v.ourSecretARN} {
		made, err := w.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("{}")})
		must(err)
		*arn = *made.ARN
	}
	return v
}

// theirPolicy is what another account may write to let somebody in.
func theirPolicy(bucket, principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"s3:*",
		"Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]}]}`
}
