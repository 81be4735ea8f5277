package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"bucketuser/infra/local"
)

// clickhouse is the part of the demo that ClickHouse runs.
//
//go:embed clickhouse.py
var clickhouse string

// A check is one line of the table.
type check struct {
	Name   string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// strangerName is a user of the same account that the bucket policy does not name.
// It exists while the checks run.
const strangerName = "bucketuser-demo-stranger"

func (d demo) runChecks(ctx context.Context, cloud *local.AWS, secret map[string]string) ([]check, error) {
	config, err := cloud.Config()
	if err != nil {
		return nil, err
	}
	client := iam.NewFromConfig(config)
	stranger, err := createStranger(ctx, client)
	if err != nil {
		return nil, err
	}
	checks, err := d.runClickHouse(ctx, cloud, secret, stranger)
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

// runClickHouse runs clickhouse.py. The credentials go in by standard input: other
// processes can see arguments and environment.
func (d demo) runClickHouse(ctx context.Context, cloud *local.AWS, secret map[string]string, stranger map[string]string) ([]check, error) {
	input := map[string]any{"endpoint": cloud.Endpoint, "stranger": stranger}
	for name, value := range maps.All(secret) {
		input[name] = value
	}
	text, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, d.tools.ClickHouse, "-c", clickhouse)
	cmd.Env = cloud.Env()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &stdout, &stderr
	runErr := cmd.Run()

	var checks []check
	for lines := bufio.NewScanner(&stdout); lines.Scan(); {
		var c check
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("clickhouse: unexpected output %q", lines.Text())
		}
		checks = append(checks, c)
	}
	if runErr != nil {
		return nil, fmt.Errorf("clickhouse: %w\n%s", runErr, stderr.String())
	}
	return checks, nil
}

// checkIAM tries what an S3 key must never be able to do.
func checkIAM(ctx context.Context, asUser aws.Config) []check {
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
	var checks []check
	for _, attempt := range attempts {
		err := attempt.call()
		c := check{Name: attempt.name, OK: isAccessDenied(err)}
		if err != nil {
			c.Detail = err.Error()
		}
		checks = append(checks, c)
	}
	return checks
}

func checkPublicAccess(ctx context.Context, config aws.Config, bucket string) (check, error) {
	c := check{Name: "public access: all four switches of the bucket block it"}
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
