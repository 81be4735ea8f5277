//go:build e2e

package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// world is an embedded AWS with the clients of one principal.
type world struct {
	aws     *AWS
	iam     *iam.Client
	s3      *s3.Client
	secrets *secretsmanager.Client
	stacks  *cloudformation.Client

	answerer *sync.Once // deploys testdata/answer
}

func newWorld(a *AWS) (*world, error) {
	cfg, err := a.Config()
	if err != nil {
		return nil, err
	}
	return worldOf(a, cfg), nil
}

func worldOf(a *AWS, cfg aws.Config) *world {
	return &world{
		aws: a, iam: iam.NewFromConfig(cfg), s3: s3.NewFromConfig(cfg),
		secrets: secretsmanager.NewFromConfig(cfg), stacks: cloudformation.NewFromConfig(cfg),
		answerer: new(sync.Once),
	}
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

// user makes a user with an identity policy, or none, and is the world as that user sees it.
func (w *world) user(t *testing.T, name, path string, statements ...statement) *world {
	t.Helper()
	return worldOf(w.aws, w.config(t, w.key(t, name, path, statements...), nil))
}

func (w *world) config(t *testing.T, who aws.Credentials, header http.Header) aws.Config {
	t.Helper()
	cfg, err := w.aws.ConfigAs(who, header)
	must(t, err)
	return cfg
}

func (w *world) key(t *testing.T, name, path string, statements ...statement) aws.Credentials {
	t.Helper()
	ctx := t.Context()
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name, Path: &path})
	must(t, err)
	if len(statements) > 0 {
		_, err = w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
			UserName: &name, PolicyName: aws.String("test"), PolicyDocument: policy(statements...),
		})
		must(t, err)
	}
	key, err := w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	must(t, err)
	return aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey}
}

func (w *world) bucket(t *testing.T, name string) string {
	t.Helper()
	_, err := w.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	must(t, err)
	return name
}

func (w *world) createBucketTagged(ctx context.Context, name, key, value string) error {
	_, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			Tags: []s3types.Tag{{Key: &key, Value: &value}},
		},
	})
	return err
}

func userTag(key, value string) []iamtypes.Tag {
	return []iamtypes.Tag{{Key: &key, Value: &value}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode is what differs from an answer with that error code; the empty code
// stands for success.
func wantCode(what string, err error, code string) error {
	if got := codeOf(err); got != code {
		return fmt.Errorf("%s: got %q (%v), want %q", what, got, err, code)
	}
	return nil
}

func codeOf(err error) string {
	var answer smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &answer):
		return answer.ErrorCode()
	default:
		return "no answer"
	}
}
