//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/stack"
)

// TestGuide goes through the 23 steps of the ClickHouse guide "How to create an AWS
// IAM user and S3 bucket" and looks, for each, at what stands in the account
// instead. The README has a row for each.
func TestGuide(t *testing.T) {
	d := newDeployment(t, "Guide")
	ctx := t.Context()
	p := d.named("")
	p.Access, p.EnforceTls = bucketuser.AccessFull, aws.Bool(false) // the guide's own policy
	out := must[map[string]string](t)(d.deploy(p))
	fields := must[map[string]string](t)(stack.Secret(ctx, config, out["SecretArn"]))
	userName, bucket := p.UserName, p.BucketName
	users, buckets, asUser := iam.NewFromConfig(config), s3.NewFromConfig(config), d.as(out)

	steps := []struct {
		name  string
		check func(t *testing.T)
	}{
		{"user 01 log in", func(t *testing.T) { // cdk deploy did, with the caller's credentials
			s := must[*cloudformation.DescribeStacksOutput](t)(cloudformation.NewFromConfig(config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &d.name}))
			want(t, s.Stacks[0].StackStatus, "CREATE_COMPLETE")
		}},
		{"user 02 create user", func(t *testing.T) {
			must[*iam.GetUserOutput](t)(users.GetUser(ctx, &iam.GetUserInput{UserName: userName}))
		}},
		{"user 03 enter a user name", func(t *testing.T) { want(t, out["UserName"], "Guide-user") }},
		{"user 04 next, without console access", func(t *testing.T) {
			if _, err := users.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: userName}); err == nil {
				t.Error("the user can log in")
			}
		}},
		{"user 05 next, without permissions", func(t *testing.T) {
			want(t, len(must[*iam.ListAttachedUserPoliciesOutput](t)(users.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: userName})).AttachedPolicies), 0)
			want(t, len(must[*iam.ListUserPoliciesOutput](t)(users.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: userName})).PolicyNames), 0)
			want(t, len(must[*iam.ListGroupsForUserOutput](t)(users.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: userName})).Groups), 0)
		}},
		{"user 06 create user", func(t *testing.T) {
			u := must[*iam.GetUserOutput](t)(users.GetUser(ctx, &iam.GetUserInput{UserName: userName})).User
			want(t, aws.ToString(u.Path), "/bucketuser/")
			want(t, aws.ToString(u.Arn), out["UserArn"])
			if u.PermissionsBoundary == nil {
				t.Error("the user has no permissions boundary")
			}
		}},
		{"user 07 create access key", func(t *testing.T) {
			keys := must[*iam.ListAccessKeysOutput](t)(users.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: userName})).AccessKeyMetadata
			want(t, len(keys), 1)
			want(t, keys[0].Status, "Active")
		}},
		{"user 08 application running outside AWS", func(t *testing.T) { // a static key, without a session
			must[*s3.ListObjectsV2Output](t)(asUser.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket}))
		}},
		{"user 09 create access key", func(t *testing.T) { want(t, fields["AWS_ACCESS_KEY_ID"], out["AccessKeyId"]) }},
		{"user 10 download the csv", func(t *testing.T) {
			want(t, credentialsFile(t, d.name), "Access key ID,Secret access key\n"+fields["AWS_ACCESS_KEY_ID"]+","+fields["AWS_SECRET_ACCESS_KEY"]+"\n")
		}},
		{"bucket 01 create bucket", func(t *testing.T) {
			must[*s3.HeadBucketOutput](t)(buckets.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket}))
		}},
		{"bucket 02 enter a name and leave the defaults", func(t *testing.T) {
			want(t, out["BucketName"], "guide-bucket")
			want(t, must[*s3.GetBucketVersioningOutput](t)(buckets.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket})).Status, "")
		}},
		{"bucket 03 block all public access", func(t *testing.T) {
			b := must[*s3.GetPublicAccessBlockOutput](t)(buckets.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket})).PublicAccessBlockConfiguration
			want(t, *b.BlockPublicAcls && *b.BlockPublicPolicy && *b.IgnorePublicAcls && *b.RestrictPublicBuckets, true)
		}},
		{"bucket 04 create bucket", func(t *testing.T) {
			tags := must[*s3.GetBucketTaggingOutput](t)(buckets.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket})).TagSet
			want(t, len(tags), 3)
		}},
		{"bucket 05 copy the ARN", func(t *testing.T) { want(t, out["BucketArn"], "arn:aws:s3:::guide-bucket") }},
		{"bucket 06 find the bucket in the list", func(t *testing.T) {
			list := must[*s3.ListBucketsOutput](t)(buckets.ListBuckets(ctx, &s3.ListBucketsInput{})).Buckets
			names := []string{}
			for _, b := range list {
				names = append(names, *b.Name)
			}
			want(t, slices.Contains(names, "guide-bucket"), true)
		}},
		{"bucket 07 create folder", func(t *testing.T) {
			want(t, *must[*s3.HeadObjectOutput](t)(asUser.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String(out["Prefix"])})).ContentLength, int64(0))
		}},
		{"bucket 08 enter a folder name", func(t *testing.T) { want(t, out["Prefix"], "data/") }},
		{"bucket 09 see the folder in the list", func(t *testing.T) {
			list := must[*s3.ListObjectsV2Output](t)(asUser.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Delimiter: aws.String("/")}))
			want(t, *list.CommonPrefixes[0].Prefix, "data/")
		}},
		{"bucket 10 copy the URL", func(t *testing.T) {
			want(t, out["Url"], "https://guide-bucket.s3.eu-west-1.amazonaws.com/data/")
			want(t, out["BackupUrl"], "https://guide-bucket.s3.eu-west-1.amazonaws.com/data/backups/")
		}},
		{"bucket 11 edit the bucket policy", func(t *testing.T) {
			must[*s3.GetBucketPolicyOutput](t)(buckets.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket}))
		}},
		{"bucket 12 add a bucket policy", func(t *testing.T) {
			var got any
			policy := must[*s3.GetBucketPolicyOutput](t)(buckets.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})).Policy
			if err := json.Unmarshal([]byte(*policy), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]any{"Version": "2012-10-17", "Id": "BucketUser", "Statement": []any{map[string]any{
				"Sid": "BucketUserFull", "Effect": "Allow", "Principal": map[string]any{"AWS": out["UserArn"]}, "Action": "s3:*",
				"Resource": []any{out["BucketArn"], out["BucketArn"] + "/*"}}}}, got); diff != "" {
				t.Error(diff)
			}
		}},
		{"bucket 13 save the policy", func(t *testing.T) { // and it is in force
			if err := put(ctx, asUser, *bucket, "data/table"); err != nil {
				t.Error(err)
			}
			if _, err := asUser.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("data/table")}); err != nil {
				t.Error(err)
			}
		}},
	}
	if len(steps) != 23 {
		t.Errorf("%d steps, the guide has 23", len(steps))
	}
	readme := string(must[[]byte](t)(os.ReadFile(filepath.Join(root, "README.md"))))
	for _, step := range steps {
		t.Run(step.name, step.check)
		if row := "`" + strings.ReplaceAll(step.name, " ", "_") + "`"; !strings.Contains(readme, row) {
			t.Errorf("the README has no row with %s", row)
		}
	}
	d.wantNoLeak(out)
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}

func want[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// credentialsFile returns what make credentials FORMAT=csv prints for a stack.
func credentialsFile(t *testing.T, stack string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./infra/credentials", "-format", "csv", "-stack", stack, "-dir", t.TempDir())
	cmd.Dir, cmd.Env = root, cloud.Env()
	return string(must[[]byte](t)(cmd.Output()))
}
