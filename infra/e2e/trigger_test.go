//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/canary"
)

// Row 37: an unchanged template makes no update, so nothing is repaired. A change of Trigger alone makes one. It repairs
// what was changed by hand, also where the deployment is rolled back. The log of the function holds no trigger.
func TestRow37TriggerRepairs(t *testing.T) {
	d := newDeployment(t, "Trigger")
	var triggers canary.Canary
	p := d.named("")
	p.OnDelete = bucketuser.OnDeletePurge
	trigger := func(text string) props {
		triggers.Secret(text)
		p.Trigger = &text
		return p
	}
	created := cloudtest.Must(d.deploy(trigger("Austria+Vienna:1")))(t)
	was := d.policy(created)

	d.changeByHand(created)
	cloudtest.Must(d.deploy(p))(t)
	if d.policy(created) != "" {
		t.Error("an unchanged template has changed something")
	}
	cloudtest.Must(d.deploy(trigger("Denmark+Aarhus:2")))(t)
	d.wantRepaired(created, was)

	d.changeByHand(created)
	_, err := d.deployBeside(trigger("Belgium+Bruges:3"), true)
	refused(t, err, "Failing")
	d.wantRepaired(created, was)

	if err := triggers.Scan("the log", strings.Join(d.logs(), "\n")); err != nil {
		t.Error(err)
	}
	d.wantNoLeak(created)
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}

// changeByHand deletes the policy of the bucket and its public access block, and makes the key in the secret inactive.
// It does not delete the key: IAM may not show a key that is younger than two minutes, so an update waits for that.
func (d *deployment) changeByHand(outputs map[string]string) {
	t, ctx, bucket := d.t, d.t.Context(), aws.String(outputs["BucketName"])
	t.Helper()
	key := d.as(outputs).Fields["AWS_ACCESS_KEY_ID"]
	cloudtest.Must(cloud.S3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: bucket}))(t)
	cloudtest.Must(cloud.S3.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: bucket}))(t)
	cloudtest.Must(cloud.IAM.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
		UserName: aws.String(outputs["UserName"]), AccessKeyId: &key, Status: iamtypes.StatusTypeInactive}))(t)
}

// wantRepaired fails the test unless the bucket has the policy and its public access block, and the secret a key that
// may write.
func (d *deployment) wantRepaired(outputs map[string]string, policy string) {
	t, ctx, bucket := d.t, d.t.Context(), outputs["BucketName"]
	t.Helper()
	if diff := cmp.Diff(policy, d.policy(outputs)); diff != "" {
		t.Errorf("policy (-before +after):\n%s", diff)
	}
	block, err := cloud.S3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket})
	if err != nil || !blocksAll(block.PublicAccessBlockConfiguration) {
		t.Errorf("public access block: %+v, %v", block, err)
	}
	if err := d.as(outputs).Put(ctx, bucket, "data/table"); err != nil {
		t.Errorf("the key in the secret: %v", err)
	}
}

func blocksAll(c *s3types.PublicAccessBlockConfiguration) bool {
	return aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.BlockPublicPolicy) && aws.ToBool(c.RestrictPublicBuckets)
}

// policy is that of the bucket, or empty if it has none.
func (d *deployment) policy(outputs map[string]string) string {
	d.t.Helper()
	out, err := cloud.S3.GetBucketPolicy(d.t.Context(), &s3.GetBucketPolicyInput{Bucket: aws.String(outputs["BucketName"])})
	if cloudtest.Code(err) == "NoSuchBucketPolicy" {
		return ""
	}
	return *cloudtest.Must(out, err)(d.t).Policy
}
