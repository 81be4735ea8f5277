// Command lambda is two functions behind Custom::BucketUser: the one that answers
// CloudFormation, and the one that rotates keys for Secrets Manager. The name of the handler
// tells which, and each refuses the events of the other. They have roles of their own.
//
// It wires the parts: settings from the environment, AWS clients with the
// function's own role, the provisioner, and the handler.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"bucketuser/lambda/internal/awsenv"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/provision"
	"bucketuser/lambda/internal/rotation"
	"bucketuser/lambda/spec"
)

// allowLoopback is "yes" in the build for the embedded AWS, set with
// -ldflags "-X main.allowLoopback=yes". A release never has it.
var allowLoopback string

// mostRuns is how often the harness that measures emptying delivers an event, set with -ldflags "-X main.mostRuns=20" in
// its build. A release never has it: Lambda delivers an event as often as package provision says.
var mostRuns string

// memoryLimit is what the heap should not grow beyond, in bytes: it is collected more often instead. A purge leaves much
// behind that is soon garbage, and has room in the smallest function that there is.
const memoryLimit = 22 << 20

func main() {
	debug.SetMemoryLimit(memoryLimit)
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	environment, err := awsenv.Read()
	if err != nil {
		log.Error("could not start", "reason", err.Error())
		os.Exit(1)
	}
	if os.Getenv("_HANDLER") == rotationHandler {
		lambda.Start(rotates(environment, log))
		return
	}
	lambda.Start(provisions(environment, log))
}

// rotationHandler is the handler's name of the function that rotates. Every other one provisions.
const rotationHandler = "rotation"

func provisions(environment awsenv.Environment, log *slog.Logger) func(context.Context, json.RawMessage) error {
	client := cfnresource.NewClient()
	return func(ctx context.Context, payload json.RawMessage) error {
		provider, err := providerOf(ctx)
		if err != nil {
			return err
		}
		provider.RotationFunctionARN = os.Getenv("BUCKETUSER_ROTATION_FUNCTION_ARN")
		handler := cfnresource.Handler{
			Resource:      provision.New(environment.Config(), provider, log).InRuns(mostRuns),
			Client:        client,
			Log:           log,
			LogStream:     lambdacontext.LogStreamName,
			DNSSuffix:     spec.DNSSuffix(provider.Partition),
			AllowLoopback: allowLoopback == "yes",
		}
		return handler.Handle(ctx, payload)
	}
}

func rotates(environment awsenv.Environment, log *slog.Logger) func(context.Context, json.RawMessage) error {
	return func(ctx context.Context, payload json.RawMessage) error {
		provider, err := providerOf(ctx)
		if err != nil {
			return err
		}
		handler := rotation.Handler{Rotate: provision.New(environment.Config(), provider, log).Rotate, Log: log}
		return handler.Handle(ctx, payload)
	}
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
		Partition:           self.Partition,
		Region:              self.Region,
		Account:             self.AccountID,
		RotationFunctionARN: lc.InvokedFunctionArn, // its own, for the function that rotates

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
