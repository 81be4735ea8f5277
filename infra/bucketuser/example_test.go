package bucketuser_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/bucketuser"
)

// Two places on one provider: a disk whose bucket outlives the stack, and backups. The
// server may read the credentials of both.
func ExampleNewBucketUser() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("ClickHouse"), nil)
	server := awsiam.NewRole(stack, jsii.String("Server"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
	})

	disk := bucketuser.NewBucketUser(stack, jsii.String("Disk"), &bucketuser.BucketUserProps{
		Prefix:   jsii.String("disks/main/"),
		OnDelete: bucketuser.OnDeleteRetain,
	})
	disk.Secret().GrantRead(server, nil)

	backups := bucketuser.NewBucketUser(stack, jsii.String("Backups"), nil)
	backups.Secret().GrantRead(server, nil)
	awscdk.NewCfnOutput(stack, jsii.String("BackupUrl"), &awscdk.CfnOutputProps{Value: backups.BackupUrl()})

	app.Synth(nil)
}
