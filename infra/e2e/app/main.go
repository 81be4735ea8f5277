// Command app is the CDK app of the end-to-end tests: one stack with the resource
// that a JSON file describes. The file is named by the environment variable E2E_APP.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/quiet"
)

// description is what the file holds.
type description struct {
	Stack        string
	Code         string // folder of the built function
	Architecture string
	Resource     *bucketuser.BucketUserProps // its logical id is R
	Failing      bool                        // with a sibling that cannot be created, after the resource
}

func main() {
	err := synthesize(os.Getenv("E2E_APP"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e app:", err)
	}
	quiet.Close()
	if err != nil {
		os.Exit(1)
	}
}

func synthesize(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		return err
	}
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, &d.Stack, nil)
	bucketuser.NewProvider(stack, jsii.String(bucketuser.ProviderID), &bucketuser.ProviderProps{
		Code:           awslambda.Code_FromAsset(&d.Code, nil),
		Architecture:   awslambda.Architecture_Custom(&d.Architecture, nil),
		ServiceTimeout: awscdk.Duration_Minutes(jsii.Number(16)),
	})
	if d.Resource != nil {
		addResource(stack, d.Resource, d.Failing)
	}
	app.Synth(nil)
	return nil
}

func addResource(stack awscdk.Stack, props *bucketuser.BucketUserProps, failing bool) {
	r := bucketuser.NewBucketUser(stack, jsii.String("R"), props)
	for name, value := range map[string]*string{
		"UserName": r.UserName(), "UserArn": r.UserArn(), "AccessKeyId": r.AccessKeyId(), "BucketName": r.BucketName(),
		"BucketArn": r.BucketArn(), "Prefix": r.Prefix(), "Region": r.Region(), "Url": r.Url(), "BackupUrl": r.BackupUrl(),
		"SecretArn": r.SecretArn(), "SecretName": r.SecretName(), "SecretVersionId": r.SecretVersionId(),
	} {
		awscdk.NewCfnOutput(stack, &name, &awscdk.CfnOutputProps{Value: value})
	}
	if failing {
		awscdk.NewCfnResource(stack, jsii.String("Failing"), &awscdk.CfnResourceProps{
			Type: jsii.String("Custom::Failing"),
			Properties: &map[string]any{"ServiceToken": fmt.Sprintf(
				"arn:aws:lambda:%s:%s:function:does-not-exist", *stack.Region(), *stack.Account())},
		}).Node().AddDependency(r)
	}
}
