package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"bucketuser/infra/internal/clickhouse"
	"bucketuser/infra/local"
)

// strangerName is a user of the same account that the bucket policy does not name.
// It exists while the checks run.
const strangerName = "bucketuser-demo-stranger"

func (d *demo) runChecks(ctx context.Context, cloud *local.AWS, secret map[string]string) ([]clickhouse.Check, error) {
	config, err := cloud.Config()
	if err != nil {
		return nil, err
	}
	client := iam.NewFromConfig(config)
	stranger, err := createStranger(ctx, client)
	if err != nil {
		return nil, err
	}
	checks, err := clickhouse.User{
		Python: d.tools.ClickHouse, Env: d.scratchEnv(cloud), Endpoint: cloud.Endpoint, Secret: secret, Stranger: stranger,
	}.Use(ctx)
	if err := errors.Join(err, removeStranger(ctx, client)); err != nil {
		return nil, err
	}
	asUser, err := cloud.ConfigAs(aws.Credentials{
		AccessKeyID: secret["AWS_ACCESS_KEY_ID"], SecretAccessKey: secret["AWS_SECRET_ACCESS_KEY"]}, nil)
	if err != nil {
		return nil, err
	}
	blocked, err := checkPublicAccess(ctx, config, secret["S3_BUCKET"])
	if err != nil {
		return nil, err
	}
	return append(append(checks, checkIAM(ctx, asUser)...), blocked), nil
}

// scratchEnv is the environment of a ClickHouse whose temporary files go with the embedded AWS.
func (d *demo) scratchEnv(cloud *local.AWS) []string {
	return append(cloud.Env(), "TMPDIR="+d.path("tmp"))
}

// checkIAM tries what an S3 key must never be able to do.
func checkIAM(ctx context.Context, asUser aws.Config) []clickhouse.Check {
	client := iam.NewFromConfig(asUser)
	attempts := []struct {
		name string
		call func() error
	}{
		{"refused: iam:CreateAccessKey with the user's key", func() error {
			_, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{})
			return err
		}},
		{"refused: iam:CreateUser with the user's key", func() error {
			_, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bucketuser-demo-intruder")})
			return err
		}},
	}
	var checks []clickhouse.Check
	for _, attempt := range attempts {
		err := attempt.call()
		c := clickhouse.Check{Name: attempt.name, OK: isAccessDenied(err)}
		if err != nil {
			c.Detail = err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}

func checkPublicAccess(ctx context.Context, config aws.Config, bucket string) (clickhouse.Check, error) {
	c := clickhouse.Check{Name: "public access: all four switches of the bucket block it"}
	out, err := s3.NewFromConfig(config).GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket})
	if err != nil {
		return c, err
	}
	b := out.PublicAccessBlockConfiguration
	c.OK = aws.ToBool(b.BlockPublicAcls) && aws.ToBool(b.BlockPublicPolicy) && aws.ToBool(b.IgnorePublicAcls) && aws.ToBool(b.RestrictPublicBuckets)
	return c, nil
}

func isAccessDenied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "AccessDenied"
}

func createStranger(ctx context.Context, client *iam.Client) (map[string]string, error) {
	if err := removeStranger(ctx, client); err != nil { // left by a demo that was interrupted
		return nil, err
	}
	if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(strangerName)}); err != nil {
		return nil, err
	}
	key, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String(strangerName)})
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": aws.ToString(key.AccessKey.AccessKeyId), "secret": aws.ToString(key.AccessKey.SecretAccessKey)}, nil
}

func removeStranger(ctx context.Context, client *iam.Client) error {
	keys, err := client.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String(strangerName)})
	if err != nil && !isMissing(err) {
		return err
	}
	if keys != nil {
		for _, key := range keys.AccessKeyMetadata {
			_, err := client.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String(strangerName), AccessKeyId: key.AccessKeyId})
			if err != nil {
				return err
			}
		}
	}
	_, err = client.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String(strangerName)})
	if isMissing(err) {
		return nil
	}
	return err
}

func isMissing(err error) bool {
	var missing *iamtypes.NoSuchEntityException
	return errors.As(err, &missing)
}
