package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/internal/stack"
	"bucketuser/lambda/spec"
)

// A consumer works with the credentials that a secret held when it was read.
type consumer struct {
	clients
	fields map[string]string
}

// consumerOf reads a secret, as the caller.
func (l *live) consumerOf(ctx context.Context, secretARN string) (*consumer, error) {
	fields, err := stack.Secret(ctx, l.config, secretARN)
	if err != nil {
		return nil, err
	}
	return &consumer{l.as(aws.Credentials{AccessKeyID: fields[spec.FieldAccessKeyID], SecretAccessKey: fields[spec.FieldSecretAccessKey]}), fields}, nil
}

func (c *consumer) key() string    { return c.fields[spec.FieldAccessKeyID] }
func (c *consumer) bucket() string { return c.fields[spec.FieldBucket] }

func (c *consumer) put(ctx context.Context, key string) error {
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(c.bucket()), Key: &key, Body: strings.NewReader("content")})
	return err
}

// session is what somebody makes of the key, which no policy forbids, to go on once the key is gone.
func (l *live) session(ctx context.Context, c *consumer) (*consumer, error) {
	made, err := c.sts.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	if err != nil {
		return nil, err
	}
	return &consumer{l.as(aws.Credentials{AccessKeyID: aws.ToString(made.Credentials.AccessKeyId),
		SecretAccessKey: aws.ToString(made.Credentials.SecretAccessKey), SessionToken: aws.ToString(made.Credentials.SessionToken)}), c.fields}, nil
}

// get reads an object of put.
func (c *consumer) get(ctx context.Context, key string) error {
	out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(c.bucket()), Key: &key})
	if err != nil {
		return err
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if err == nil && string(text) != "content" {
		err = fmt.Errorf("%s: holds %q", key, text)
	}
	return err
}

// allowed wants a call to succeed, as soon as AWS knows everywhere that it may.
func allowed(ctx context.Context, what string, call func() error) error {
	if err := await(ctx, lagLimit, call); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// refused wants AWS to answer with an error code, as soon as it knows everywhere that it must.
func refused(ctx context.Context, what, code string, call func() error) error {
	return await(ctx, lagLimit, func() error {
		if got := codeOf(call()); got != code {
			return fmt.Errorf("%s: %s, want %s", what, got, code)
		}
		return nil
	})
}
