//go:build e2e

package privilege

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/spec"
)

// A description is the resources of a template, by logical id.
type description map[string]any

func (d description) add(id, typ string, properties map[string]any) {
	d[id] = map[string]any{"Type": typ, "Properties": properties}
}

// describe returns a template of what the function has made, read from the account.
func (p *play) describe(ctx context.Context) (map[string]any, error) {
	s, err := p.spec(nil)
	if err != nil {
		return nil, err
	}
	c, d := p.lane.cloud, description{}
	err = inTurn(
		func() error { return d.bucket(ctx, c, s) },
		func() error { return d.bucketPolicy(ctx, c, s) },
		func() error { return d.user(ctx, c, s) },
		func() error { return d.secret(ctx, c, s) },
	)
	return map[string]any{"Resources": map[string]any(d)}, err
}

func (d description) bucket(ctx context.Context, c *cloud, s spec.Spec) error {
	bucket := map[string]any{"BucketName": s.BucketName}
	access, err := c.S3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &s.BucketName})
	if err != nil {
		return err
	}
	block := access.PublicAccessBlockConfiguration
	bucket["PublicAccessBlockConfiguration"] = map[string]any{
		"BlockPublicAcls": aws.ToBool(block.BlockPublicAcls), "BlockPublicPolicy": aws.ToBool(block.BlockPublicPolicy),
		"IgnorePublicAcls": aws.ToBool(block.IgnorePublicAcls), "RestrictPublicBuckets": aws.ToBool(block.RestrictPublicBuckets)}
	versioning, err := c.S3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.BucketName})
	if err != nil {
		return err
	}
	if versioning.Status != "" {
		bucket["VersioningConfiguration"] = map[string]any{"Status": string(versioning.Status)}
	}
	if encryption, err := c.S3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &s.BucketName}); err == nil {
		var rules []any
		for _, rule := range encryption.ServerSideEncryptionConfiguration.Rules {
			rules = append(rules, map[string]any{"ServerSideEncryptionByDefault": map[string]any{
				"SSEAlgorithm": string(rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm)}})
		}
		bucket["BucketEncryption"] = map[string]any{"ServerSideEncryptionConfiguration": rules}
	}
	if ownership, err := c.S3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &s.BucketName}); err == nil {
		var rules []any
		for _, rule := range ownership.OwnershipControls.Rules {
			rules = append(rules, map[string]any{"ObjectOwnership": string(rule.ObjectOwnership)})
		}
		bucket["OwnershipControls"] = map[string]any{"Rules": rules}
	}
	d.add("Bucket", "AWS::S3::Bucket", bucket)
	return nil
}

func (d description) bucketPolicy(ctx context.Context, c *cloud, s spec.Spec) error {
	policy, err := c.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.BucketName})
	if err != nil {
		return err
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(*policy.Policy), &document); err != nil {
		return err
	}
	d.add("BucketPolicy", "AWS::S3::BucketPolicy", map[string]any{"Bucket": s.BucketName, "PolicyDocument": document})
	return nil
}

// user describes the user, who must have a boundary and neither policies nor groups.
func (d description) user(ctx context.Context, c *cloud, s spec.Spec) error {
	user, err := c.IAM.GetUser(ctx, &iam.GetUserInput{UserName: &s.UserName})
	if err != nil {
		return err
	}
	attached, err := c.IAM.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: &s.UserName})
	if err != nil {
		return err
	}
	inline, err := c.IAM.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: &s.UserName})
	if err != nil {
		return err
	}
	groups, err := c.IAM.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: &s.UserName})
	if err != nil {
		return err
	}
	if n := len(attached.AttachedPolicies) + len(inline.PolicyNames) + len(groups.Groups); n > 0 {
		return errors.New("the user has policies or groups")
	}
	if user.User.PermissionsBoundary == nil {
		return errors.New("the user has no boundary")
	}
	d.add("User", "AWS::IAM::User", map[string]any{"UserName": s.UserName, "Path": *user.User.Path,
		"PermissionsBoundary": *user.User.PermissionsBoundary.PermissionsBoundaryArn})
	return nil
}

// secret describes the secret, and its rotation if that is on.
func (d description) secret(ctx context.Context, c *cloud, s spec.Spec) error {
	secret, err := c.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretName})
	if err != nil {
		return err
	}
	described := map[string]any{"Name": *secret.Name, "Description": aws.ToString(secret.Description)}
	if secret.KmsKeyId != nil {
		described["KmsKeyId"] = *secret.KmsKeyId
	}
	d.add("Secret", "AWS::SecretsManager::Secret", described)
	if aws.ToBool(secret.RotationEnabled) {
		d.add("Rotation", "AWS::SecretsManager::RotationSchedule", map[string]any{"SecretId": map[string]any{"Ref": "Secret"}})
	}
	return nil
}
