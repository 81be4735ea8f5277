package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// A bench is what the probes work on, apart from the product: a role as limited as that of the function, with a session
// that was made before any of its rights, a bucket and a secret.
type bench struct {
	l      *live
	role   string
	bucket string
	secret string
	as     clients // a session of the role
}

// newBench makes them. What it has made before an error is the bench's, too.
func (l *live) newBench(ctx context.Context) (b *bench, err error) {
	b = &bench{l: l, role: l.name + "-bench", bucket: l.name + "-bench", secret: l.name + "/bench"}
	if err := l.createBucket(ctx, b.bucket); err != nil {
		return b, err
	}
	_, err = l.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &b.secret, SecretString: aws.String("first"), ClientRequestToken: aws.String(token(1))})
	if err != nil {
		return b, err
	}
	trust := document(map[string]any{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": l.Account}})
	made, err := l.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &b.role, AssumeRolePolicyDocument: &trust})
	if err != nil {
		return b, err
	}
	err = await(ctx, lagLimit, func() error {
		out, err := l.sts.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: aws.String("live")})
		if err != nil {
			return err
		}
		b.as = l.as(aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
			SessionToken: *out.Credentials.SessionToken})
		return nil
	})
	return b, err
}

func (b *bench) remove(ctx context.Context) error {
	for _, remove := range []func() error{
		func() error { return removeRole(ctx, b.l.clients, thing{name: b.role}) },
		func() error { return removeBucket(ctx, b.l.clients, thing{name: b.bucket}) },
		func() error { return removeSecret(ctx, b.l.clients, thing{id: b.secret}) },
	} {
		if err := remove(); err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

// allow gives the role these rights, in the place of those before.
func (b *bench) allow(ctx context.Context, resource string, actions ...string) error {
	text := document(map[string]any{"Effect": "Allow", "Action": actions, "Resource": resource,
		"Condition": map[string]any{"StringEquals": map[string]any{"s3:ResourceAccount": b.l.Account}}})
	_, err := b.l.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &b.role, PolicyName: aws.String("rights"), PolicyDocument: &text})
	return err
}

func (b *bench) arn(more string) string { return "arn:" + b.l.partition() + ":s3:::" + b.bucket + more }

// listObjects asks the right s3:ListBucket.
func (b *bench) listObjects(ctx context.Context) error {
	_, err := b.as.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.bucket})
	return err
}

// createBucket makes a bucket in the region of the run.
func (l *live) createBucket(ctx context.Context, name string) error {
	input := &s3.CreateBucketInput{Bucket: &name}
	if l.Region != "us-east-1" {
		input.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(l.Region)}
	}
	_, err := l.s3.CreateBucket(ctx, input)
	return err
}

// token is a ClientRequestToken: a version's id has 32 characters at least.
func token(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// document is a policy of one statement.
func document(statement map[string]any) string {
	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{statement}}) // of strings alone: never fails
	return string(text)
}
