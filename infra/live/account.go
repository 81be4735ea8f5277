package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/internal/caller"
	"bucketuser/infra/local"
)

// An account is where a run works, and as whom. Its endpoint is that of the embedded AWS, or empty for AWS.
type account struct {
	clients
	caller.Caller
}

// clients are those of one principal.
type clients struct {
	config  aws.Config
	iam     *iam.Client
	lambda  *lambda.Client
	logs    *cloudwatchlogs.Client
	s3      *s3.Client
	secrets *secretsmanager.Client
	ssm     *ssm.Client
	stacks  *cloudformation.Client
	sts     *sts.Client
}

func newClients(c aws.Config) clients {
	return clients{
		config: c, iam: iam.NewFromConfig(c), lambda: lambda.NewFromConfig(c), logs: cloudwatchlogs.NewFromConfig(c),
		s3: s3.NewFromConfig(c), secrets: secretsmanager.NewFromConfig(c), ssm: ssm.NewFromConfig(c),
		stacks: cloudformation.NewFromConfig(c), sts: sts.NewFromConfig(c),
	}
}

// connect asks who the caller is. Credentials, region and endpoint are those of AWS's own environment and files.
func connect(ctx context.Context) (*account, error) {
	c, who, err := caller.Find(ctx)
	if err != nil {
		return nil, err
	}
	if who.Endpoint != "" {
		if err := local.Loopback(who.Endpoint); err != nil {
			return nil, fmt.Errorf("%w; without AWS_ENDPOINT_URL it is AWS", err)
		}
	}
	c.APIOptions = append(c.APIOptions, recordCalls)
	return &account{newClients(c), who}, nil
}

// as are the clients of somebody else, in the same place.
func (a *account) as(who aws.Credentials) clients {
	c := a.config.Copy()
	c.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return who, nil }))
	return newClients(c)
}

// programs is the environment of the cdk CLI and of ClickHouse.
func programs() []string {
	return append(os.Environ(), "CDK_VALIDATION=false", "CDK_DISABLE_CLI_TELEMETRY=true", "NODE_NO_WARNINGS=1",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20")
}
