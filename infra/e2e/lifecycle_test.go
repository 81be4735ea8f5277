//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/cloudtest"
)

// TestUpdateOfEveryPropertyInPlace changes all of them, twice, and looks at each.
func TestUpdateOfEveryPropertyInPlace(t *testing.T) {
	d := newDeployment(t, "InPlace")
	ctx := t.Context()
	first := d.named("")
	created := cloudtest.Must(d.deploy(first))(t)
	user := d.as(created)
	if err := user.Put(ctx, created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	wantDenied(t, user.Put(ctx, created["BucketName"], "elsewhere/table"))

	second := first
	second.Prefix = aws.String("logs")
	second.FolderMarker = aws.Bool(false)
	second.Access = bucketuser.AccessReadOnly
	second.Statements = []bucketuser.Statement{{Effect: "Allow", Action: []string{"s3:PutObject"}, Resource: []string{"/extra/*"}}}
	second.EnforceTls = aws.Bool(false)
	second.OnDelete = bucketuser.OnDeletePurge
	second.Versioning = aws.Bool(true)
	second.AbortIncompleteUploadsAfterDays = aws.Float64(3)
	second.ExpireNoncurrentAfterDays = aws.Float64(30)
	second.SecretRecoveryDays = aws.Float64(7)
	second.Tags = map[string]string{"team": "data"}
	second.Trigger = aws.String("again")
	second.VerifyCredentials = aws.Bool(false)
	updated := cloudtest.Must(d.deploy(second))(t)

	want := map[string]string{}
	for name, value := range created {
		want[name] = strings.Replace(value, "data/", "logs/", 1)
	}
	want["SecretVersionId"] = updated["SecretVersionId"]
	if diff := cmp.Diff(want, updated); diff != "" || updated["SecretVersionId"] == created["SecretVersionId"] {
		t.Errorf("return values: %s", diff)
	}
	// The same key goes on: reads under the new prefix, writes only where Statements allow it.
	wantDenied(t, user.Put(ctx, updated["BucketName"], "logs/table"))
	if err := user.Put(ctx, updated["BucketName"], "extra/table"); err != nil {
		t.Error(err)
	}
	wantUpdatedBucket(t, aws.String(updated["BucketName"]))

	// A lone rename is refused, CloudFormation goes back, and nothing has changed.
	before := d.left()
	renamed := second
	renamed.BucketName = aws.String("inplace-bucket-2")
	_, err := d.deploy(renamed)
	refused(t, err, "InPlace-user: must change too, since a change of any name replaces user, bucket and secret together")
	if diff := cmp.Diff(before, d.left()); diff != "" {
		t.Errorf("the refused rename changed the account\n%s", diff)
	}
	if err := user.Put(ctx, updated["BucketName"], "extra/again"); err != nil {
		t.Error(err)
	}

	d.wantNoLeak(updated)

	// OnDelete is Purge by now and the secret has a recovery window.
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	secret := cloudtest.Must(cloud.Secrets.DescribeSecret(ctx,
		&secretsmanager.DescribeSecretInput{SecretId: aws.String(created["SecretArn"])}))(t)
	if secret.DeletedDate == nil {
		t.Error("the secret does not wait for its deletion")
	}
	if diff := cmp.Diff([]string{"secret InPlace/secret"}, d.left()); diff != "" {
		t.Errorf("left\n%s", diff)
	}
}

// wantUpdatedBucket looks in the account at what the update has changed of the bucket.
func wantUpdatedBucket(t *testing.T, bucket *string) {
	t.Helper()
	ctx := t.Context()
	if policy := cloudtest.Must(cloud.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket}))(t); strings.Contains(*policy.Policy, "SecureTransport") {
		t.Errorf("TLS is still enforced: %s", *policy.Policy)
	}
	if v := cloudtest.Must(cloud.S3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket}))(t); v.Status != "Enabled" {
		t.Errorf("versioning: %s", v.Status)
	}
	rules := cloudtest.Must(cloud.S3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket}))(t).Rules
	if len(rules) != 3 || *rules[0].AbortIncompleteMultipartUpload.DaysAfterInitiation != 3 || *rules[1].NoncurrentVersionExpiration.NoncurrentDays != 30 ||
		!*rules[2].Expiration.ExpiredObjectDeleteMarker {
		t.Errorf("lifecycle: %+v", rules)
	}
	tags := map[string]string{}
	for _, tag := range cloudtest.Must(cloud.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket}))(t).TagSet {
		tags[*tag.Key] = *tag.Value
	}
	if tags["team"] != "data" || tags["bucketuser:logical-id"] == "" {
		t.Errorf("tags of the bucket: %v", tags)
	}
	if _, err := cloud.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("data/")}); err == nil {
		t.Error("the old folder marker is still there")
	}
}

