package awsfake

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// SetEncryption gives a bucket a default encryption: "AES256", as every bucket has it since January 2023, "aws:kms" or
// "aws:kms:dsse". An empty algorithm takes that of others away, so that it is AES256 again. With a key of KMS no user can
// write objects: that needs kms:GenerateDataKey, and the users have no rights but those of bucket policies. Sources: S3
// User Guide, Setting default server-side encryption behavior for Amazon S3 buckets; Using server-side encryption with AWS
// KMS keys, Permissions.
func (a *AWS) SetEncryption(bucketName, algorithm string) {
	defer a.changing()()
	if b := a.buckets[bucketName]; b != nil {
		b.encryption = types.ServerSideEncryption(algorithm)
		if b.encryption == types.ServerSideEncryptionAes256 {
			b.encryption = ""
		}
	}
}

func (a *AWS) getBucketEncryption(r request, _ *s3.GetBucketEncryptionInput) (*s3.GetBucketEncryptionOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: cmp.Or(b.encryption, types.ServerSideEncryptionAes256)},
			BucketKeyEnabled: aws.Bool(false),
		}}}}, nil
}

// mayEncrypt tells whether a caller may use the key that new objects of a bucket are encrypted with.
func (b *bucket) mayEncrypt(who caller) error {
	if b.encryption == "" || who.user == nil {
		return nil
	}
	return fail(403, "AccessDenied", "User: %s is not authorized to perform: kms:GenerateDataKey on this resource because no "+
		"identity-based policy allows the kms:GenerateDataKey action", who.arn)
}
