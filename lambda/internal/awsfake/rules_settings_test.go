package awsfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// encryption is the algorithm of a bucket's new objects.
func encryption(t *testing.T, c clients, bucket string) string {
	t.Helper()
	out := awsrules.Must[*s3.GetBucketEncryptionOutput](t)(c.s3.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &bucket}))
	return string(out.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm)
}

// settingRules are about settings of a bucket that others make.
func settingRules() []fakeRule {
	const bucket = "my-bucket"
	return []fakeRule{
		{"every bucket has a default encryption", "S3 User Guide, Setting default server-side encryption behavior for Amazon S3 buckets; " +
			"S3 API Reference, GetBucketEncryption",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				_, err := c.s3.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: aws.String(bucket)})
				awsrules.Want(t, err, 404, "NoSuchBucket")
				fake.AddBucket(bucket, nil)
				awsrules.Equal(t, "new", encryption(t, c, bucket), "AES256")
				for _, algorithm := range []string{"aws:kms", "aws:kms:dsse"} {
					fake.SetEncryption(bucket, algorithm)
					awsrules.Equal(t, "set", encryption(t, c, bucket), algorithm)
					awsrules.Equal(t, "in the snapshot", fake.Snapshot().Buckets[bucket].Encryption, algorithm)
				}
				for _, algorithm := range []string{"", "AES256"} {
					fake.SetEncryption(bucket, algorithm)
					awsrules.Equal(t, "back", encryption(t, c, bucket), "AES256")
					awsrules.Equal(t, "in the snapshot", fake.Snapshot().Buckets[bucket].Encryption, "")
				}
			}},
		{"a key of KMS is for those who may use it", "S3 User Guide, Using server-side encryption with AWS KMS keys, Permissions",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				user := clients{s3: c.as(allowed(t, fake))}
				fake.SetEncryption(bucket, "aws:kms")
				awsrules.Want(t, putObject(t, user, bucket, "k"), 403, "AccessDenied", "User: arn:aws:iam::"+account+":user/alice is not authorized "+
					"to perform: kms:GenerateDataKey on this resource because no identity-based policy allows the kms:GenerateDataKey action")
				_, err := user.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String("k")})
				awsrules.Want(t, err, 403, "AccessDenied")
				awsrules.Equal(t, "a role", putObject(t, c, bucket, "k"), nil)
				fake.SetEncryption(bucket, "")
				awsrules.Equal(t, "without one", putObject(t, user, bucket, "k"), nil)
			}},
		{"L4: each setting of a bucket is read as of some time ago", "S3 User Guide, Data consistency model: eventual for bucket configurations",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				fake.BucketLag = 10 * time.Second
				fake.SetEncryption(bucket, "aws:kms")
				for _, want := range []string{"AES256", "aws:kms"} {
					awsrules.Equal(t, "encryption", encryption(t, c, bucket), want)
					pass(10 * time.Second)
				}
			}},
	}
}