// A stack's own provider has a right to a name as long as a resource has it: once a replacement is
// done, or taken back, the function can no longer look at the set that went. OnDelete counts
// nevertheless for the one that is in force.
func TestReplacementRemovesTheOldSet(t *testing.T) {
	d := newDeployment(t, "ReplaceSet")
	p := d.named("")
	p.OnDelete = bucketuser.OnDeletePurge
	p.Versioning = aws.Bool(true)
	cloudtest.Must(d.deploy(p))(t)
	q := d.renamed(p, "-2")
	replaced := cloudtest.Must(d.deploy(q))(t)
	d.wantNoLeak(replaced)
	for _, item := range d.left() {
		if strings.HasSuffix(item, "-bucket") || strings.HasSuffix(item, "-user") || strings.HasSuffix(item, "/secret") {
			t.Errorf("left of the old set: %s", item)
		}
	}
	_, err := d.deployBeside(d.renamed(q, "-3"), true)
	refused(t, err, "Failing")
	if err := d.as(replaced).Put(t.Context(), replaced["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}

func TestRetainedBucketIsAdoptedByAnotherResource(t *testing.T) {
	d := newDeployment(t, "Retained")
	ctx := t.Context()
	p := d.named("")
	p.OnDelete = bucketuser.OnDeleteRetain
	created := cloudtest.Must(d.deploy(p))(t)
	if err := d.as(created).Put(ctx, created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	q := d.named("-2")
	q.OnDelete = p.OnDelete
	cloudtest.Must(d.deploy(q))(t) // the replacement lets go of the old bucket
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bucket retained-bucket"}, d.left()); diff != "" {
		t.Fatalf("left\n%s", diff)
	}

	adopted := cloudtest.Must(d.deploy(p))(t)
	user := d.as(adopted)
	if _, err := user.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: p.BucketName, Key: aws.String("data/table")}); err != nil {
		t.Errorf("the data of the adopted bucket: %v", err)
	}
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bucket retained-bucket"}, d.left()); diff != "" {
		t.Errorf("left\n%s", diff)
	}
}

func TestFilledBucketIsNotDeletedUnasked(t *testing.T) {
	d := newDeployment(t, "Filled")
	ctx := t.Context()
	created := cloudtest.Must(d.deploy(d.named("")))(t)
	user := d.as(created)
	if err := user.Put(ctx, created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}

	_, err := d.deploy(d.named("-2"))
	refused(t, err, "replacement: bucket filled-bucket: is not empty: it holds 1 object", "a replacement never deletes data")
	refused(t, d.destroy(), "bucket filled-bucket: is not empty: it holds 1 object", "--retain-resources R")
	if err := user.Put(ctx, created["BucketName"], "data/table-2"); err != nil {
		t.Errorf("after the refused deletion the key is of no use: %v", err)
	}

	for _, key := range []string{"data/table", "data/table-2"} {
		if _, err := user.S3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(created["BucketName"]), Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}

// TestRollbacks lets a sibling fail beside a Create, an Update in place and a
// replacement.
func TestRollbacks(t *testing.T) {
	d := newDeployment(t, "Rollback")
	ctx := t.Context()
	p := d.named("")
	_, err := d.deployBeside(p, true)
	refused(t, err, "Failing")
	if err := d.destroy(); err != nil { // the shell of a stack whose creation was rolled back
		t.Fatal(err)
	}
	d.wantNothing()

	created := cloudtest.Must(d.deploy(p))(t)
	user := d.as(created)
	if err := user.Put(ctx, created["BucketName"], "data/table"); err != nil {
		t.Fatal(err)
	}
	before := d.left()

	changed := p
	changed.Access, changed.Prefix = bucketuser.AccessReadOnly, aws.String("logs/")
	_, err = d.deployBeside(changed, true)
	refused(t, err, "Failing")
	if err := user.Put(ctx, created["BucketName"], "data/after-update"); err != nil {
		t.Errorf("after the rollback of an Update: %v", err)
	}

	// A filled bucket that is deleted only if empty must not be replaced, so the
	// replacement that is rolled back retains.
	p.OnDelete = bucketuser.OnDeleteRetain
	cloudtest.Must(d.deploy(p))(t)
	replacement := d.named("-2")
	replacement.OnDelete = p.OnDelete
	_, err = d.deployBeside(replacement, true)
	refused(t, err, "Failing")
	if err := user.Put(ctx, created["BucketName"], "data/after-replacement"); err != nil {
		t.Errorf("after the rollback of a replacement: %v", err)
	}
	if diff := cmp.Diff(before, d.left()); diff != "" {
		t.Errorf("after the rollbacks\n%s", diff)
	}

	p.OnDelete = bucketuser.OnDeletePurge
	d.wantNoLeak(cloudtest.Must(d.deploy(p))(t))
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}

func TestBucketOfAnotherAccount(t *testing.T) {
	d := newDeployment(t, "Foreign")
	p := d.named("")
	if err := cloud.Other.CreateBucket(t.Context(), *p.BucketName); err != nil {
		t.Fatal(err)
	}
	_, err := d.deploy(p)
	refused(t, err, "bucket foreign-bucket: owned by another account, or in another region; choose another BucketName")
	if err := d.destroy(); err != nil {
		t.Fatal(err)
	}
	d.wantNothing()
}
