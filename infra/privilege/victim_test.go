//go:build e2e

package privilege

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
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
	v, c := &victim{}, root
	policy := func(name, document string) string {
		return *cloudtest.Must(c.IAM.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}))(t).Policy.Arn
	}
	v.otherBoundary, v.otherPolicy = policy("OtherBoundary", readOnly), policy("Admin", anyPolicy)
	v.strangerKey = cloudtest.Must(c.CreateUser(ctx, &iam.CreateUserInput{
		UserName: aws.String("stranger"), Path: aws.String("/"), PermissionsBoundary: &construct.boundaryARN}))(t).AccessKeyID
	cloudtest.Must(c.IAM.CreateUser(ctx, &iam.CreateUserInput{
		UserName: aws.String("insider"), Path: aws.String(spec.DefaultIAMPath), PermissionsBoundary: &construct.boundaryARN}))(t)
	cloudtest.Must(c.IAM.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("admins")}))(t)
	v.otherRole = *cloudtest.Must(c.IAM.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("other-role"), AssumeRolePolicyDocument: aws.String(trust)}))(t).Role.Arn
	for _, bucket := range []string{ourBucket, otherBucket} {
		if err := errors.Join(c.CreateBucket(ctx, bucket), c.Put(ctx, bucket, "data/table")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.theirBucket(ctx, theirBucket, theirPolicy(theirBucket, account)); err != nil {
		t.Fatal(err)
	}
	for name, arn := range map[string]*string{otherSecret: &v.otherSecretARN, ourSecret: &v.ourSecretARN} {
		*arn = *cloudtest.Must(c.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: &name, SecretString: aws.String("{}")}))(t).ARN
	}
	return v
}

// theirPolicy is what another account may write to let somebody in.
func theirPolicy(bucket, principal string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"s3:*",
		"Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"]}]}`
}
