//go:build e2e

package examples

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
)

func TestCloudFormation(t *testing.T) {
	t.Parallel()
	lint(t, "cloudformation", "template.yaml")
	const name = "StorageYaml"
	template := read(t, "cloudformation", "template.yaml")
	first := deploy(t, name, template)
	use(t, first["DiskSecret"], "clickhouse/")
	use(t, first["BackupsSecret"], "data/")
	if first["DiskSecret"] == first["BackupsSecret"] {
		t.Error("both have the same secret")
	}
	wantResourceOfTwo(t, name, "Backups", first["BackupsSecret"], "Disk")

	second := deploy(t, name, edit(t, template, "Prefix: clickhouse/", "Prefix: moved/"))
	use(t, second["DiskSecret"], "moved/")
	use(t, second["BackupsSecret"], "data/")
	if second["DiskSecret"] != first["DiskSecret"] {
		t.Error("the update has replaced the disk's secret")
	}

	// The bucket of the backups outlives the stack if it holds any.
	backups := user(t, second["BackupsSecret"])
	bucket, key := backups.Bucket(), backups.Fields["S3_BACKUP_PREFIX"]+"nightly"
	if err := backups.Put(t.Context(), bucket, key); err != nil {
		t.Fatal(err)
	}
	destroy(t, name)
	for _, key := range []string{key, "data/"} {
		if _, err := cloud.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cloud.S3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
}

func TestCloudFormationByParameter(t *testing.T) {
	t.Parallel()
	lint(t, "cloudformation", "ssm.yaml")
	const name = "StorageParameter"
	template := read(t, "cloudformation", "ssm.yaml")
	use(t, deploy(t, name, template)["DiskSecret"], "clickhouse/")
	use(t, deploy(t, name, edit(t, template, "Prefix: clickhouse/", "Prefix: moved/"))["DiskSecret"], "moved/")
	destroy(t, name)
}

// TestDynamicReference has a new key made, which must arrive in the configuration
// file by the same update, and does so for the version in the reference alone.
func TestDynamicReference(t *testing.T) {
	lint(t, "dynamic-reference", "template.yaml")
	template := read(t, "dynamic-reference", "template.yaml")
	without := strings.ReplaceAll(template, "::${Disk.SecretVersionId}}}", "}}")
	if without == template {
		t.Fatal("the references name no version")
	}
	for name, test := range map[string]struct {
		template string
		arrives  bool
	}{
		"StorageReference": {template, true},
		"StorageStale":     {without, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outputs := deploy(t, name, test.template)
			use(t, outputs["Secret"], "clickhouse/")
			before := user(t, outputs["Secret"])
			wantConfiguration(t, outputs, before.Fields)

			// An update replaces a key that somebody has made inactive. It changes nothing
			// that the configuration names.
			deactivate(t, before.Fields)
			cloudtest.WantCode(t, before.Put(t.Context(), before.Bucket(), "clickhouse/table"), "InvalidAccessKeyId")
			deploy(t, name, edit(t, test.template, "Prefix: clickhouse/", "Prefix: clickhouse/\n      AbortIncompleteUploadsAfterDays: 3"))
			after := user(t, outputs["Secret"])
			if after.Fields["AWS_ACCESS_KEY_ID"] == before.Fields["AWS_ACCESS_KEY_ID"] {
				t.Fatal("the update has made no new key")
			}
			use(t, outputs["Secret"], "clickhouse/")
			if test.arrives {
				wantConfiguration(t, outputs, after.Fields)
			} else {
				wantConfiguration(t, outputs, before.Fields)
			}
			destroy(t, name)
		})
	}
}

// deactivate makes the key of a secret inactive.
func deactivate(t *testing.T, fields map[string]string) {
	t.Helper()
	_, name, _ := strings.Cut(fields["S3_USER_ARN"], ":user/bucketuser/")
	_, err := cloud.IAM.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{
		UserName: &name, AccessKeyId: aws.String(fields["AWS_ACCESS_KEY_ID"]), Status: types.StatusTypeInactive})
	if err != nil {
		t.Fatal(err)
	}
}

// wantConfiguration compares the configuration file with credentials.
func wantConfiguration(t *testing.T, outputs, fields map[string]string) {
	t.Helper()
	value := cloudtest.Must(cloud.Secrets.GetSecretValue(t.Context(),
		&secretsmanager.GetSecretValueInput{SecretId: aws.String(outputs["Configuration"])}))(t)
	type disk struct {
		URL    string `xml:"url"`
		ID     string `xml:"access_key_id"`
		Secret string `xml:"secret_access_key"`
	}
	var file struct {
		Disk disk `xml:"named_collections>disk"`
	}
	if err := xml.Unmarshal([]byte(*value.SecretString), &file); err != nil {
		t.Fatal(err)
	}
	if want := (disk{fields["S3_URL"], fields["AWS_ACCESS_KEY_ID"], fields["AWS_SECRET_ACCESS_KEY"]}); file.Disk != want {
		t.Errorf("the configuration names the key %s, and should name %s; same secret key: %t, same URL: %t",
			file.Disk.ID, want.ID, file.Disk.Secret == want.Secret, file.Disk.URL == want.URL)
	}
}
