package awsfake_test

import (
	"context"
	"strings"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// lose lets the first call of an operation take effect and breaks its connection.
func lose(fake *awsfake.AWS, operation string) {
	fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Name() == operation && c.OperationN == 1 {
			return awsfake.Lose(awsfake.ConnectionReset)
		}
		return awsfake.Decision{}
	}
}

// lostRules are about what the SDK repeats and what it does not.
func lostRules() []fakeRule {
	return []fakeRule{
		{"a lost answer to CreateAccessKey makes two keys", "IAM API Reference, CreateAccessKey: no idempotency token",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddUser("alice", "/", nil)
				lose(fake, "iam:CreateAccessKey")
				awsrules.Must[*iam.CreateAccessKeyOutput](t)(c.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("alice")}))
				awsrules.Equal(t, "keys", len(fake.Snapshot().Users["alice"].Keys), 2)
			}},
		{"what is written is read after a repeated attempt", "S3 API Reference, PutObject and GetObject",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket("my-bucket", nil)
				lose(fake, "s3:PutObject")
				awsrules.Must[*s3.PutObjectOutput](t)(c.s3.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: aws.String("my-bucket"), Key: aws.String("k"), Body: strings.NewReader("body")}))
				awsrules.Equal(t, "calls", len(fake.Calls()), 2)
				awsrules.Equal(t, "body", fake.Snapshot().Buckets["my-bucket"].Objects["k"][0].Body, "body")
			}},
		{"OperationAborted is not repeated by the SDK", "S3 API Reference, Error responses, OperationAborted",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.Before = func(context.Context, awsfake.Call) awsfake.Decision { return awsfake.Refuse(awsfake.Conflict) }
				_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("my-bucket")})
				awsrules.Want(t, err, 409, "OperationAborted",
					"A conflicting conditional operation is currently in progress against this resource. Please try again.")
				awsrules.Equal(t, "calls", len(fake.Calls()), 1)
			}},
	}
}
