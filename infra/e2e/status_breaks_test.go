//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/status"
	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

// TestStatus breaks one deployed stack by hand in each way that an operator meets, has it named, and repairs it as the program says.
func TestStatus(t *testing.T) {
	r := newRow(t, "Status")
	t.Parallel()
	w := watched{row: r, outputs: r.deploy("OnDelete: Purge", "RotateAfterDays: 1000"), started: time.Now()}
	if warnings := w.wantHealthy("the creation"); warnings != "" {
		t.Errorf("a new stack has warnings: %s", warnings)
	}
	who := readPolicy(t, "rotate.json", "log-group:BucketUserProvider-*", "log-group:/aws/cloudformation/"+rowsProvider+"/*", // as the embedded AWS calls it
		"BucketUserProvider", rowsProvider, "<stack>", r.name, "<secret>", w.outputs["SecretName"])
	w.rotator = watcher(t, "StatusRotator", who)
	less := watcher(t, "StatusRotatorLess", who.without("lambda:InvokeFunction"))
	if exit, _, notes := operateAs(t, less, "rotate", r.name); exit != 1 || !strings.Contains(notes, "needs secretsmanager:RotateSecret on the secret and lambda:InvokeFunction") {
		t.Errorf("rotate without a right: exit status %d: %s", exit, notes)
	}
	w.switches()
	w.tags()
	w.losses()
	w.updates()
	w.rotations()
	w.another()
	r.want(r.remove(), "DELETE_COMPLETE")
	t.Log("took", time.Since(w.started))
}

// switches are those that are set right without an update.
func (w watched) switches() {
	t, ctx := w.t, w.t.Context()
	user, bucket, secret := w.outputs["UserName"], w.outputs["BucketName"], w.outputs["SecretArn"]
	cloudtest.Must(cloud.IAM.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &user, AccessKeyId: aws.String(w.outputs["AccessKeyId"]), Status: iamtypes.StatusTypeInactive}))(t)
	w.obey(w.wantFault("key", "is inactive"))
	w.wantHealthy("the key was switched on")

	block(t, bucket, false)
	w.obey(w.wantFault("publicAccess", "off are BlockPublicPolicy"))
	w.wantHealthy("public access was blocked")

	good := w.as(w.outputs).Fields
	spoilValue(t, secret, good)
	w.wantFault("key", "the secret holds another secret access key than that of "+w.outputs["AccessKeyId"])
	value := string(cloudtest.Must(json.Marshal(good))(t))
	cloudtest.Must(cloud.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &secret, SecretString: &value}))(t)
	w.wantHealthy("the value was put back")
}

// block has a bucket block all public access, but for policies where they are not meant.
func block(t *testing.T, bucket string, policies bool) {
	t.Helper()
	on := aws.Bool(true)
	cloudtest.Must(cloud.S3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &bucket, PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{
		BlockPublicAcls: on, IgnorePublicAcls: on, BlockPublicPolicy: &policies, RestrictPublicBuckets: on}}))(t)
}

func (w watched) tags() {
	user, bucket, secret := w.outputs["UserName"], w.outputs["BucketName"], w.outputs["SecretArn"]
	putBucketTags(w.t, bucket, map[string]string{"team": "data's"})
	w.obey(w.wantFault("bucketTags", "lacks the tags "+spec.TagLogicalID+"=R, "+spec.TagOwner+"="))
	w.wantHealthy("the tags of the bucket were put back")
	untagUser(w.t, user, spec.TagStackID)
	w.obey(w.wantFault("userTags", "lacks the tags "+spec.TagStackID+"=arn:aws:cloudformation"))
	w.wantHealthy("the tags of the user were put back")
	untagSecret(w.t, secret, spec.TagOwner)
	w.obey(w.wantFault("secretTags", "lacks the tags "+spec.TagOwner))
	untagSecret(w.t, secret, spec.TagFormat) // as a version before 0.1.0 has it
	w.wantHealthy("the tags of the secret were put back")
}

