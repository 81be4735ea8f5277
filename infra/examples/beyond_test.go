//go:build e2e

package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/infra/internal/cloudtest"
)

const retainedStack = `Resources:
  Data:
    Type: Custom::BucketUser
    Properties:
      ServiceToken: '{{resolve:ssm:/bucketuser/BucketUserProvider/ServiceToken}}'
      OnDelete: Retain
      Versioning: true
Outputs:
  Secret: {Value: !GetAtt Data.SecretArn}
`

// TestRow39BeyondAnHourOfReadme puts the lifecycle document of infra/README.md on a bucket that a stack has released, looks at what is
// left, and deletes the bucket, by the commands that the page prints. The embedded AWS lets nothing expire: the test deletes
// it in the place of S3.
func TestRow39BeyondAnHourOfReadme(t *testing.T) {
	t.Parallel()
	const name = "StorageBeyond"
	p, dir := newPublic(t), t.TempDir()
	u := user(t, deploy(t, name, retainedStack)["Secret"])
	bucket := u.Bucket()
	for range 2 {
		if err := u.Put(t.Context(), bucket, "data/table"); err != nil {
			t.Fatal(err)
		}
	}
	destroy(t, name)
	wantCode := func(command, code string) {
		t.Helper()
		if got := p.shell(t, dir, command+" 2>&1 || true"); !strings.Contains(got, "("+code+")") {
			t.Errorf("%s: %s, want %s", command, got, code)
		}
	}
	command := func(start string) string { return printed(t, inFull, "aws s3api "+start, "<bucket>", bucket) }

	document := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(read(t, inFull))[1]
	if err := os.WriteFile(filepath.Join(dir, "expire.json"), []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	p.shell(t, dir, command("put-bucket-lifecycle-configuration"))
	wantRules(t, bucket, document)
	wantCode(command("delete-bucket "), "BucketNotEmpty")
	if left := p.shell(t, dir, command("list-object-versions")); left != "data/\n" {
		t.Errorf("left: %q", left)
	}
	removeVersions(t, bucket)
	if left := p.shell(t, dir, command("list-object-versions")); strings.TrimSpace(left) != "" {
		t.Errorf("left of nothing: %q", left)
	}
	p.shell(t, dir, command("delete-bucket-lifecycle"))
	wantCode("aws s3api get-bucket-lifecycle-configuration --bucket "+bucket, "NoSuchLifecycleConfiguration")
	p.shell(t, dir, command("delete-bucket "))
	wantCode("aws s3api head-bucket --bucket "+bucket, "404")
}

// wantRules compares the rules of a bucket with those of a document, of which the embedded AWS takes no two in one.
func wantRules(t *testing.T, bucket, document string) {
	t.Helper()
	var want types.BucketLifecycleConfiguration
	if err := json.Unmarshal([]byte(document), &want); err != nil {
		t.Fatal(err)
	}
	got := cloudtest.Must(cloud.S3.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket}))(t)
	if difference := cmp.Diff(want.Rules, got.Rules, cmpopts.IgnoreUnexported(types.LifecycleRule{}, types.LifecycleRuleFilter{}, types.LifecycleExpiration{},
		types.NoncurrentVersionExpiration{}, types.AbortIncompleteMultipartUpload{})); difference != "" {
		t.Error(difference)
	}
	want.Rules[0].Expiration.ExpiredObjectDeleteMarker = aws.Bool(true)
	_, err := cloud.S3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: want.Rules[:1]}})
	cloudtest.WantCode(t, err, "MalformedXML")
}

// removeVersions deletes all that is in a bucket.
func removeVersions(t *testing.T, bucket string) {
	t.Helper()
	found := cloudtest.Must(cloud.S3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket}))(t)
	if len(found.Versions) != 3 { // and the folder marker
		t.Errorf("%d versions in a released bucket", len(found.Versions))
	}
	for _, version := range found.Versions {
		cloudtest.Must(cloud.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: version.Key, VersionId: version.VersionId}))(t)
	}
}
