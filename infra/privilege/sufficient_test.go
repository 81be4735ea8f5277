//go:build e2e

package privilege

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/spec"
)

// A life is one telling of a story under the role as it is.
type life struct {
	story story
	given bool
}

func (l life) String() string {
	if l.given {
		return l.story.name + ", given names"
	}
	return l.story.name + ", generated names"
}

// TestSufficient tells every story, and lives a life under every option, with the
// rights that the template gives.
func TestSufficient(t *testing.T) {
	for _, s := range []*subject{construct, shared} {
		t.Run(s.name, func(t *testing.T) { sufficient(t, s) })
	}
}

func sufficient(t *testing.T, s *subject) {
	start := time.Now()
	var lives []life
	for _, given := range []bool{false, true} {
		if given && s == shared { // serves the names of its patterns alone
			continue
		}
		for _, s := range append(stories, story{"repair", tellRepair}, story{"undo", tellUndo}) {
			lives = append(lives, life{s, given})
		}
		for _, s := range options() {
			lives = append(lives, life{s, given})
		}
	}
	var failed atomic.Int32
	eachInLane(t, s, "sufficient", lives, func(l *lane, work life) error {
		err := l.live(t.Context(), work)
		if err != nil {
			failed.Add(1)
		}
		return err
	})
	summary.set("sufficient, "+s.name, "%d lives (every Access, OnDelete, KMS, tag and versioning option; given and generated names): %d failed; %s",
		len(lives), failed.Load(), since(start))
}

func (l *lane) live(ctx context.Context, work life) error {
	for attempt := 1; ; attempt++ {
		run := l.cloud.nextRun()
		documents, err := l.subject.rights(run)
		if err != nil {
			return err
		}
		if err := l.hold(ctx, documents); err != nil {
			return err
		}
		err = l.tell(ctx, work.story, run, work.given)
		if err == nil || attempt == attempts || isWant(err.Error()) {
			return err
		}
	}
}

// options returns a life for every combination of the options that decide which
// calls are made.
func options() (all []story) {
	for _, access := range []string{spec.ReadOnly, spec.ReadWrite, spec.Full} {
		for _, onDelete := range []string{spec.DeleteIfEmpty, spec.Purge, spec.Retain} {
			for i := range 8 {
				props := optionOf(access, onDelete, i)
				all = append(all, story{fmt.Sprintf("%s%s%d", access, onDelete, i),
					func(ctx context.Context, p *play) error { return tellOption(ctx, p, props) }})
			}
		}
	}
	return all
}

// optionOf returns properties with some of three options: i has a bit for each.
func optionOf(access, onDelete string, i int) properties {
	props := properties{"Access": access, "OnDelete": onDelete}
	if i&1 > 0 {
		props["SecretKmsKeyId"] = givenKey
	}
	if i&2 > 0 {
		props["Tags"] = []any{map[string]any{"Key": "team", "Value": "data"}}
	}
	if i&4 > 0 {
		props["Versioning"] = "true"
		props["EnforceTls"] = "false"
	}
	return props
}

// tellOption creates, goes to the defaults and back, and deletes.
func tellOption(ctx context.Context, p *play, props properties) error {
	s, err := p.spec(props)
	if err != nil {
		return err
	}
	plain := properties{"OnDelete": props["OnDelete"]}
	return inTurn(
		func() error { return p.create(ctx, props) },
		func() error { return p.update(ctx, plain, props) },
		func() error { return p.update(ctx, props, plain) },
		func() error {
			if s.OnDelete == spec.DeleteIfEmpty {
				return nil
			}
			return p.lane.cloud.Put(ctx, s.BucketName, s.Prefix+"table")
		},
		func() error { return p.remove(ctx, props) },
		func() error {
			if s.OnDelete != spec.Retain {
				return p.gone(ctx, props)
			}
			_, err := p.lane.cloud.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.BucketName})
			return err
		},
	)
}

// tellRepair has a key taken away by hand: an update makes a new one.
func tellRepair(ctx context.Context, p *play) error {
	changed := properties{"Versioning": "true"}
	s, err := p.spec(nil)
	if err != nil {
		return err
	}
	c := p.lane.cloud
	return inTurn(
		func() error { return p.create(ctx, nil) },
		func() error {
			keys, err := c.IAM.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &s.UserName})
			if err != nil {
				return err
			}
			for _, key := range keys.AccessKeyMetadata {
				if _, err := c.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &s.UserName, AccessKeyId: key.AccessKeyId}); err != nil {
					return err
				}
			}
			return nil
		},
		// The list of keys is believed only after ten seconds.
		func() error { return p.patiently(ctx, func() error { return p.update(ctx, changed, nil) }) },
		func() error {
			keys, err := c.IAM.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &s.UserName})
			if err == nil && len(keys.AccessKeyMetadata) != 1 {
				err = fmt.Errorf("the user has %d keys", len(keys.AccessKeyMetadata))
			}
			return err
		},
		func() error { return p.remove(ctx, changed) },
		func() error { return p.gone(ctx, changed) },
	)
}

// tellUndo creates a user who is denied what Access promises: the Create fails and
// leaves nothing.
func tellUndo(ctx context.Context, p *play) error {
	props := properties{"Statements": []any{map[string]any{"Effect": "Deny", "Action": "s3:PutObject"}}}
	err := p.create(ctx, props)
	if err == nil {
		return errors.New("Create: was not refused")
	}
	return errors.Join(wantFailure(err, "its new key cannot do what Access ReadWrite promises"), p.gone(ctx, props))
}
