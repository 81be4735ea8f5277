package awsfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const allowAlice = `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:user/alice"},` +
	`"Action":"s3:*","Resource":["arn:aws:s3:::my-bucket","arn:aws:s3:::my-bucket/*"]}}`

// allowed makes a bucket that the user alice may do everything in, and returns a key of hers.
func allowed(t *testing.T, fake *awsfake.AWS) (id, secret string) {
	t.Helper()
	fake.AddBucket("my-bucket", nil)
	fake.AddUser("alice", "/", nil)
	if err := fake.SetBucketPolicy("my-bucket", allowAlice); err != nil {
		t.Fatal(err)
	}
	return fake.AddKey("alice")
}

// delayRules are about what is not true everywhere at once, and what ends after days.
func delayRules() []fakeRule {
	getUser := func(t *testing.T, c clients) error {
		_, err := c.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("u")})
		return err
	}
	create := func(t *testing.T, c clients) error {
		_, err := c.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
		return err
	}
	return []fakeRule{
		{"a fresh role is denied everything for a while", "aws-cdk #37878",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.RolePropagation = 30 * time.Second
				awsrules.Want(t, getUser(t, c), 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/provider/provider-1 is not "+
					"authorized to perform: iam:GetUser on resource: user u because no identity-based policy allows the iam:GetUser action")
				_, err := c.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})
				awsrules.Want(t, err, 403, "AccessDenied")
				time.Sleep(30 * time.Second)
				awsrules.Want(t, getUser(t, c), 404, "NoSuchEntity")
			}},
		{"a new key is refused for a while", "IAM User Guide, Troubleshooting: changes are not always immediately visible",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.KeyPropagation = 10 * time.Second
				client := c.as(allowed(t, fake))
				list := func() error {
					_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("my-bucket")})
					return err
				}
				awsrules.Want(t, list(), 403, "InvalidAccessKeyId")
				time.Sleep(10 * time.Second)
				awsrules.Equal(t, "later", list(), nil)
			}},
		{"a new user is not a principal yet", "terraform-provider-aws internal/service/s3/bucket_policy.go; " +
			"IAM User Guide, changes are not always immediately visible",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.UserPropagation = 10 * time.Second
				fake.AddBucket("my-bucket", nil)
				fake.AddUser("alice", "/", nil)
				put := func() error {
					_, err := c.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
						Bucket: aws.String("my-bucket"), Policy: aws.String(allowAlice)})
					return err
				}
				awsrules.Want(t, put(), 400, "MalformedPolicy", "Invalid principal in policy")
				time.Sleep(10 * time.Second)
				awsrules.Equal(t, "later", put(), nil)
			}},
		{"the recovery window ends", "Secrets Manager User Guide, Delete a secret",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				arn := fake.AddSecret("s", "value", nil)
				awsrules.Must[*secretsmanager.DeleteSecretOutput](t)(c.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
					SecretId: aws.String("s"), RecoveryWindowInDays: aws.Int64(7)}))
				awsrules.Equal(t, "in the snapshot", fake.Snapshot().Secrets["s"].DeletedDays, 7)
				time.Sleep(7*24*time.Hour - time.Second)
				awsrules.Want(t, create(t, c), 400, "InvalidRequestException")
				time.Sleep(time.Second)
				awsrules.Equal(t, "afterwards", create(t, c), nil)
				awsrules.Equal(t, "the same ARN again", fake.Snapshot().Secrets["s"].ARN == arn, false)
			}},
		{"a name may stay taken after a deletion by force", "Secrets Manager API Reference, DeleteSecret: asynchronous",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.SecretDeletion = 5 * time.Second
				fake.AddSecret("s", "value", nil)
				awsrules.Must[*secretsmanager.DeleteSecretOutput](t)(c.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
					SecretId: aws.String("s"), ForceDeleteWithoutRecovery: aws.Bool(true)}))
				awsrules.Want(t, create(t, c), 400, "InvalidRequestException")
				time.Sleep(5 * time.Second)
				awsrules.Equal(t, "later", create(t, c), nil)
			}},
	}
}
