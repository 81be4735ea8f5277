package cloudtest

import (
	"context"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/internal/stack"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// Clients are one principal's clients of the embedded AWS.
type Clients struct {
	IAM     *iam.Client
	Lambda  *lambda.Client
	Logs    *cloudwatchlogs.Client
	S3      *s3.Client
	Secrets *secretsmanager.Client
	Stacks  *cloudformation.Client
	STS     *sts.Client

	config aws.Config
}

// RootCredentials are those of the root of [local.Account].
func RootCredentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: local.RootKey, SecretAccessKey: local.RootKey}
}

// As returns clients with other credentials. Each of their requests gets header after
// it was signed, for example X-Forwarded-Proto: http to stand for plain http; nil adds
// nothing.
func (c *Cloud) As(who aws.Credentials, header http.Header) (*Clients, error) {
	config, err := c.ConfigAs(who, header)
	if err != nil {
		return nil, err
	}
	return &Clients{
		IAM: iam.NewFromConfig(config), Lambda: lambda.NewFromConfig(config), Logs: cloudwatchlogs.NewFromConfig(config),
		S3: s3.NewFromConfig(config), Secrets: secretsmanager.NewFromConfig(config),
		Stacks: cloudformation.NewFromConfig(config), STS: sts.NewFromConfig(config),
		config: config,
	}, nil
}

// SessionOf returns the clients of a session that a user makes from a key, which no policy
// forbids.
func (c *Cloud) SessionOf(ctx context.Context, user *Clients) (*Clients, error) {
	made, err := user.STS.GetSessionToken(ctx, &sts.GetSessionTokenInput{})
	if err != nil {
		return nil, err
	}
	return c.As(aws.Credentials{AccessKeyID: *made.Credentials.AccessKeyId,
		SecretAccessKey: *made.Credentials.SecretAccessKey, SessionToken: *made.Credentials.SessionToken}, nil)
}

// A User is an IAM user who works with the credentials of a secret, as consumers do.
type User struct {
	*Clients
	Fields map[string]string // of the secret, by the names in [spec.SecretFields]
}

// User reads a secret that a resource wrote, as root, and returns clients with the
// credentials that it holds now. They stay the same when the secret changes.
func (c *Cloud) User(ctx context.Context, secretArn string) (*User, error) {
	fields, err := stack.Secret(ctx, c.config, secretArn)
	if err != nil {
		return nil, err
	}
	clients, err := c.As(aws.Credentials{
		AccessKeyID: fields[spec.FieldAccessKeyID], SecretAccessKey: fields[spec.FieldSecretAccessKey]}, nil)
	return &User{clients, fields}, err
}

// Bucket is the bucket that the secret is for.
func (u *User) Bucket() string { return u.Fields["S3_BUCKET"] }

// Content is what [Clients.Put] writes.
const Content = "content"

// Put writes an object, or writes it anew.
func (c *Clients) Put(ctx context.Context, bucket, key string) error {
	_, err := c.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(Content)})
	return err
}

// CreateBucket creates a bucket in [Region]. Repeated by its owner, it fails with
// BucketAlreadyOwnedByYou.
func (c *Clients) CreateBucket(ctx context.Context, name string) error {
	_, err := c.S3.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: Region},
	})
	return err
}

// CreateUser creates an IAM user with an access key, and returns the key. Repeated, it
// fails with EntityAlreadyExists.
func (c *Clients) CreateUser(ctx context.Context, input *iam.CreateUserInput) (aws.Credentials, error) {
	if _, err := c.IAM.CreateUser(ctx, input); err != nil {
		return aws.Credentials{}, err
	}
	out, err := c.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: input.UserName})
	if err != nil {
		return aws.Credentials{}, err
	}
	return aws.Credentials{AccessKeyID: *out.AccessKey.AccessKeyId, SecretAccessKey: *out.AccessKey.SecretAccessKey}, nil
}
