package bucketuser_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
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

// An organization that demands a permissions boundary on every role: CDK's own means put
// it on the provider's two as well. The function is taken from a release here, which saves
// building it.
func ExampleNewProvider_permissionsBoundary() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("ClickHouse"), nil)
	releases := awss3.Bucket_FromBucketName(stack, jsii.String("Releases"), jsii.String("my-releases"))
	bucketuser.NewProvider(stack, jsii.String(bucketuser.ProviderID), &bucketuser.ProviderProps{
		Code: awslambda.Code_FromBucketV2(releases, jsii.String("bucketuser_1.2.3_linux_arm64.zip"), nil),
	})
	bucketuser.NewBucketUser(stack, jsii.String("Disk"), nil)

	boundary := awsiam.ManagedPolicy_FromManagedPolicyArn(stack, jsii.String("Roles"),
		jsii.String("arn:aws:iam::111122223333:policy/organization/roles"))
	awsiam.PermissionsBoundary_Of(app).Apply(boundary)

	for _, role := range *assertions.Template_FromStack(stack, nil).FindResources(jsii.String("AWS::IAM::Role"), nil) {
		fmt.Println((*role)["Properties"].(map[string]any)["PermissionsBoundary"])
	}
	// Output:
	// arn:aws:iam::111122223333:policy/organization/roles
	// arn:aws:iam::111122223333:policy/organization/roles
}
