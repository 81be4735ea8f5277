//go:build e2e

package local_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/infra/internal/cloudtest"
)

// emulator is an embedded AWS, corrected or as published.
type emulator struct {
	*cloudtest.Cloud
	answerer sync.Once // deploys testdata/answer
	rotator  sync.Once // deploys testdata/rotate
}

// statement is one statement of a policy.
type statement map[string]any

func allow(resource any, actions ...string) statement {
	return statement{"Effect": "Allow", "Action": actions, "Resource": resource}
}

func policy(statements ...statement) *string {
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		return nil // only strings and lists of them go in
	}
	return aws.String(string(b))
}

// user makes a user with an identity policy, or none, and returns the user's clients.
func (e *emulator) user(t *testing.T, name, path string, statements ...statement) *cloudtest.Clients {
	t.Helper()
	return cloudtest.Must(e.As(e.key(t, name, path, statements...), nil))(t)
}

// key makes such a user and returns the user's access key.
func (e *emulator) key(t *testing.T, name, path string, statements ...statement) aws.Credentials {
	t.Helper()
	key := cloudtest.Must(e.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name, Path: &path}))(t)
	if len(statements) > 0 {
		cloudtest.Must(e.IAM.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
			UserName: &name, PolicyName: aws.String("test"), PolicyDocument: policy(statements...),
		}))(t)
	}
	return key
}

// newBucket makes a bucket and returns its name.
func newBucket(t *testing.T, c *cloudtest.Clients, name string) string {
	t.Helper()
	if err := c.CreateBucket(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return name
}

func createBucketTagged(ctx context.Context, c *cloudtest.Clients, name, key, value string) error {
	_, err := c.S3.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: cloudtest.Region,
			Tags:               []s3types.Tag{{Key: &key, Value: &value}},
		},
	})
	return err
}

func userTag(key, value string) []iamtypes.Tag {
	return []iamtypes.Tag{{Key: &key, Value: &value}}
}

// wantCode is what differs from an answer with that error code; the empty code
// stands for success.
func wantCode(what string, err error, code string) error {
	if got := cloudtest.Code(err); got != code {
		return fmt.Errorf("%s: got %q (%v), want %q", what, got, err, code)
	}
	return nil
}
