package main

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// askDeadPrincipal writes a policy for a user, deletes the user, and writes what S3 has made of the policy once more.
func askDeadPrincipal(ctx context.Context, l *live, said *calls) (string, error) {
	name := l.name + "-dead"
	made, err := l.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	if err != nil {
		return "", err
	}
	text := document(map[string]any{"Effect": "Deny", "Action": "s3:GetObject", "Resource": l.bench.arn("/nothing"),
		"Principal": map[string]any{"AWS": aws.ToString(made.User.Arn)}})
	write := func(ctx context.Context) error {
		_, err := l.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &l.bench.bucket, Policy: &text})
		return err
	}
	if _, err := until(ctx, &calls{}, write, "ok"); err != nil { // a new user is no principal yet
		return "", err
	}
	if err := removeUser(ctx, l.clients, thing{name: name}); err != nil {
		return "", err
	}
	arn := aws.ToString(made.User.Arn)
	seen, err := l.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &l.bench.bucket})
	if err != nil {
		return "", err
	}
	text = aws.ToString(seen.Policy)
	names := "the ARN"
	if !strings.Contains(text, arn) {
		names = "another principal"
	}
	err = write(said.in(ctx))
	if _, undo := l.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &l.bench.bucket}); undo != nil {
		return "", undo
	}
	return codeOf(err) + ", with " + names + " in the policy that was read", nil
}

func askDeleteConflict(ctx context.Context, l *live, said *calls) (string, error) {
	name := l.name + "-conflict"
	if _, err := l.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		return "", err
	}
	key, err := l.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		return "", err
	}
	if _, err := l.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: key.AccessKey.AccessKeyId}); err != nil {
		return "", err
	}
	return until(ctx, said, func(ctx context.Context) error {
		_, err := l.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name})
		return err
	}, "ok")
}
