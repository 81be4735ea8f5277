package awsfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// nameRules are about names that exist and are not found (L7), and about keys that are listed as they are.
func nameRules() []fakeRule {
	const bucket = "my-bucket"
	return []fakeRule{
		{"L7: a name may exist and not be found", "IAM API Reference, CreateUser; Secrets Manager API Reference, DeleteSecret: asynchronous",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for _, service := range []string{"iam", "s3", "secretsmanager", "cloudformation"} {
					fake.TakeName(service, "a-name", time.Minute)
				}
				createSecret := func() error {
					_, err := c.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("a-name")})
					return err
				}
				create := func() error { return createUser(t.Context(), fake.Session("provider"), "a-name") }
				awsrules.Want(t, create(), 409, "EntityAlreadyExists", "User with name a-name already exists.")
				awsrules.Want(t, getUser(t, c, "a-name"), 404, "NoSuchEntity")
				awsrules.Want(t, createBucket(t.Context(), c, "a-name"), 409, "BucketAlreadyExists")
				awsrules.Want(t, getTags(t, c, "a-name"), 404, "NoSuchBucket")
				awsrules.Want(t, createSecret(), 400, "ResourceExistsException", "The operation failed because the secret a-name already exists.")
				_, err := c.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("a-name")})
				awsrules.Want(t, err, 400, "ResourceNotFoundException")
				pass(time.Minute)
				awsrules.Equal(t, "user", create(), nil)
				awsrules.Equal(t, "bucket", createBucket(t.Context(), c, "a-name"), nil)
				awsrules.Equal(t, "secret", createSecret(), nil)
			}},
		{"S3 reserves forms of names", "S3 User Guide, General purpose bucket naming rules; of -an: onecloudplease.com, Bucketsquatting is " +
			"Finally Dead (the code)",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for _, name := range []string{"xn--a", "sthree-configurator-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3"} {
					awsrules.Want(t, createBucket(t.Context(), c, name), 400, "InvalidBucketName", "The specified bucket is not valid.")
				}
				awsrules.Want(t, createBucket(t.Context(), c, "a-111122223333-eu-west-1-an"), 400, "InvalidBucketNamespace")
				awsrules.Want(t, getTags(t, c, "a-111122223333-eu-west-1-an"), 404, "NoSuchBucket")
				awsrules.Equal(t, "another name", createBucket(t.Context(), c, "a-plan"), nil)
			}},
		{"L7: the name of a user stays taken after a deletion", "IAM API Reference, UpdateUser, EntityTemporarilyUnmodifiable: a user name " +
			"that was deleted and then recreated",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.UserDeletion = 5 * time.Second
				fake.AddUser("alice", "/", nil)
				awsrules.Equal(t, "deleted", deleteUser(t, c, "alice"), nil)
				create := func() error { return createUser(t.Context(), fake.Session("provider"), "alice") }
				awsrules.Want(t, create(), 409, "EntityAlreadyExists")
				awsrules.Want(t, getUser(t, c, "alice"), 404, "NoSuchEntity")
				pass(5 * time.Second)
				awsrules.Equal(t, "later", create(), nil)
			}},
		{"L7: the name of a bucket stays taken after a deletion", "S3 API Reference, Error responses, OperationAborted; S3 User Guide, " +
			"Deleting a bucket",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.BucketDeletion = time.Hour
				fake.AddBucket(bucket, nil)
				awsrules.Must[*s3.DeleteBucketOutput](t)(c.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)}))
				awsrules.Want(t, createBucket(t.Context(), c, bucket), 409, "OperationAborted")
				awsrules.Want(t, getTags(t, c, bucket), 404, "NoSuchBucket")
				pass(time.Hour)
				awsrules.Equal(t, "later", createBucket(t.Context(), c, bucket), nil)
			}},
		{"a listing may come without the encoding that was asked for", "S3 API Reference, ListObjectVersions, EncodingType of the response",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.PlainListings = true
				fake.AddBucket(bucket, nil)
				fake.PutObject(bucket, "a+b %2F", "")
				fake.AddUpload(bucket, "a+b %2F")
				objects := awsrules.Must[*s3.ListObjectsV2Output](t)(c.s3.ListObjectsV2(t.Context(),
					&s3.ListObjectsV2Input{Bucket: aws.String(bucket), EncodingType: types.EncodingTypeUrl}))
				awsrules.Equal(t, "object", *objects.Contents[0].Key+string(objects.EncodingType), "a+b %2F")
				versions := awsrules.Must[*s3.ListObjectVersionsOutput](t)(c.s3.ListObjectVersions(t.Context(),
					&s3.ListObjectVersionsInput{Bucket: aws.String(bucket), EncodingType: types.EncodingTypeUrl}))
				awsrules.Equal(t, "version", *versions.Versions[0].Key+string(versions.EncodingType), "a+b %2F")
				uploads := awsrules.Must[*s3.ListMultipartUploadsOutput](t)(c.s3.ListMultipartUploads(t.Context(),
					&s3.ListMultipartUploadsInput{Bucket: aws.String(bucket), EncodingType: types.EncodingTypeUrl}))
				awsrules.Equal(t, "upload", *uploads.Uploads[0].Key+string(uploads.EncodingType), "a+b %2F")
			}},
	}
}

// conflictRules are about what was deleted and still keeps something (L8).
func conflictRules() []fakeRule {
	const bucket = "my-bucket"
	return []fakeRule{
		{"L8: a key that was deleted keeps its user for a while", "terraform-provider-aws PR #49260; hashicorp/terraform PR #14707",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.ConflictPropagation = 10 * time.Second
				fake.AddUser("alice", "/", nil)
				id, _ := fake.AddKey("alice")
				awsrules.Equal(t, "key deleted", deleteKey(t, c, "alice", id), nil)
				keys, err := listKeys(t, c, "alice")
				awsrules.Equal(t, "error", err, nil)
				awsrules.Equal(t, "keys", keys, 0)
				pass(9 * time.Second)
				awsrules.Want(t, deleteUser(t, c, "alice"), 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
				pass(time.Second)
				awsrules.Equal(t, "later", deleteUser(t, c, "alice"), nil)
				awsrules.Want(t, deleteUser(t, c, "alice"), 404, "NoSuchEntity")
			}},
		{"L8: an object that was deleted keeps its bucket for a while", "inferred from the above: S3 User Guide, Data consistency model, " +
			"has the configuration of a bucket lag, and its objects not",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.ConflictPropagation = 10 * time.Second
				fake.AddBucket(bucket, nil)
				for _, key := range []string{"a", "b"} {
					fake.PutObject(bucket, key, "")
				}
				fake.DeleteObject(bucket, "a")
				awsrules.Must[*s3.DeleteObjectOutput](t)(c.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("b")}))
				remove := func() error {
					_, err := c.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)})
					return err
				}
				awsrules.Want(t, remove(), 409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
				list := awsrules.Must[*s3.ListObjectsV2Output](t)(c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)}))
				awsrules.Equal(t, "objects", len(list.Contents), 0)
				pass(10 * time.Second)
				awsrules.Equal(t, "later", remove(), nil)
			}},
	}
}
