package secret

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// withTags returns tags as if they had those of one list with its values, and those of another
// with other values.
func withTags(read map[string]string, before, wanted []spec.Tag) map[string]string {
	tags := maps.Clone(read)
	for _, tag := range wanted {
		delete(tags, tag.Key)
	}
	for _, tag := range before {
		tags[tag.Key] = tag.Value
	}
	return tags
}

// EnsureTags brings the tags in line with those that the secret should have. Where the event changes the
// property Tags, or what a rotation must know, nothing that was read of that is relied on.
func (c Client) EnsureTags(ctx context.Context, change spec.Change, x Secret, tags map[string]string) error {
	if change.Changes(func(s spec.Spec) any { return s.Tags }) {
		x.Claim = claim.Read(withTags(x.Tags(), change.Before.Tags, c.spec.Tags), c.spec)
	}
	if change.Changes(scheduleOf) {
		x.Claim = claim.Read(withTags(x.Tags(), noted(change.Before), noted(c.spec)), c.spec)
	}
	return c.SetTags(ctx, x, tags)
}

// scheduleOf is what the secret must tell a rotation.
func scheduleOf(s spec.Spec) any {
	return []any{s.RotateAfterDays > 0, s.Access, s.VerifyCredentials}
}

// noted is the tag that tells it, if there is a schedule.
func noted(s spec.Spec) []spec.Tag {
	if s.RotateAfterDays == 0 {
		return nil
	}
	return []spec.Tag{{Key: spec.TagAccess}}
}

// SetTags changes the tags of x to those given.
func (c Client) SetTags(ctx context.Context, x Secret, tags map[string]string) error {
	changed, removed := map[string]string{}, []string{}
	for key, value := range tags {
		if old, ok := x.Tags()[key]; !ok || old != value {
			changed[key] = value
		}
	}
	for key := range x.Tags() {
		if _, ok := tags[key]; !ok {
			removed = append(removed, key)
		}
	}
	if len(changed) > 0 {
		if err := c.Tag(ctx, x, changed); err != nil {
			return err
		}
	}
	if len(removed) > 0 {
		return c.Untag(ctx, x, removed)
	}
	return nil
}

// Tag adds tags. It may be repeated.
func (c Client) Tag(ctx context.Context, x Secret, tags map[string]string) error {
	_, err := c.secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &x.ARN, Tags: toSecretTags(tags)})
	if err != nil {
		err = fmt.Errorf("tags of secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	return c.UnlessSo(ctx, "tags", "", err, func(now Secret) bool {
		with := maps.Clone(now.Tags())
		maps.Copy(with, tags)
		return maps.Equal(with, now.Tags())
	})
}

// Untag takes tags away. One that is not there is no error.
func (c Client) Untag(ctx context.Context, x Secret, keys []string) error {
	_, err := c.secrets.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: &x.ARN, TagKeys: keys})
	if err != nil {
		err = fmt.Errorf("tags of secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	return c.UnlessSo(ctx, "tags", "", err, func(now Secret) bool {
		without := maps.Clone(now.Tags())
		maps.DeleteFunc(without, func(key, _ string) bool { return slices.Contains(keys, key) })
		return maps.Equal(without, now.Tags())
	})
}

// UnlessSo drops the refusal to set something of the secret that others forbid to set and that is so already.
func (c Client) UnlessSo(ctx context.Context, part, orElse string, refusal error, isSo func(Secret) bool) error {
	left, err := awscall.UnlessSo(ctx, c.patience, refusal, awscall.MayBeOld, orElse, func() (bool, error) {
		now, err := c.Look(ctx)
		return err == nil && now.Exists() && isSo(now), err
	})
	if left {
		c.log.Info("left what others forbid to set, and what is so already", "secret", c.spec.SecretName, "part", part, "reason", refusal.Error())
	}
	return err
}

func secretTags(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}

func toSecretTags(m map[string]string) []types.Tag {
	var tags []types.Tag
	for _, key := range slices.Sorted(maps.Keys(m)) {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(m[key])})
	}
	return tags
}
