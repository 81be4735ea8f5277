// Command cdk-go is an app whose stack brings resource and provider itself.
//
//	cdk deploy
//
// With -c code=<folder> and -c architecture=x86_64 it deploys a function that is
// already built, as with go mod vendor, which keeps no sources to build it from.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/bucketuser"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("StorageGo"), nil)

	if code, ok := app.Node().TryGetContext(jsii.String("code")).(string); ok {
		architecture, _ := app.Node().GetContext(jsii.String("architecture")).(string)
		bucketuser.NewProvider(stack, jsii.String(bucketuser.ProviderID), &bucketuser.ProviderProps{
			Code:         awslambda.Code_FromAsset(&code, nil),
			Architecture: awslambda.Architecture_Custom(&architecture, nil),
		})
	}

	disk := bucketuser.NewBucketUser(stack, jsii.String("Disk"), &bucketuser.BucketUserProps{
		Prefix: jsii.String("clickhouse/"),
	})

	// To be handed to whoever needs the credentials: disk.Secret().GrantRead(task.TaskRole(), nil).
	awscdk.NewCfnOutput(stack, jsii.String("SecretArn"), &awscdk.CfnOutputProps{Value: disk.SecretArn()})
	awscdk.NewCfnOutput(stack, jsii.String("Url"), &awscdk.CfnOutputProps{Value: disk.Url()})
	app.Synth(nil)
}
