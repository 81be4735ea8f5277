//go:build e2e

package privilege

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// A play is one telling of a story, with names of its own.
type play struct {
	lane    *lane
	run     string
	given   bool // names are given, or else generated
	logical string
}

type properties map[string]any

// with returns the properties of the resource: its names, if they are given, and more.
func (p *play) with(more properties) properties {
	all := properties{}
	if p.given {
		for name, value := range map[string]string{"BucketName": givenBucket, "UserName": givenUser, "SecretName": givenSecret} {
			all[name] = strings.ReplaceAll(value, runMark, p.run)
		}
	}
	maps.Copy(all, more)
	return all
}

func (p *play) spec(props properties) (spec.Spec, error) {
	return spec.Parse(p.with(props), p.lane.cloud.stackID, p.logical, p.lane.subject.provider())
}

// create, update and remove send an event and return what its answer says is wrong.
func (p *play) create(ctx context.Context, props properties) error {
	return p.send(ctx, "Create", map[string]any{"ResourceProperties": p.with(props)})
}

func (p *play) update(ctx context.Context, props, old properties) error {
	s, err := p.spec(old)
	if err != nil {
		return err
	}
	return p.send(ctx, "Update", map[string]any{"PhysicalResourceId": s.PhysicalID,
		"ResourceProperties": p.with(props), "OldResourceProperties": p.with(old)})
}

func (p *play) remove(ctx context.Context, props properties) error {
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	return p.send(ctx, "Delete", map[string]any{"PhysicalResourceId": s.PhysicalID, "ResourceProperties": p.with(props)})
}

func (p *play) send(ctx context.Context, request string, event map[string]any) error {
	event["RequestType"], event["LogicalResourceId"] = request, p.logical
	a, err := p.lane.send(ctx, event)
	if err != nil {
		return fmt.Errorf("%s: %w", request, err)
	}
	if a.Status != "SUCCESS" {
		return fmt.Errorf("%s: %w", request, failure(a.Reason))
	}
	return nil
}

// failure is the reason of a FAILED answer.
type failure string

func (f failure) Error() string { return string(f) }

// wantFailure turns the failure that it should be into none.
func wantFailure(err error, reason string) error {
	var f failure
	switch {
	case err == nil:
		return fmt.Errorf("was not refused with %q", reason)
	case errors.As(err, &f) && strings.Contains(string(f), reason):
		return nil
	default:
		return fmt.Errorf("%w\nwant: %s", err, reason)
	}
}

// gone returns what is left of the resource.
func (p *play) gone(ctx context.Context, props properties) error {
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	c := p.lane.cloud
	_, userErr := c.IAM.GetUser(ctx, &iam.GetUserInput{UserName: &s.UserName})
	_, bucketErr := c.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.BucketName})
	_, secretErr := c.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretName})
	if codes := cloudtest.Code(userErr) + cloudtest.Code(bucketErr) + cloudtest.Code(secretErr); codes != "NoSuchEntityNotFoundResourceNotFoundException" {
		return fmt.Errorf("something is left: %s", codes)
	}
	return nil
}

// inTurn carries out steps until one fails.
func inTurn(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// tell tells a story under the policies that the lane's role holds.
func (l *lane) tell(ctx context.Context, s story, run string, given bool) error {
	p := &play{lane: l, run: run, given: given, logical: "R" + s.name + run}
	if err := s.tell(ctx, p); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}
