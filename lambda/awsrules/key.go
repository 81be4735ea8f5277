package awsrules

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func keyRules() []Rule {
	return []Rule{
		{Name: "a user has two keys at most", Source: "IAM User Guide, IAM and AWS STS quotas; moto test_iam.py (message)",
			play: func(t T, e *env) {
				name := e.user(t)
				e.key(t, name)
				e.key(t, name)
				_, err := e.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
				typed[*types.LimitExceededException](t, err)
				Want(t, err, 409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
			}},
		{Name: "deleting a missing key is NoSuchEntity", Source: "IAM API Reference, DeleteAccessKey, Errors",
			play: func(t T, e *env) {
				name := e.user(t)
				_, err := e.iam.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: &name,
					AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")})
				Want(t, err, 404, "NoSuchEntity", "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.")
			}},
		{Name: "an inactive or deleted key is InvalidAccessKeyId", Source: "S3 API Reference, Error responses, InvalidAccessKeyId",
			play: func(t T, e *env) {
				bucket, name := e.openBucket(t)
				k, client := e.key(t, name, e.patient)
				list := func() error {
					_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}, once)
					return err
				}
				set := func(status types.StatusType) {
					Must[*iam.UpdateAccessKeyOutput](t)(e.iam.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{
						UserName: &name, AccessKeyId: k.AccessKeyId, Status: status}))
				}
				set(types.StatusTypeInactive)
				e.untilRefused(t, "InvalidAccessKeyId", list)
				set(types.StatusTypeActive)
				e.eventually(t, list)
				Must[*iam.DeleteAccessKeyOutput](t)(e.iam.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{
					UserName: &name, AccessKeyId: k.AccessKeyId}))
				e.untilRefused(t, "InvalidAccessKeyId", list)
			}},
		{Name: "a wrong secret is SignatureDoesNotMatch", Source: "S3 API Reference, Error responses; recorded by localstack, test_s3.snapshot.json",
			play: func(t T, e *env) {
				bucket, name := e.openBucket(t)
				k, client := e.key(t, name, e.patient)
				for _, key := range []string{"plain", "data/ü +%&=*.txt"} { // whose path needs care in the signature
					Must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}))
				}
				_, err := e.as(*k.AccessKeyId, "not+the+secret").ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
				Want(t, err, 403, "SignatureDoesNotMatch")
				_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("plain")})
				Equal(t, "delete", err, nil)
				_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("data/ü +%&=*.txt")})
				Equal(t, "delete", err, nil)
			}},
	}
}
