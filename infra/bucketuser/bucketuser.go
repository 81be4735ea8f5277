// Package bucketuser embeds the resource Custom::BucketUser in a Go CDK stack:
// an S3 bucket, the IAM user that may use it, and the user's credentials in
// Secrets Manager, created, updated and removed as one thing.
//
//	data := bucketuser.NewBucketUser(stack, jsii.String("Data"), &bucketuser.BucketUserProps{
//		Prefix:   jsii.String("clickhouse/"),
//		OnDelete: bucketuser.OnDeleteRetain,
//	})
//	data.Secret().GrantRead(task.TaskRole(), nil)
//
// The first resource of a stack brings the [Provider] with it, the function that
// does the work; every further one shares it. [NewProviderStack] deploys one for
// stacks in other languages.
//
// The package knows what the function needs in order to run: its code, its
// rights, its time limits. What the properties mean it leaves to package spec,
// which the function uses too: a bad value becomes an error annotation at synthesis,
// with the words that the function would use. The cdk CLI refuses to go on with one.
// A program that synthesizes without the CLI, as go run does, writes the template
// all the same, and ends with success.
package bucketuser

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/lambda/spec"
)

// A BucketUser is a bucket, its user and the credentials, made by one custom
// resource. Its methods return tokens: CloudFormation fills them in when the
// resource has been created, and whatever uses one of them waits for that.
type BucketUser interface {
	constructs.Construct

	UserName() *string
	UserArn() *string
	AccessKeyId() *string // as of the last stack operation
	BucketName() *string
	BucketArn() *string
	Prefix() *string // ends in "/"
	Region() *string
	Url() *string             // https, percent-encoded, ends in "/"
	BackupUrl() *string       // Url + "backups/"
	SecretArn() *string       // with the random suffix that consumers need
	SecretName() *string      //
	SecretVersionId() *string // as of the last stack operation

	// Secret returns the secret that holds the credentials, for grants and for
	// references to its fields. With a SecretKmsKeyId, reading it also takes
	// kms:Decrypt on that key, which GrantRead does not know of.
	Secret() awssecretsmanager.ISecret

	// Bucket returns the bucket, for grants to others than the user and for what
	// CDK derives from a bucket. Its policy is written by the resource: a
	// BucketPolicy of CDK's beside it would be overwritten or overwrite it.
	Bucket() awss3.IBucket
}

type bucketUser struct {
	constructs.Construct
	resource awscdk.CustomResource
	secret   awssecretsmanager.ISecret
	bucket   awss3.IBucket
}

// NewBucketUser adds a bucket and its user to the stack of scope, and the
// stack's provider if there is none yet. All properties are optional.
//
// A value that the function would refuse becomes an error annotation, which makes
// the cdk command stop before it deploys anything. One that an earlier version of the
// function accepted becomes a warning: the resource may have it, and keeps it then.
func NewBucketUser(scope constructs.Construct, id *string, props *BucketUserProps) BucketUser {
	if props == nil {
		props = &BucketUserProps{}
	}
	b := &bucketUser{}
	constructs.NewConstruct_Override(b, scope, id)

	provider := props.Provider
	if provider == nil {
		provider = providerOf(awscdk.Stack_Of(b))
	}
	properties := props.properties()
	refusal, warning := judge(properties)
	if refusal != "" {
		awscdk.Annotations_Of(b).AddError(&refusal)
	}
	if warning != "" {
		awscdk.Annotations_Of(b).AddWarningV2(jsii.String("bucketuser:outdatedValue"), &warning)
	}
	// The id "Default" drops out of the logical id, which then is the construct's
	// own. It must stay: another logical id is another resource.
	b.resource = awscdk.NewCustomResource(b, jsii.String("Default"), &awscdk.CustomResourceProps{
		ResourceType:   jsii.String(spec.ResourceType),
		ServiceToken:   provider.Function().FunctionArn(),
		ServiceTimeout: provider.serviceTimeout(),
		Properties:     &properties,
	})
	b.resource.Node().AddDependency(provider.admit(b, props.names())...)

	b.secret = awssecretsmanager.Secret_FromSecretCompleteArn(b, jsii.String("Secret"), b.SecretArn())
	b.bucket = awss3.Bucket_FromBucketAttributes(b, jsii.String("Bucket"), &awss3.BucketAttributes{
		BucketName: b.BucketName(),
		BucketArn:  b.BucketArn(),
	})
	return b
}

func (b *bucketUser) attribute(name string) *string { return b.resource.GetAttString(&name) }

func (b *bucketUser) UserName() *string        { return b.attribute("UserName") }
func (b *bucketUser) UserArn() *string         { return b.attribute("UserArn") }
func (b *bucketUser) AccessKeyId() *string     { return b.attribute("AccessKeyId") }
func (b *bucketUser) BucketName() *string      { return b.attribute("BucketName") }
func (b *bucketUser) BucketArn() *string       { return b.attribute("BucketArn") }
func (b *bucketUser) Prefix() *string          { return b.attribute("Prefix") }
func (b *bucketUser) Region() *string          { return b.attribute("Region") }
func (b *bucketUser) Url() *string             { return b.attribute("Url") }
func (b *bucketUser) BackupUrl() *string       { return b.attribute("BackupUrl") }
func (b *bucketUser) SecretArn() *string       { return b.attribute("SecretArn") }
func (b *bucketUser) SecretName() *string      { return b.attribute("SecretName") }
func (b *bucketUser) SecretVersionId() *string { return b.attribute("SecretVersionId") }

func (b *bucketUser) Secret() awssecretsmanager.ISecret { return b.secret }
func (b *bucketUser) Bucket() awss3.IBucket             { return b.bucket }
