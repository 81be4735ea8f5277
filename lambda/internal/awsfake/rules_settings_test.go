package awsfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// encryption is the algorithm of a bucket's new objects.
func encryption(t *testing.T, c clients, bucket string) string {
	t.Helper()
	out := awsrules.Must[*s3.GetBucketEncryptionOutput](t)(c.s3.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &bucket}))
	return string(out.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm)
}

// abac is the status of access control by a bucket's tags.
func abac(t *testing.T, c clients, bucket string) string {
	t.Helper()
	out := awsrules.Must[*s3.GetBucketAbacOutput](t)(c.s3.GetBucketAbac(t.Context(), &s3.GetBucketAbacInput{Bucket: &bucket}))
	return string(out.AbacStatus.Status)
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
		{"a bucket is made with an ownership, which needs a right of its own", "S3 User Guide, Setting Object Ownership when you create a " +
			"bucket; localstack, s3/provider.py (the message)",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				create := func(name string, ownership types.ObjectOwnership) error {
					_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectOwnership: ownership,
						CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
					return err
				}
				awsrules.Want(t, create("a-bucket", "Somebody"), 400, "InvalidArgument", "Invalid x-amz-object-ownership header: Somebody")
				awsrules.Equal(t, "the default", create("a-bucket", types.ObjectOwnershipBucketOwnerEnforced), nil)
				awsrules.Equal(t, "another", create("b-bucket", types.ObjectOwnershipObjectWriter), nil)
				now := fake.Snapshot()
				awsrules.Equal(t, "ownership", now.Buckets["a-bucket"].Ownership+now.Buckets["b-bucket"].Ownership, "ObjectWriter")
				restored := awsfake.New(account, "eu-west-1")
				awsrules.Equal(t, "restored", restored.Restore(now), nil)
				awsrules.Equal(t, "the same", restored.Snapshot().Buckets["b-bucket"].Ownership, "ObjectWriter")
				fake.DelayRights("", time.Hour, "s3:PutBucketOwnershipControls")
				awsrules.Want(t, create("c-bucket", types.ObjectOwnershipBucketOwnerEnforced), 403, "AccessDenied")
				awsrules.Equal(t, "no right is needed", create("c-bucket", types.ObjectOwnershipObjectWriter), nil)
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
		{"L14: a bucket with access control by tags takes none by PutBucketTagging", "S3 API Reference, PutBucketAbac, PutBucketTagging, " +
			"DeleteBucketTagging; S3 User Guide, Enabling ABAC in general purpose buckets; its code is not documented",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, map[string]string{"k": "v"})
				put := func() error {
					_, err := c.s3.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: aws.String(bucket),
						Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("w")}}}})
					return err
				}
				remove := func() error {
					_, err := c.s3.DeleteBucketTagging(t.Context(), &s3.DeleteBucketTaggingInput{Bucket: aws.String(bucket)})
					return err
				}
				awsrules.Equal(t, "new", abac(t, c, bucket), "Disabled")
				fake.SetAbac(bucket, true)
				awsrules.Equal(t, "on", abac(t, c, bucket), "Enabled")
				awsrules.Want(t, put(), 400, "InvalidRequest")
				awsrules.Want(t, remove(), 400, "InvalidRequest")
				fake.AbacDenied = true
				awsrules.Want(t, put(), 403, "AccessDenied")
				awsrules.Want(t, remove(), 403, "AccessDenied")
				tag, err := tagOf(t, c, bucket)
				awsrules.Equal(t, "error", err, nil)
				awsrules.Equal(t, "tag", tag, "v")
				fake.SetAbac(bucket, false)
				awsrules.Equal(t, "off again", put(), nil)
				awsrules.Equal(t, "off again", remove(), nil)
			}},
		{"a bucket may have no public access block, or part of one", "S3 API Reference, GetPublicAccessBlock; localstack " +
			"test_s3_api.snapshot.json (test_crud_public_access_block); S3 User Guide, Blocking public access to your Amazon S3 storage",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				get := func() (*s3.GetPublicAccessBlockOutput, error) {
					return c.s3.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: aws.String(bucket)})
				}
				snapshot := func() awsfake.Bucket { return fake.Snapshot().Buckets[bucket] }
				fake.AddBucket(bucket, nil)
				const public = `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::my-bucket/*"}}`
				put := func() error {
					_, err := c.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: aws.String(public)})
					return err
				}
				for i := range 4 {
					var on awsfake.PublicAccessBlock
					on[i] = true
					fake.SetPublicAccessSwitches(bucket, on)
					got := awsrules.Must[*s3.GetPublicAccessBlockOutput](t)(get()).PublicAccessBlockConfiguration
					awsrules.Equal(t, "switches", awsfake.PublicAccessBlock{*got.BlockPublicAcls, *got.IgnorePublicAcls, *got.BlockPublicPolicy,
						*got.RestrictPublicBuckets}, on)
					awsrules.Equal(t, "in the snapshot", snapshot().PublicAccessBlock, on)
					awsrules.Equal(t, "a public policy", put() == nil, !on[2])
				}
				fake.RemovePublicAccessBlock(bucket)
				_, err := get()
				awsrules.Want(t, err, 404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
				awsrules.Equal(t, "none in the snapshot", snapshot().NoPublicAccessBlock, true)
				awsrules.Equal(t, "a public policy", put(), nil)
				awsrules.Equal(t, "put", blockPublic(t, c, bucket), nil)
				awsrules.Equal(t, "some in the snapshot", snapshot().NoPublicAccessBlock, false)
			}},
		{"L4: each setting of a bucket is read as of some time ago", "S3 User Guide, Data consistency model: eventual for bucket configurations",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				fake.BucketLag = 10 * time.Second
				fake.SetEncryption(bucket, "aws:kms")
				fake.SetAbac(bucket, true)
				for _, want := range []string{"AES256 Disabled", "aws:kms Enabled"} {
					awsrules.Equal(t, "encryption and access control by tags", encryption(t, c, bucket)+" "+abac(t, c, bucket), want)
					pass(10 * time.Second)
				}
			}},
	}
}