// losses are of the secret, and of the boundary.
func (w watched) losses() {
	t, ctx := w.t, w.t.Context()
	user, secret := w.outputs["UserName"], w.outputs["SecretArn"]
	cloudtest.Must(cloud.Secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &secret, RecoveryWindowInDays: aws.Int64(7)}))(t)
	w.obey(w.wantFault("secret", "recovery window"))
	w.wantHealthy("the secret was restored")

	has := cloudtest.Must(cloud.IAM.GetUser(ctx, &iam.GetUserInput{UserName: &user}))(t).User.PermissionsBoundary.PermissionsBoundaryArn
	cloudtest.Must(cloud.IAM.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: &user}))(t)
	w.wantFault("boundary", "no permissions boundary")
	cloudtest.Must(cloud.IAM.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: &user, PermissionsBoundary: has}))(t)
	w.wantHealthy("the boundary was put back")
}

// updates repair the policy, and leave data behind.
func (w watched) updates() {
	t, bucket := w.t, w.outputs["BucketName"]
	removeStatement(t, bucket, "BucketUserObjects")
	w.wantFault("policy", "statement BucketUserObjects of the bucket policy is gone")
	cloudtest.Must(0, cloud.Put(t.Context(), bucket, "data/table"))(t)
	w.deploy("OnDelete: Purge", "RotateAfterDays: 1000", "Access: ReadOnly", "Prefix: other/", "Trigger: statement")
	if warnings := w.wantHealthy("an update with another Prefix"); !strings.Contains(warnings, "1 object outside of it, such as data/table") {
		t.Errorf("of what was left: %s", warnings)
	}
}

// rotations are by the program, of keys that work and that do not, and broken.
func (w watched) rotations() {
	t, ctx := w.t, w.t.Context()
	secret, user := w.outputs["SecretArn"], w.outputs["UserName"]
	made := cloudtest.Must(cloud.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &user}))(t)
	if warnings := w.wantHealthy("another key was made"); !strings.Contains(warnings, "nothing speaks for key "+*made.AccessKey.AccessKeyId+", which is new") {
		t.Errorf("of another key: %s", warnings)
	}
	w.obey(w.wantLater(time.Hour, "otherKey", "nothing speaks for key"))

	w.rotates()
	w.wantHealthy("a rotation")
	now := describe(t, cloud.Secrets, secret)
	gone := keyID(userOf(t, secret))
	cloudtest.Must(cloud.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &gone}))(t)
	w.wantLater(3*time.Minute, "key", "key "+gone+" in the secret was deleted")
	cloudtest.Must(cloud.Secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &secret, VersionStage: aws.String("AWSCURRENT"),
		MoveToVersionId: aws.String(labelledVersion(now, "AWSPREVIOUS")), RemoveFromVersionId: aws.String(labelledVersion(now, "AWSCURRENT"))}))(t)
	if warnings := w.wantHealthy("AWSCURRENT was moved back"); !strings.Contains(warnings, "AWSCURRENT was moved back by hand") {
		t.Errorf("of a label that was moved: %s", warnings)
	}

	w.format("9")
	if exit, r := w.report(); exit != 2 || !strings.Contains(findings(r, status.Unknown), "format: a later version of the provider keeps the secret, in format 9") {
		t.Errorf("of a later format: exit status %d: %s", exit, findings(r, status.Fault, status.Unknown))
	}
	if exit, out, notes := operate(t, "rotate", w.name); exit != 1 || out != "" || !strings.Contains(notes, "the rotation failed in the step createSecret: ") ||
		!strings.Contains(notes, "kept by a later version") || !strings.Contains(notes, "aws logs tail /aws/cloudformation/"+rowsProvider) {
		t.Errorf("a rotation that fails: exit status %d: %s%s", exit, out, notes)
	}
	w.format("2")
	w.rotates() // or goes on with the one before
	w.wantHealthy("a rotation that had failed")

	token := "stuck-0123456789abcdef0123456789"
	cloudtest.Must(cloud.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &secret, ClientRequestToken: &token,
		SecretString: aws.String("{}"), VersionStages: []string{"AWSPENDING"}}))(t)
	w.wantHealthy("a rotation has begun")
	w.wantLater(61*time.Minute, "rotation", "a rotation is stuck: it began 61 minutes ago")
	cloudtest.Must(cloud.Secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &secret,
		VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &token}))(t)
	w.wantHealthy("the rotation has ended")
	w.wantLater(time.Hour, "rotation", "a rotation is overdue")
}

