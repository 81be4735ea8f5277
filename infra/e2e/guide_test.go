//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
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
	"bucketuser/infra/internal/cloudtest"
)

// TestGuide goes through the 23 steps of the ClickHouse guide "How to create an AWS
// IAM user and S3 bucket" and looks, for each, at what stands in the account
// instead. infra/README.md has a row for each.
func TestGuide(t *testing.T) {
	d := newDeployment(t, "Guide")
	p := d.named("")
	p.Access, p.EnforceTls = bucketuser.AccessFull, aws.Bool(false) // the guide's own policy
	out := cloudtest.Must(d.deploy(p))(t)
	g := guide{deployment: d, props: p, out: out, asUser: d.as(out)}
	steps := append(g.userSteps(), g.bucketSteps()...)
	if len(steps) != 23 {
		t.Errorf("%d steps, the guide has 23", len(steps))
	}
	readme := string(cloudtest.Must(os.ReadFile(filepath.Join(root, "infra", "README.md")))(t))
	for _, step := range steps {
		t.Run(step.name, step.check)
		if row := "`" + strings.ReplaceAll(step.name, " ", "_") + "`"; !strings.Contains(readme, row) {
			t.Errorf("infra/README.md has no row with %s", row)
		}
	}
	d.wantNoLeak(out)
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}

// A guide is a deployment that stands where the guide would have led.
type guide struct {
	*deployment
	props  props
	out    map[string]string
	asUser *cloudtest.User
}

// A step is one of the guide's, with what has to stand in its place.
type step struct {
	name  string
	check func(t *testing.T)
}

// userSteps are the steps of the guide's first part, on the user.
func (g guide) userSteps() []step {
	ctx, stack, out := g.t.Context(), g.name, g.out
	userName, fields := g.props.UserName, g.asUser.Fields
	return []step{
		{"user 01 log in", func(t *testing.T) { // cdk deploy did, with the caller's credentials
			s := cloudtest.Must(cloud.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack}))(t)
			want(t, s.Stacks[0].StackStatus, "CREATE_COMPLETE")
		}},
		{"user 02 create user", func(t *testing.T) {
			cloudtest.Must(cloud.IAM.GetUser(ctx, &iam.GetUserInput{UserName: userName}))(t)
		}},
		{"user 03 enter a user name", func(t *testing.T) { want(t, out["UserName"], "Guide-user") }},
		{"user 04 next, without console access", func(t *testing.T) {
			if _, err := cloud.IAM.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: userName}); err == nil {
				t.Error("the user can log in")
			}
		}},
		{"user 05 next, without permissions", func(t *testing.T) {
			want(t, len(cloudtest.Must(cloud.IAM.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: userName}))(t).AttachedPolicies), 0)
			want(t, len(cloudtest.Must(cloud.IAM.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: userName}))(t).PolicyNames), 0)
			want(t, len(cloudtest.Must(cloud.IAM.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: userName}))(t).Groups), 0)
		}},
		{"user 06 create user", func(t *testing.T) {
			u := cloudtest.Must(cloud.IAM.GetUser(ctx, &iam.GetUserInput{UserName: userName}))(t).User
			want(t, aws.ToString(u.Path), "/bucketuser/")
			want(t, aws.ToString(u.Arn), out["UserArn"])
			if u.PermissionsBoundary == nil {
				t.Error("the user has no permissions boundary")
			}
		}},
		{"user 07 create access key", func(t *testing.T) {
			keys := cloudtest.Must(cloud.IAM.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: userName}))(t).AccessKeyMetadata
			want(t, len(keys), 1)
			want(t, keys[0].Status, "Active")
		}},
		{"user 08 application running outside AWS", func(t *testing.T) { // a static key, without a session
			cloudtest.Must(g.asUser.S3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: g.props.BucketName}))(t)
		}},
		{"user 09 create access key", func(t *testing.T) { want(t, fields["AWS_ACCESS_KEY_ID"], out["AccessKeyId"]) }},
		{"user 10 download the csv", func(t *testing.T) {
			want(t, credentialsFile(t, stack), "Access key ID,Secret access key\n"+fields["AWS_ACCESS_KEY_ID"]+","+fields["AWS_SECRET_ACCESS_KEY"]+"\n")
		}},
	}
}

// bucketSteps are the steps of its second part, on the bucket.
func (g guide) bucketSteps() []step {
	ctx, bucket, out, asUser := g.t.Context(), g.props.BucketName, g.out, g.asUser
	return []step{
		{"bucket 01 create bucket", func(t *testing.T) {
			cloudtest.Must(cloud.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucket}))(t)
		}},
		{"bucket 02 enter a name and leave the defaults", func(t *testing.T) {
			want(t, out["BucketName"], "guide-bucket")
			want(t, cloudtest.Must(cloud.S3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket}))(t).Status, "")
		}},
		{"bucket 03 block all public access", func(t *testing.T) {
			b := cloudtest.Must(cloud.S3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket}))(t).PublicAccessBlockConfiguration
			want(t, *b.BlockPublicAcls && *b.BlockPublicPolicy && *b.IgnorePublicAcls && *b.RestrictPublicBuckets, true)
		}},
		{"bucket 04 create bucket", func(t *testing.T) {
			tags := cloudtest.Must(cloud.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket}))(t).TagSet
			want(t, len(tags), 4) // whose it is, and since when
		}},
		{"bucket 05 copy the ARN", func(t *testing.T) { want(t, out["BucketArn"], "arn:aws:s3:::guide-bucket") }},
		{"bucket 06 find the bucket in the list", func(t *testing.T) {
			list := cloudtest.Must(cloud.S3.ListBuckets(ctx, &s3.ListBucketsInput{}))(t).Buckets
			names := []string{}
			for _, b := range list {
				names = append(names, *b.Name)
			}
			want(t, slices.Contains(names, "guide-bucket"), true)
		}},
		{"bucket 07 create folder", func(t *testing.T) {
			want(t, *cloudtest.Must(asUser.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String(out["Prefix"])}))(t).ContentLength, int64(0))
		}},
		{"bucket 08 enter a folder name", func(t *testing.T) { want(t, out["Prefix"], "data/") }},
		{"bucket 09 see the folder in the list", func(t *testing.T) {
			list := cloudtest.Must(asUser.S3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Delimiter: aws.String("/")}))(t)
			want(t, *list.CommonPrefixes[0].Prefix, "data/")
		}},
		{"bucket 10 copy the URL", func(t *testing.T) {
			want(t, out["Url"], "https://guide-bucket.s3.eu-west-1.amazonaws.com/data/")
			want(t, out["BackupUrl"], "https://guide-bucket.s3.eu-west-1.amazonaws.com/data/backups/")
		}},
		{"bucket 11 edit the bucket policy", func(t *testing.T) {
			cloudtest.Must(cloud.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket}))(t)
		}},
		{"bucket 12 add a bucket policy", func(t *testing.T) {
			var got any
			policy := cloudtest.Must(cloud.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket}))(t).Policy
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
			if err := asUser.Put(ctx, *bucket, "data/table"); err != nil {
				t.Error(err)
			}
			if _, err := asUser.S3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("data/table")}); err != nil {
				t.Error(err)
			}
		}},
	}
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
	return cloudtest.Run(t, root, cloud.Env(), "go", "run", "./infra/cmd/bucketuser", "credentials", "--format", "csv", stack)
}
