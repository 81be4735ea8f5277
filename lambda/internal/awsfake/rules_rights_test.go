package awsfake_test

import (
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// The calls on a user that the rules make.

func getUser(t *testing.T, c clients, name string) error {
	_, err := c.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name})
	return err
}

func listKeys(t *testing.T, c clients, name string) (int, error) {
	out, err := c.iam.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &name})
	if err != nil {
		return 0, err
	}
	return len(out.AccessKeyMetadata), nil
}

func createKey(t *testing.T, c clients, name string) error {
	_, err := c.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	return err
}

func deleteKey(t *testing.T, c clients, name, id string) error {
	_, err := c.iam.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: &id})
	return err
}

func deleteUser(t *testing.T, c clients, name string) error {
	_, err := c.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name})
	return err
}

// rightsRules are about rights that are not in force yet (L2), and that do not reach a user who is not there (L3).
func rightsRules() []fakeRule {
	createTagged := func(t *testing.T, c clients, name string) error {
		_, err := c.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name, Path: aws.String("/team/"),
			Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
		return err
	}
	return []fakeRule{
		{"L12: an organization forbids an operation to every role", "IAM User Guide, Troubleshoot access denied error messages",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket("my-bucket", nil)
				fake.Forbidden = []string{"s3:PutPublicAccessBlock", "secretsmanager:CreateSecret"}
				_, err := c.s3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: aws.String("my-bucket"),
					PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{}})
				awsrules.Want(t, err, 403, "AccessDenied")
				if !strings.Contains(err.Error(), "s3:PutBucketPublicAccessBlock on resource: arn:aws:s3:::my-bucket with an explicit deny in a service control policy") {
					t.Error(err)
				}
				_, err = c.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
				awsrules.Want(t, err, 400, "AccessDeniedException")
				_, err = c.s3.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: aws.String("my-bucket")})
				awsrules.Equal(t, "the read", err, nil)
			}},
		{"L2: rights of one policy are denied for a while", "aws-cdk #37675, #37878, #37939, #18237",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.LateRights = []awsfake.LateRights{{Rights: []string{"iam:Create*", "s3:ListAllMyBuckets"}, For: 30 * time.Second}}
				for range 2 { // not the first call alone
					awsrules.Want(t, createTagged(t, c, "alice"), 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/provider/"+
						"provider-1 is not authorized to perform: iam:CreateUser on resource: user alice because no identity-based policy "+
						"allows the iam:CreateUser action")
				}
				_, err := c.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})
				awsrules.Want(t, err, 403, "AccessDenied")
				awsrules.Want(t, getUser(t, c, "alice"), 404, "NoSuchEntity")
				pass(30 * time.Second)
				awsrules.Equal(t, "later", createTagged(t, c, "alice"), nil)
				awsrules.Equal(t, "listed later", listed(t, c), 0)
			}},
		{"L2: a policy may come to a role that is there", "aws-cdk #37878",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				pass(time.Hour)
				awsrules.Equal(t, "before", createTagged(t, c, "alice"), nil)
				fake.DelayRights("provider", 10*time.Second, "iam:TagUser", "s3:DeleteObjectVersion")
				fake.DelayRights("another", time.Hour, "*")
				err := createTagged(t, c, "bob")
				awsrules.Want(t, err, 403, "AccessDenied")
				awsrules.Equal(t, "the action", strings.Contains(err.Error(), "perform: iam:TagUser on"), true)
				fake.AddBucket("my-bucket", nil)
				in := &s3.DeleteObjectInput{Bucket: aws.String("my-bucket"), Key: aws.String("k")}
				awsrules.Must[*s3.DeleteObjectOutput](t)(c.s3.DeleteObject(t.Context(), in))
				in.VersionId = aws.String("null")
				_, err = c.s3.DeleteObject(t.Context(), in)
				awsrules.Want(t, err, 403, "AccessDenied")
				pass(10 * time.Second)
				awsrules.Equal(t, "later", createTagged(t, c, "bob"), nil)
			}},
		{"L2: a creating call with tags needs the right to tag", "S3 API Reference, CreateBucket, Permissions; Secrets Manager API Reference, " +
			"CreateSecret, Required permissions",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.DelayRights("", time.Minute, "*:TagResource")
				secret := &secretsmanager.CreateSecretInput{Name: aws.String("s")}
				awsrules.Must[*secretsmanager.CreateSecretOutput](t)(c.secrets.CreateSecret(t.Context(), secret))
				secret.Name, secret.Tags = aws.String("tagged"), []secrettypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
				_, err := c.secrets.CreateSecret(t.Context(), secret)
				awsrules.Want(t, err, 400, "AccessDeniedException")
				awsrules.Equal(t, "a bucket without tags", createBucket(t.Context(), c, "my-bucket"), nil)
				_, err = c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("tagged"),
					CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1",
						Tags: []s3types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}})
				awsrules.Want(t, err, 403, "AccessDenied")
			}},
		{"L3: rights on a path do not reach a user who is not there", "cloud-gov/terraform-provision #1923, #1928, #1929",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.UserPath = "/team/"
				fake.AddUser("elsewhere", "/", nil)
				for _, name := range []string{"nobody", "elsewhere"} {
					_, err := listKeys(t, c, name)
					awsrules.Want(t, err, 403, "AccessDenied")
					awsrules.Want(t, createKey(t, c, name), 403, "AccessDenied")
					awsrules.Want(t, deleteKey(t, c, name, "AKIAFAKE000000000001"), 403, "AccessDenied")
					awsrules.Want(t, deleteUser(t, c, name), 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/provider/"+
						"provider-1 is not authorized to perform: iam:DeleteUser on resource: user "+name+" because no identity-based policy "+
						"allows the iam:DeleteUser action")
				}
				awsrules.Want(t, getUser(t, c, "nobody"), 404, "NoSuchEntity")
				awsrules.Equal(t, "created", createTagged(t, c, "alice"), nil)
				awsrules.Equal(t, "a key", createKey(t, c, "alice"), nil)
			}},
		{"L3: nor one who is not known yet", "cloud-gov/terraform-provision #1923; terraform-provider-aws #18458",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.UserPath, fake.UserLag = "/team/", 5*time.Second
				awsrules.Equal(t, "created", createTagged(t, c, "alice"), nil)
				awsrules.Want(t, createKey(t, c, "alice"), 403, "AccessDenied")
				awsrules.Want(t, getUser(t, c, "alice"), 404, "NoSuchEntity")
				pass(5 * time.Second)
				awsrules.Equal(t, "later", createKey(t, c, "alice"), nil)
			}},
	}
}
