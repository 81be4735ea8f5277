package awsfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// tagOf is the value of the tag k of a bucket, or an error.
func tagOf(t *testing.T, c clients, name string) (string, error) {
	out, err := c.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
	if err != nil {
		return "", err
	}
	return *out.TagSet[0].Value, nil
}

func putTag(t *testing.T, c clients, name, value string) {
	t.Helper()
	awsrules.Must[*s3.PutBucketTaggingOutput](t)(c.s3.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: &name,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: &value}}}}))
}

// stackStatus is what DescribeStacks says of a stack, or an error.
func stackStatus(t *testing.T, c clients, stack string) (string, error) {
	out, err := c.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		return "", err
	}
	return string(out.Stacks[0].StackStatus), nil
}

// staleRules are about reads that answer as of some time ago (L4, L5).
func staleRules() []fakeRule {
	const bucket = "my-bucket"
	return []fakeRule{
		{"L4: IAM reads a user and its keys as of some time ago", "IAM User Guide, Troubleshooting: changes are not always immediately visible; " +
			"terraform-provider-aws #18458",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.UserLag = 5 * time.Second
				keys := func(want int) {
					t.Helper()
					got, err := listKeys(t, c, "alice")
					awsrules.Equal(t, "error", err, nil)
					awsrules.Equal(t, "keys", got, want)
				}
				awsrules.Equal(t, "created", createUser(t.Context(), fake.Session("provider"), "alice"), nil)
				awsrules.Want(t, getUser(t, c, "alice"), 404, "NoSuchEntity", "The user with name alice cannot be found.")
				awsrules.Want(t, createKey(t, c, "alice"), 404, "NoSuchEntity")
				awsrules.Want(t, createUser(t.Context(), fake.Session("provider"), "alice"), 409, "EntityAlreadyExists")
				pass(5 * time.Second)
				awsrules.Equal(t, "a key", createKey(t, c, "alice"), nil)
				keys(0)
				id := fake.Snapshot().Users["alice"].Keys[0].ID
				awsrules.Want(t, deleteKey(t, c, "alice", id), 404, "NoSuchEntity", "The Access Key with id "+id+" cannot be found.")
				pass(5 * time.Second)
				keys(1)
				awsrules.Equal(t, "key deleted", deleteKey(t, c, "alice", id), nil)
				awsrules.Equal(t, "user deleted", deleteUser(t, c, "alice"), nil)
				awsrules.Equal(t, "still read", getUser(t, c, "alice"), nil)
				keys(1)
				awsrules.Want(t, deleteUser(t, c, "alice"), 404, "NoSuchEntity")
				pass(5 * time.Second)
				awsrules.Want(t, getUser(t, c, "alice"), 404, "NoSuchEntity")
			}},
		{"L4: S3 reads the settings of a bucket as of some time ago", "S3 User Guide, Data consistency model: eventual for bucket configurations; " +
			"terraform-provider-aws #15572",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, map[string]string{"k": "released"})
				fake.BucketLag = 10 * time.Second
				for second, want := range []string{"released", "owner", "other"} {
					got, err := tagOf(t, c, bucket)
					awsrules.Equal(t, "error", err, nil)
					awsrules.Equal(t, "tag", got, want)
					putTag(t, c, bucket, []string{"owner", "other", "last"}[second])
					pass(10 * time.Second)
				}
				awsrules.Equal(t, "an object is there at once", putObject(t, c, bucket, "k"), nil)
				awsrules.Must[*s3.HeadObjectOutput](t)(c.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")}))
				fake.DeleteBucket(bucket)
				awsrules.Equal(t, "still listed", listed(t, c), 1)
				awsrules.Equal(t, "still read", getTags(t, c, bucket), nil)
				awsrules.Want(t, putObject(t, c, bucket, "k"), 404, "NoSuchBucket")
				pass(10 * time.Second)
				awsrules.Equal(t, "listed later", listed(t, c), 0)
			}},
		{"L4: a bucket policy is not in force at once", "S3 User Guide, Data consistency model: eventual for bucket configurations",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				user := clients{s3: c.as(allowed(t, fake))}
				awsrules.Equal(t, "no policy", fake.SetBucketPolicy(bucket, ""), nil)
				fake.BucketLag = 10 * time.Second
				awsrules.Equal(t, "policy", fake.SetBucketPolicy(bucket, allowAlice), nil)
				awsrules.Want(t, putObject(t, user, bucket, "k"), 403, "AccessDenied")
				pass(10 * time.Second)
				awsrules.Equal(t, "later", putObject(t, user, bucket, "k"), nil)
			}},
		{"L4: Secrets Manager reads as of some time ago, if that is asked for", "Secrets Manager API Reference, ListSecrets: all operations are " +
			"eventually consistent; terraform-provider-aws #18406, #18462",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.SecretLag = 5 * time.Second
				arn := fake.AddSecret("s", "1", nil)
				read := func() (string, error) {
					out, err := c.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &arn})
					if err != nil {
						return "", err
					}
					return *out.SecretString, nil
				}
				_, err := read()
				awsrules.Want(t, err, 400, "ResourceNotFoundException")
				pass(5 * time.Second)
				fake.PutSecretValue("s", "2")
				for _, want := range []string{"1", "2"} {
					got, err := read()
					awsrules.Equal(t, "error", err, nil)
					awsrules.Equal(t, "value", got, want)
					pass(5 * time.Second)
				}
			}},
		{"L5: the status of a resource is the one before for a while", "aws-cdk-cli PR #1848",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.StatusPropagation = 100 * time.Millisecond
				id := "arn:aws:cloudformation:eu-west-1:" + account + ":stack/name/7d4d1cd0"
				ask := func() (*cloudformation.DescribeStackResourceOutput, error) {
					return c.stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
						StackName: aws.String("name"), LogicalResourceId: aws.String("R")})
				}
				fake.SetResourceStatus(id, "R", "CREATE_COMPLETE")
				fake.SetPhysicalResourceID(id, "R", "one")
				_, err := ask()
				awsrules.Want(t, err, 400, "ValidationError", "Resource R does not exist for stack name")
				pass(time.Minute)
				set := time.Now()
				fake.SetResourceStatus(id, "R", "DELETE_IN_PROGRESS")
				for _, want := range []string{"CREATE_COMPLETE", "DELETE_IN_PROGRESS"} {
					out := awsrules.Must[*cloudformation.DescribeStackResourceOutput](t)(ask()).StackResourceDetail
					awsrules.Equal(t, "status", string(out.ResourceStatus), want)
					awsrules.Equal(t, "time is that of the last", out.LastUpdatedTimestamp.Equal(set), want == "DELETE_IN_PROGRESS")
					awsrules.Equal(t, "physical id", *out.PhysicalResourceId, "one")
					pass(100 * time.Millisecond)
				}
			}},
		{"L5: the status of a stack is the one before for a while", "aws-cdk-cli PR #1848",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.StatusPropagation = 100 * time.Millisecond
				id := "arn:aws:cloudformation:eu-west-1:" + account + ":stack/name/7d4d1cd0"
				fake.SetStackStatus(id, "UPDATE_IN_PROGRESS")
				_, err := stackStatus(t, c, "name")
				awsrules.Want(t, err, 400, "ValidationError", "Stack with id name does not exist")
				pass(time.Minute)
				fake.SetStackStatus(id, "UPDATE_ROLLBACK_IN_PROGRESS")
				fake.SetResourceStatus(id, "R", "UPDATE_IN_PROGRESS")
				for _, want := range []string{"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"} {
					got, err := stackStatus(t, c, "name")
					awsrules.Equal(t, "error", err, nil)
					awsrules.Equal(t, "status", got, want)
					pass(100 * time.Millisecond)
				}
			}},
		{"L5: what changed while nothing lagged is known at once", "aws-cdk-cli PR #1848", func(t *testing.T, fake *awsfake.AWS, c clients) {
			id := "arn:aws:cloudformation:eu-west-1:" + account + ":stack/name/7d4d1cd0"
			fake.StatusPropagation = time.Minute
			fake.SetResourceStatus(id, "R", "CREATE_IN_PROGRESS")
			pass(time.Minute)
			fake.StatusPropagation = 0
			fake.SetResourceStatus(id, "R", "CREATE_COMPLETE")
			fake.StatusPropagation = time.Minute
			fake.SetResourceStatus(id, "R", "DELETE_IN_PROGRESS")
			out, err := c.stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
				StackName: aws.String("name"), LogicalResourceId: aws.String("R")})
			if err != nil {
				t.Fatal(err)
			}
			awsrules.Equal(t, "status", string(out.StackResourceDetail.ResourceStatus), "CREATE_COMPLETE")
		}},
	}
}