// format says in which one the secret is kept.
func (w watched) format(number string) {
	w.t.Helper()
	cloudtest.Must(cloud.Secrets.TagResource(w.t.Context(), &secretsmanager.TagResourceInput{SecretId: aws.String(w.outputs["SecretArn"]),
		Tags: []smtypes.Tag{{Key: aws.String(spec.TagFormat), Value: &number}}}))(w.t)
}

func labelledVersion(secret *secretsmanager.DescribeSecretOutput, label string) string {
	for version, labels := range secret.VersionIdsToStages {
		if slices.Contains(labels, label) {
			return version
		}
	}
	return ""
}

// rotates wants the program to make a new key of the one that there is.
func (w watched) rotates() {
	w.t.Helper()
	before := keyID(userOf(w.t, w.outputs["SecretArn"]))
	exit, out, notes := operateAs(w.t, w.rotator, "rotate", w.name)
	after := keyID(userOf(w.t, w.outputs["SecretArn"]))
	if exit != 0 || before == after || !strings.Contains(out, "new key       "+after) || !strings.Contains(out, "previous key  ") {
		w.t.Errorf("rotate: exit status %d, the key is %s by now and was %s: %s%s", exit, after, before, out, notes)
	}
}

// another user is made in the place of the resource's own.
func (w watched) another() {
	t, user := w.t, w.outputs["UserName"]
	deleteKeys(t, user)
	cloudtest.Must(cloud.IAM.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &user}))(t)
	w.wantFault("user", "is gone")
	passSecond()
	theirUser(t, user)
	w.wantFault("userTags", "lacks the tags")
	w.wantFault("boundary", "no permissions boundary")
	w.obey(w.wantFault("user", "was made again"))
	w.wantFault("user", "is gone")

	// A deletion looks long for a part that is missing.
	secret := describe(t, cloud.Secrets, w.outputs["SecretArn"])
	var owner []iamtypes.Tag
	for _, key := range []string{spec.TagOwner, spec.TagStackID, spec.TagLogicalID} {
		owner = append(owner, iamtypes.Tag{Key: &key, Value: aws.String(tagOf(secret, key))})
	}
	cloudtest.Must(cloud.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user, Path: aws.String(spec.DefaultIAMPath), Tags: owner}))(t)
}

// wantLater is wantFault for a report as of a time to come.
func (w watched) wantLater(later time.Duration, check, text string) status.Finding {
	w.t.Helper()
	config := cloudtest.Must(cloud.Config())(w.t)
	found := cloudtest.Must(target.Query{Stack: w.name}.Find(w.t.Context(), config))(w.t)
	r := cloudtest.Must(status.Check(w.t.Context(), config, found, time.Now().Add(later)))(w.t)
	return w.named(r.ExitCode, r, check, text)
}

// removeStatement takes a statement out of a bucket policy.
func removeStatement(t *testing.T, bucket, sid string) {
	t.Helper()
	out := cloudtest.Must(cloud.S3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket}))(t)
	var p policy
	if err := json.Unmarshal([]byte(*out.Policy), &p); err != nil {
		t.Fatal(err)
	}
	p.Statement = slices.DeleteFunc(p.Statement, func(s map[string]any) bool { return s["Sid"] == sid })
	text := string(cloudtest.Must(json.Marshal(p))(t))
	cloudtest.Must(cloud.S3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &text}))(t)
}
