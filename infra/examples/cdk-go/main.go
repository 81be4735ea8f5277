// Command cdk-go is an app whose stack brings resource and provider itself.
//
//	cdk deploy
//
// With -c bucketuser:code=<folder> it deploys a function that is already built, as any app
// with the construct does.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/bucketuser"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("StorageGo"), nil)

	disk := bucketuser.NewBucketUser(stack, jsii.String("Disk"), &bucketuser.BucketUserProps{
		Prefix: jsii.String("clickhouse/"),
	})

	// To be handed to whoever needs the credentials: disk.Secret().GrantRead(task.TaskRole(), nil).
	awscdk.NewCfnOutput(stack, jsii.String("SecretArn"), &awscdk.CfnOutputProps{Value: disk.SecretArn()})
	awscdk.NewCfnOutput(stack, jsii.String("Url"), &awscdk.CfnOutputProps{Value: disk.Url()})
	app.Synth(nil)
}
