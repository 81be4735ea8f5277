package awsfake_test

import (
	"errors"
	"strings"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// othersRules are about what other accounts, AWS itself and calls that are not served have made.
func othersRules() []fakeRule {
	const boundary = "arn:aws:iam::" + account + ":policy/boundary"
	return []fakeRule{
		{"another account's bucket denies everything", "S3 API Reference, CreateBucket and HeadBucket, Errors",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddForeignBucket("taken", other)
				_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("taken"),
					CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
				var typed *types.BucketAlreadyExists
				if !errors.As(err, &typed) {
					t.Errorf("got %T, want the SDK's type", err)
				}
				awsrules.Want(t, err, 409, "BucketAlreadyExists")
				_, err = c.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String("taken")})
				awsrules.Want(t, err, 403, "AccessDenied", "Access Denied")
				_, err = c.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("taken")})
				awsrules.Want(t, err, 403, "Forbidden") // HEAD has no body: the code is made of the status
				list := awsrules.Must[*s3.ListBucketsOutput](t)(c.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{}))
				awsrules.Equal(t, "own buckets", len(list.Buckets), 0)
			}},
		{"system tags have to stay", "terraform-provider-aws #7323; cloud-custodian #2834",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				const system = "aws:cloudformation:stack-name"
				fake.AddBucket("my-bucket", map[string]string{system: "s"})
				put := func(tags ...types.Tag) error {
					_, err := c.s3.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{
						Bucket: aws.String("my-bucket"), Tagging: &types.Tagging{TagSet: tags}})
					return err
				}
				mine, theirs := types.Tag{Key: aws.String("a"), Value: aws.String("1")}, types.Tag{Key: aws.String(system), Value: aws.String("s")}
				awsrules.Want(t, put(mine), 400, "InvalidTag", "System Tags cannot be removed by requester")
				awsrules.Equal(t, "with them", put(mine, theirs), nil)
				awsrules.Must[*s3.DeleteBucketTaggingOutput](t)(c.s3.DeleteBucketTagging(t.Context(),
					&s3.DeleteBucketTaggingInput{Bucket: aws.String("my-bucket")}))
				awsrules.Equal(t, "tags left", len(fake.Snapshot().Buckets["my-bucket"].Tags), 1)
			}},
		{"a boundary must exist", "IAM API Reference, CreateUser, PermissionsBoundary",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				in := &iam.CreateUserInput{UserName: aws.String("u"), PermissionsBoundary: aws.String(boundary)}
				_, err := c.iam.CreateUser(t.Context(), in)
				awsrules.Want(t, err, 404, "NoSuchEntity")
				if err := fake.AddManagedPolicy(boundary, `{"Statement":[]}`); err != nil {
					t.Fatal(err)
				}
				out := awsrules.Must[*iam.CreateUserOutput](t)(c.iam.CreateUser(t.Context(), in))
				awsrules.Equal(t, "boundary", *out.User.PermissionsBoundary.PermissionsBoundaryArn, boundary)
			}},
		{"a boundary takes away, and does not limit what the policy gives by name",
			"IAM User Guide, Permissions boundaries, Evaluating effective permissions with boundaries",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				deny := `{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"secret/"}}}}`
				if err := fake.AddManagedPolicy(boundary, deny); err != nil {
					t.Fatal(err)
				}
				awsrules.Must[*iam.CreateUserOutput](t)(c.iam.CreateUser(t.Context(), &iam.CreateUserInput{
					UserName: aws.String("alice"), PermissionsBoundary: aws.String(boundary)}))
				fake.AddBucket("my-bucket", nil)
				if err := fake.SetBucketPolicy("my-bucket", allowAlice); err != nil {
					t.Fatal(err)
				}
				client := c.as(fake.AddKey("alice"))
				awsrules.Must[*s3.ListObjectsV2Output](t)(client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("my-bucket")}))
				_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("my-bucket"), Prefix: aws.String("secret/")})
				awsrules.Want(t, err, 403, "AccessDenied")
			}},
		{"a key has no aws:TokenIssueTime, and a session has one", "IAM User Guide, AWS global condition context keys, aws:TokenIssueTime",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				const sessions = `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::my-bucket","arn:aws:s3:::my-bucket/*"],` +
					`"Condition":{"Null":{"aws:TokenIssueTime":"false"}}}`
				fake.AddUser("alice", "/", nil)
				fake.AddBucket("my-bucket", nil)
				letsAliceIn := strings.TrimSuffix(strings.TrimPrefix(allowAlice, `{"Statement":`), `}`)
				if err := fake.SetBucketPolicy("my-bucket", `{"Statement":[`+sessions+`,`+letsAliceIn+`]}`); err != nil {
					t.Fatal(err)
				}
				in := &s3.ListObjectsV2Input{Bucket: aws.String("my-bucket")}
				awsrules.Must[*s3.ListObjectsV2Output](t)(c.as(fake.AddKey("alice")).ListObjectsV2(t.Context(), in))
				_, err := c.s3.ListObjectsV2(t.Context(), in)
				awsrules.Want(t, err, 403, "AccessDenied")
			}},
		{"DeleteUser names an MFA device and referenced objects", "aws-nuke #281 and #319",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for message, what := range map[string]awsfake.Attachment{
					"Cannot delete entity, must delete MFA device first.":         awsfake.MFADevice,
					"Cannot delete entity, must remove referenced objects first.": awsfake.ReferencedObject,
				} {
					fake.AddUser("u", "/", nil)
					fake.Attach("u", what)
					_, err := c.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: aws.String("u")})
					awsrules.Want(t, err, 409, "DeleteConflict", message)
				}
			}},
		{"a resource has its status, by stack id and name", "CloudFormation API Reference, DescribeStackResource; " +
			"localstack, cloudformation/api/test_resources.snapshot.json",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				id := "arn:aws:cloudformation:eu-west-1:" + account + ":stack/name/7d4d1cd0"
				fake.SetResourceStatus(id, "R", "CREATE_IN_PROGRESS")
				for _, stack := range []string{id, "name"} {
					ask := func(logical string) (*cloudformation.DescribeStackResourceOutput, error) {
						return c.stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
							StackName: &stack, LogicalResourceId: &logical})
					}
					out := awsrules.Must[*cloudformation.DescribeStackResourceOutput](t)(ask("R"))
					awsrules.Equal(t, "status", string(out.StackResourceDetail.ResourceStatus), "CREATE_IN_PROGRESS")
					_, err := ask("Other")
					awsrules.Want(t, err, 400, "ValidationError", "Resource Other does not exist for stack "+stack)
				}
			}},
	}
}
