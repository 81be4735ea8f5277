//go:build e2e

package local_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// TestSettingsShowEachChange changes a bucket, a user and a secret, one thing at a time. What is
// the same shows the same.
func TestSettingsShowEachChange(t *testing.T) {
	ctx, name := t.Context(), "settings"
	newBucket(t, corrected.Clients, name)
	key := corrected.key(t, name, "/some/")
	cloudtest.Must(corrected.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("first value")}))(t)
	before := settingsNamed(t, name)
	for _, change := range slices.Concat(changesOfBucket(name), changesOfUser(name, key.AccessKeyID), changesOfSecret(name)) {
		t.Run(change.what, func(t *testing.T) {
			if changes := cloudtest.Changes(before, settingsNamed(t, name)); len(changes) > 0 {
				t.Errorf("without a change: %q", changes)
			}
			if err := change.make(t); err != nil {
				t.Fatal(err)
			}
			after := settingsNamed(t, name)
			if changes := cloudtest.Changes(before, after); !slices.ContainsFunc(changes, func(line string) bool { return strings.Contains(line, change.shows) }) {
				t.Errorf("shows %q, want %q", changes, change.shows)
			}
			before = after
		})
	}
	if all := strings.Join(before, "\n"); strings.Contains(all, "value") {
		t.Errorf("a value of the secret is shown:\n%s", all)
	}
}

// settingsNamed are those of the things of a name.
func settingsNamed(t *testing.T, name string) []string {
	t.Helper()
	things := slices.DeleteFunc(cloudtest.Must(corrected.Things(t.Context()))(t), func(thing local.Thing) bool { return thing.Name != name })
	return cloudtest.Must(corrected.Settings(t.Context(), things))(t)
}

// change is one that hands make, with words of the line that shows it.
type change struct {
	what, shows string
	make        func(t *testing.T) error
}

func changesOfBucket(name string) []change {
	put := func(t *testing.T) error { return corrected.Put(t.Context(), name, "key") }
	return []change{
		{"tags of a bucket", "tag team = data", func(t *testing.T) error {
			_, err := corrected.S3.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: &name,
				Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("team"), Value: aws.String("data")}}}})
			return err
		}},
		{"its policy", `statement {"Action":["s3:GetObject"]`, func(t *testing.T) error {
			read := allow("arn:aws:s3:::"+name+"/*", "s3:GetObject")
			read["Principal"] = map[string]any{"AWS": "arn:aws:iam::" + local.Account + ":root"}
			_, err := corrected.S3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: policy(read)})
			return err
		}},
		{"its lifecycle", "lifecycle rule", func(t *testing.T) error {
			_, err := corrected.S3.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
				LifecycleConfiguration: &s3types.BucketLifecycleConfiguration{Rules: []s3types.LifecycleRule{{
					ID: aws.String("rule"), Status: s3types.ExpirationStatusEnabled, Filter: &s3types.LifecycleRuleFilter{Prefix: aws.String("logs/")},
					Expiration: &s3types.LifecycleExpiration{Days: aws.Int32(30)},
				}}}})
			return err
		}},
		{"its public access block", "public access block", func(t *testing.T) error {
			_, err := corrected.S3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name,
				PublicAccessBlockConfiguration: &s3types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(false)}})
			return err
		}},
		{"an object", "object key version", put},
		{"versioning", "versioning Enabled", func(t *testing.T) error {
			_, err := corrected.S3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &name,
				VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
			return err
		}},
		{"the same object again", "latest false", put},
		{"a delete marker", "delete marker key", func(t *testing.T) error {
			_, err := corrected.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: aws.String("key")})
			return err
		}},
		{"an upload", "upload of big", func(t *testing.T) error {
			_, err := corrected.S3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &name, Key: aws.String("big")})
			return err
		}},
	}
}

func changesOfUser(name, key string) []change {
	return []change{
		{"tags of a user", "tag team = data", func(t *testing.T) error {
			_, err := corrected.IAM.TagUser(t.Context(), &iam.TagUserInput{UserName: &name, Tags: userTag("team", "data")})
			return err
		}},
		{"its boundary", "boundary arn:aws:iam::aws:policy/ReadOnlyAccess", func(t *testing.T) error {
			_, err := corrected.IAM.PutUserPermissionsBoundary(t.Context(), &iam.PutUserPermissionsBoundaryInput{
				UserName: &name, PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")})
			return err
		}},
		{"its key", "key " + key + " Inactive", func(t *testing.T) error {
			_, err := corrected.IAM.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{UserName: &name, AccessKeyId: &key, Status: iamtypes.StatusTypeInactive})
			return err
		}},
		{"its inline policies", "inline policy more", func(t *testing.T) error {
			_, err := corrected.IAM.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
				UserName: &name, PolicyName: aws.String("more"), PolicyDocument: policy(allow("*", "s3:*"))})
			return err
		}},
	}
}

func changesOfSecret(name string) []change {
	return []change{
		{"tags of a secret", "tag team = data", func(t *testing.T) error {
			_, err := corrected.Secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &name,
				Tags: []secrettypes.Tag{{Key: aws.String("team"), Value: aws.String("data")}}})
			return err
		}},
		{"its description", "description changed", func(t *testing.T) error {
			_, err := corrected.Secrets.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: &name, Description: aws.String("changed")})
			return err
		}},
		{"its value", "AWSPREVIOUS", func(t *testing.T) error {
			_, err := corrected.Secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: aws.String("second value")})
			return err
		}},
		{"its deletion", "waits for its deletion", func(t *testing.T) error {
			_, err := corrected.Secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &name, RecoveryWindowInDays: aws.Int64(7)})
			return err
		}},
	}
}
