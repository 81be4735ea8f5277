//go:build e2e

package privilege

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// A story is a part of the life cycle that ends where it began, with nothing. Its
// error says what went otherwise than it should.
type story struct {
	name string
	tell func(context.Context, *play) error
}

// stories use together every right of the role.
var stories = []story{
	{"use", tellUse},
	{"purge", tellPurge},
	{"retain", tellRetain},
	{"recover", tellRecover},
	{"foreign", tellForeign},
	{"stale", tellStale},
	{"rotate", tellRotate},
}

// tellUse changes everything that can change in place, replaces a key that was
// made inactive, and deletes.
func tellUse(ctx context.Context, p *play) error {
	first := properties{"Tags": []any{map[string]any{"Key": "team", "Value": "data"}, map[string]any{"Key": "cost", "Value": "42"}}}
	second := properties{
		"Prefix": "logs/", "FolderMarker": "false", "Access": "ReadOnly", "Versioning": "true",
		"AbortIncompleteUploadsAfterDays": "0", "SecretKmsKeyId": givenKey,
		"Tags": []any{map[string]any{"Key": "team", "Value": "logs"}},
	}
	s, err := p.spec(first)
	if err != nil {
		return err
	}
	return inTurn(
		func() error { return p.create(ctx, first) },
		func() error { return p.update(ctx, second, first) },
		func() error { return p.disableKey(ctx, s.UserName) },
		func() error { return p.update(ctx, first, second) },
		func() error { return p.remove(ctx, first) },
		func() error { return p.gone(ctx, first) },
	)
}

func (p *play) disableKey(ctx context.Context, user string) error {
	keys, err := p.lane.cloud.IAM.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &user})
	if err != nil || len(keys.AccessKeyMetadata) != 1 {
		return fmt.Errorf("keys of %s: %d %w", user, len(keys.AccessKeyMetadata), err)
	}
	_, err = p.lane.cloud.IAM.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{
		UserName: &user, AccessKeyId: keys.AccessKeyMetadata[0].AccessKeyId, Status: types.StatusTypeInactive})
	return err
}

// tellRotate sets a schedule, makes another key by an update that retires the one before, and deletes.
func tellRotate(ctx context.Context, p *play) error {
	first := properties{"RotateAfterDays": "1000"}
	second := properties{"RotateAfterDays": "30", "KeySerial": "1", "PreviousKey": "Delete"}
	return inTurn(
		func() error { return p.create(ctx, first) },
		// CloudFormation is given five seconds to say that it rolls back.
		func() error { return p.patiently(ctx, func() error { return p.update(ctx, second, first) }) },
		func() error { return p.remove(ctx, second) },
		func() error { return p.gone(ctx, second) },
		func() error { return p.asked(ctx, second) },
	)
}

// What the log says of a right whose want is no failure.
const (
	couldNotAsk   = "could not ask when a key was used last"
	couldNotAbort = "left uploads that could not be aborted"
)

// asked fails if IAM would not say when a key of the resource was used.
func (p *play) asked(ctx context.Context, props properties) error {
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	return p.silent(ctx, s.UserName, couldNotAsk)
}

// aborted fails if S3 would not abort the uploads to the bucket, which it deletes all the same.
func (p *play) aborted(ctx context.Context, props properties) error {
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	return p.silent(ctx, s.BucketName, couldNotAbort)
}

// silent fails if the log says a text of a name.
func (p *play) silent(ctx context.Context, name, text string) error {
	lines, err := p.lane.logs(ctx, name)
	for _, line := range lines {
		if strings.Contains(line, text) {
			return failure(line)
		}
	}
	return err
}

// tellPurge looks at a bucket with versions once more, and deletes it with its versions, delete markers and an unfinished
// upload.
func tellPurge(ctx context.Context, p *play) error {
	first := properties{"OnDelete": "Purge", "Versioning": "true"}
	props := properties{"OnDelete": "Purge", "Versioning": "true", "Trigger": "1"}
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	return inTurn(
		func() error { return p.create(ctx, first) },
		func() error { return p.update(ctx, props, first) },
		func() error { return p.lane.cloud.Put(ctx, s.BucketName, "data/table") },
		func() error { return p.lane.cloud.Put(ctx, s.BucketName, "data/table") },
		func() error {
			_, err := p.lane.cloud.S3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.BucketName, Key: aws.String("data/table")})
			return err
		},
		func() error {
			_, err := p.lane.cloud.S3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &s.BucketName, Key: aws.String("data/part")})
			return err
		},
		func() error { return p.remove(ctx, props) },
		func() error { return p.gone(ctx, props) },
		func() error { return p.aborted(ctx, props) },
	)
}

