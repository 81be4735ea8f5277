// Command infra is the CDK app that deploys one Custom::BucketUser as a stack of
// its own, with the values given as context:
//
//	cdk deploy -c bucketName=my-data -c onDelete=Retain
//
// Every property of the resource whose value is one word has a key, spelled with
// a small first letter. The app's own keys are
//
//	stackName     name of the stack, default BucketUser
//	code          folder that holds a built function, named bootstrap
//	architecture  of the function, arm64 or x86_64; default that of code, or else arm64
//	provider      true: no resource but a provider for the stacks of the account and
//	              region, in a stack that is called BucketUserProvider by default
//
// Those of the construct, bucketuser:code and bucketuser:architecture, are in every app, and go
// before code and architecture.
//
// Unknown keys and bad values are refused before anything is synthesized. Stacks
// that want more than one resource, or statements and tags, embed the construct of
// package bucketuser instead.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/quiet"
)

func main() {
	err := synthesize()
	if err != nil {
		fmt.Fprintf(os.Stderr, "This context cannot be used:\n%v\n", err)
	}
	quiet.Close()
	if err != nil {
		os.Exit(1)
	}
}

func synthesize() error {
	app := awscdk.NewApp(nil)
	context, _ := app.Node().GetAllContext(nil).(map[string]any)
	values, err := parseContext(context)
	if err != nil {
		return err
	}
	if values.providerOnly {
		newProviderStack(app, values)
	} else {
		newStack(app, values)
	}
	app.Synth(nil)
	return nil
}

// newStack adds the stack to the app. It names no account and no region, so that
// one template serves all.
func newStack(app awscdk.App, v values) awscdk.Stack {
	stack := awscdk.NewStack(app, &v.stackName, &awscdk.StackProps{
		Description: jsii.String("An S3 bucket and the IAM user that may use it"),
	})
	bucketuser.NewProvider(stack, jsii.String(bucketuser.ProviderID), &v.provider)
	resource := bucketuser.NewBucketUser(stack, jsii.String("BucketUser"), &v.resource)
	addOutputs(stack, resource)
	return stack
}

// newProviderStack adds the stack that serves others. Its settings are parameters.
func newProviderStack(app awscdk.App, v values) awscdk.Stack {
	return bucketuser.NewProviderStack(app, &v.stackName, &bucketuser.ProviderStackProps{
		Code: v.provider.Code, Architecture: v.provider.Architecture,
	})
}

// addOutputs puts out every return value under its own name, in the order of names.
func addOutputs(stack awscdk.Stack, r bucketuser.BucketUser) {
	values := map[string]*string{
		"UserName":        r.UserName(),
		"UserArn":         r.UserArn(),
		"AccessKeyId":     r.AccessKeyId(),
		"BucketName":      r.BucketName(),
		"BucketArn":       r.BucketArn(),
		"Prefix":          r.Prefix(),
		"Region":          r.Region(),
		"Url":             r.Url(),
		"BackupUrl":       r.BackupUrl(),
		"SecretArn":       r.SecretArn(),
		"SecretName":      r.SecretName(),
		"SecretVersionId": r.SecretVersionId(),
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		awscdk.NewCfnOutput(stack, &name, &awscdk.CfnOutputProps{Value: values[name]})
	}
}
