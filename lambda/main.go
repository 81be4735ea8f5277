// Command lambda is the function behind Custom::BucketUser.
//
// It wires the parts: settings from the environment, AWS clients with the
// function's own role, the provisioner, and the handler that answers
// CloudFormation.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"

	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/provision"
	"bucketuser/lambda/spec"
)

// allowLoopback is "yes" in the build for the embedded AWS, set with
// -ldflags "-X main.allowLoopback=yes". A release never has it.
var allowLoopback string

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	awsConfig, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("could not start", "reason", err.Error())
		os.Exit(1)
	}
	client := cfnresource.NewClient()
	lambda.Start(func(ctx context.Context, payload json.RawMessage) error {
		provider, err := providerOf(ctx)
		if err != nil {
			return err
		}
		handler := cfnresource.Handler{
			Resource:      provision.New(awsConfig, provider, log),
			Client:        client,
			Log:           log,
			LogStream:     lambdacontext.LogStreamName,
			DNSSuffix:     spec.DNSSuffix(provider.Partition),
			AllowLoopback: allowLoopback == "yes",
		}
		return handler.Handle(ctx, payload)
	})
}

// providerOf tells partition, region and account from the function's own ARN, so
// that nothing of them is written down, and takes the rest from the environment.
func providerOf(ctx context.Context) (spec.Provider, error) {
	lc, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return spec.Provider{}, fmt.Errorf("function: invoked without a Lambda context")
	}
	self, err := arn.Parse(lc.InvokedFunctionArn)
	if err != nil {
		return spec.Provider{}, fmt.Errorf("function: %w", err)
	}
	provider := spec.Provider{
		Partition:   self.Partition,
		Region:      self.Region,
		Account:     self.AccountID,
		IAMPath:     os.Getenv("BUCKETUSER_IAM_PATH"),
		BoundaryARN: os.Getenv("BUCKETUSER_BOUNDARY_ARN"),

		BucketNamePattern: os.Getenv("BUCKETUSER_BUCKET_PATTERN"),
		SecretNamePattern: os.Getenv("BUCKETUSER_SECRET_PATTERN"),
	}
	if provider.IAMPath == "" {
		provider.IAMPath = spec.DefaultIAMPath
	}
	return provider, nil
}