// tellRetain lets go of a bucket with data, adopts it, and lets go of it again.
func tellRetain(ctx context.Context, p *play) error {
	props := properties{"OnDelete": "Retain"}
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	released := func() error {
		tags, err := p.lane.cloud.S3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &s.BucketName})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(tags.TagSet, func(t s3types.Tag) bool { return *t.Key == spec.TagOwner && *t.Value == spec.Released }) {
			return errors.New("the bucket is not tagged as released")
		}
		_, err = p.lane.cloud.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.BucketName})
		if cloudtest.Code(err) != "NoSuchBucketPolicy" {
			return errors.New("the released bucket still has a policy")
		}
		return nil
	}
	return inTurn(
		func() error { return p.create(ctx, props) },
		func() error { return p.lane.cloud.Put(ctx, s.BucketName, "data/table") },
		func() error { return p.remove(ctx, props) },
		released,
		func() error { return p.create(ctx, props) },
		func() error { return p.remove(ctx, props) },
		released,
	)
}

// tellRecover restores a secret from its recovery window.
func tellRecover(ctx context.Context, p *play) error {
	props := properties{"SecretRecoveryDays": "7"}
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	waits := func(want bool) func() error {
		return func() error {
			secret, err := p.lane.cloud.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretName})
			if err == nil && (secret.DeletedDate != nil) != want {
				err = fmt.Errorf("secret: waits for its deletion: %v", !want)
			}
			return err
		}
	}
	return inTurn(
		func() error { return p.create(ctx, props) },
		func() error { return p.remove(ctx, props) },
		waits(true),
		func() error { return p.create(ctx, props) },
		waits(false),
		func() error { return p.remove(ctx, props) },
		waits(true),
	)
}

// tellForeign meets a bucket of another account under its name.
func tellForeign(ctx context.Context, p *play) error {
	s, err := p.spec(nil)
	if err != nil {
		return err
	}
	if err := p.lane.cloud.theirBucket(ctx, s.BucketName, ""); err != nil {
		return err
	}
	return inTurn(
		func() error { return wantFailure(p.create(ctx, nil), "owned by another account") },
		func() error { return p.remove(ctx, nil) },
	)
}

// stranger is another account.
const stranger = cloudtest.OtherAccount

// theirBucket makes a bucket in another account, with a policy if there is one.
func (c *cloud) theirBucket(ctx context.Context, name, policy string) error {
	err := c.Other.CreateBucket(ctx, name)
	if err == nil && policy != "" {
		_, err = c.Other.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy})
	}
	return err
}

// tellStale has a Create arrive for which CloudFormation no longer waits. Its
// generated names are those of every run, so one run at a time has them: a role that
// lacks the right to ask CloudFormation makes what another would find.
func tellStale(ctx context.Context, p *play) error {
	staleNames.Lock()
	defer staleNames.Unlock()
	p.logical = stale
	err := wantFailure(p.create(ctx, nil), "no longer waits")
	if err != nil {
		return errors.Join(err, p.remove(ctx, nil))
	}
	return p.gone(ctx, nil)
}

// staleNames is held while a run may have made what its names stand for.
var staleNames sync.Mutex

// patiently gives the function a minute for one step.
func (p *play) patiently(ctx context.Context, step func() error) error {
	l := p.lane
	if err := l.limit(ctx, time.Minute); err != nil {
		return err
	}
	return errors.Join(step(), l.limit(ctx, functionTimeout))
}

func (l *lane) limit(ctx context.Context, timeout time.Duration) error {
	_, err := l.cloud.Lambda.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &l.name, Timeout: aws.Int32(int32(timeout.Seconds()))})
	return err
}
