package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// askLateRights goes first: the session is from before the right, as that of a warm function.
func askLateRights(ctx context.Context, l *live, said *calls) (string, error) {
	if err := l.bench.allow(ctx, l.bench.arn(""), "s3:ListBucket", "s3:GetBucketTagging"); err != nil {
		return "", err
	}
	return until(ctx, said, l.bench.listObjects, "ok")
}

func askLateRevocation(ctx context.Context, l *live, said *calls) (string, error) {
	if err := l.bench.allow(ctx, l.bench.arn(""), "s3:GetBucketTagging"); err != nil {
		return "", err
	}
	return until(ctx, said, l.bench.listObjects, "AccessDenied")
}

// askNobodysBucket asks once the right counts for a bucket that is there.
func askNobodysBucket(ctx context.Context, l *live, said *calls) (string, error) {
	if err := l.bench.allow(ctx, l.bench.arn("*"), "s3:GetBucketTagging"); err != nil {
		return "", err
	}
	tagsOf := func(ctx context.Context, bucket string) error {
		_, err := l.bench.as.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
		return err
	}
	if _, err := until(ctx, &calls{}, func(ctx context.Context) error { return tagsOf(ctx, l.bench.bucket) }, "NoSuchTagSet"); err != nil {
		return "", err
	}
	err := tagsOf(said.in(ctx), l.bench.bucket+"-nobody")
	return codeOf(err) + statusOf(err), nil
}

// askNullVersion tries each right alone.
func askNullVersion(ctx context.Context, l *live, said *calls) (string, error) {
	deletes := func(ctx context.Context) error {
		_, err := l.bench.as.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &l.bench.bucket, Key: aws.String("object"), VersionId: aws.String("null")})
		return err
	}
	answer := ""
	for _, action := range []string{"s3:DeleteObject", "s3:DeleteObjectVersion"} {
		// The other right of the statement tells when the statement counts.
		if err := l.bench.allowBoth(ctx, action); err != nil {
			return "", err
		}
		answer += fmt.Sprintf("%s alone: %s. ", action, codeOf(deletes(said.in(ctx))))
	}
	return answer, nil
}

// allowBoth gives the role a right to objects, and waits until it counts. GetObjectTagging stands for its being in force: it
// changes from one policy to the next, as the resource that it is for does.
func (b *bench) allowBoth(ctx context.Context, action string) error {
	key := "tells-" + action[len("s3:"):]
	if _, err := b.l.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: &key}); err != nil {
		return err
	}
	text := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": %q, "Resource": %q}, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": %q}]}`,
		action, b.arn("/*"), b.arn("/"+key))
	if _, err := b.l.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &b.role, PolicyName: aws.String("rights"), PolicyDocument: &text}); err != nil {
		return err
	}
	_, err := until(ctx, &calls{}, func(ctx context.Context) error {
		_, err := b.as.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: &key})
		return err
	}, "ok")
	return err
}

func askGoneUser(ctx context.Context, l *live, said *calls) (string, error) {
	path := "/" + l.name + "/"
	resource := fmt.Sprintf("arn:%s:iam::%s:user%s*", l.partition(), l.Account, path)
	text := document(map[string]any{"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": resource})
	if _, err := l.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &l.bench.role, PolicyName: aws.String("rights"), PolicyDocument: &text}); err != nil {
		return "", err
	}
	name := l.name + "-gone"
	if _, err := l.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name, Path: &path}); err != nil {
		return "", err
	}
	keys := func(ctx context.Context) error {
		_, err := l.bench.as.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &name})
		return err
	}
	if _, err := until(ctx, &calls{}, keys, "ok"); err != nil {
		return "", err
	}
	if err := removeUser(ctx, l.clients, thing{name: name}); err != nil {
		return "", err
	}
	return until(ctx, said, keys, "AccessDenied", "NoSuchEntity")
}
