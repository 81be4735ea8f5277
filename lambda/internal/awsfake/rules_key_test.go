package awsfake_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func keyRules() []rule {
	return []rule{
		{name: "a user has two keys at most", source: "IAM User Guide, IAM and AWS STS quotas; moto test_iam.py (message)",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				e.key(t, name)
				e.key(t, name)
				_, err := e.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
				var typed *types.LimitExceededException
				if !errors.As(err, &typed) {
					t.Errorf("got %T, want the SDK's type", err)
				}
				want(t, err, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
			}},
		{name: "a lost answer to CreateAccessKey makes two keys", source: "IAM API Reference, CreateAccessKey: no idempotency token", fake: true,
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				lose(e, 1, "iam:CreateAccessKey")
				e.key(t, name)
				equal(t, "keys", len(e.fake.Snapshot().Users[name].Keys), 2)
			}},
		{name: "deleting a missing key is NoSuchEntity", source: "IAM API Reference, DeleteAccessKey, Errors",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				_, err := e.iam.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: &name,
					AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")})
				want(t, err, 404, "NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.")
			}},
		{name: "a new key is refused for a while", source: "IAM User Guide, Troubleshooting: changes are not always immediately visible", fake: true,
			run: func(t *testing.T, e *env) {
				e.fake.KeyPropagation = 10 * time.Second
				bucket, name := e.openBucket(t)
				k, client := e.key(t, name)
				_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
				want(t, err, 403, "InvalidAccessKeyId")
				start := time.Now()
				slow := e.as(*k.AccessKeyId, *k.SecretAccessKey, patient)
				must[*s3.ListObjectsV2Output](t)(slow.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}))
				if waited := time.Since(start); waited > 12*time.Second {
					t.Errorf("waited %v", waited)
				}
			}},
		{name: "an inactive or deleted key is InvalidAccessKeyId", source: "S3 API Reference, Error responses, InvalidAccessKeyId", fake: true,
			run: func(t *testing.T, e *env) {
				bucket, name := e.openBucket(t)
				k, client := e.key(t, name, patient)
				list := func(c *s3.Client) error {
					_, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}, once)
					return err
				}
				set := func(status types.StatusType) {
					must[*iam.UpdateAccessKeyOutput](t)(e.iam.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{
						UserName: &name, AccessKeyId: k.AccessKeyId, Status: status}))
				}
				set(types.StatusTypeInactive)
				want(t, list(client), 403, "InvalidAccessKeyId")
				set(types.StatusTypeActive)
				equal(t, "active again", list(client), nil)
				e.fake.DeleteKey(*k.AccessKeyId)
				want(t, list(client), 403, "InvalidAccessKeyId")
			}},
		{name: "a wrong secret is SignatureDoesNotMatch", source: "S3 API Reference, Error responses; recorded by localstack, test_s3.snapshot.json",
			run: func(t *testing.T, e *env) {
				bucket, name := e.openBucket(t)
				k, client := e.key(t, name, patient)
				for _, key := range []string{"plain", "data/ü +%&=*.txt"} { // whose path needs care in the signature
					must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}))
				}
				_, err := e.as(*k.AccessKeyId, "not+the+secret").ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
				want(t, err, 403, "SignatureDoesNotMatch")
				_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("plain")})
				equal(t, "delete", err, nil)
				_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("data/ü +%&=*.txt")})
				equal(t, "delete", err, nil)
			}},
	}
}
