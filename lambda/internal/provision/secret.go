package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/lambda/spec"
)

// deletionPropagation is how long the name of a secret that was deleted at once
// may stay taken. DeleteSecret is asynchronous.
const deletionPropagation = time.Minute

// minRecoveryDays is the shortest recovery window of Secrets Manager.
const minRecoveryDays = 7

// secret is the Secrets Manager secret under the name of a spec.
type secret struct {
	exists   bool
	fresh    bool   // created by this event, so without a value
	deleting bool   // in its recovery window
	current  string // id of the version with the stage AWSCURRENT, or ""
	ARN      string
	kmsKeyID string
	tags     map[string]string
}

// owned is also true for a secret that a Delete of this resource was about to
// remove when it was cut off.
func (x secret) owned(s spec.Spec) bool {
	return x.exists && (isOurs(x.tags, s) || isReleased(x.tags) && x.tags[spec.TagReleasedBy] == s.PhysicalID)
}

// isLater reports whether a later version of the provider keeps the secret in a format
// that this one does not know. Its value and the user's keys stay as they are then. One
// that was released has no format: its keys are gone.
func (x secret) isLater() bool { return x.exists && !isReleased(x.tags) && spec.IsLaterFormat(x.tags) }

// admit refuses a secret that is neither ours nor released. One that is being
// deleted may be gone in a moment; see createSecret.
func (x secret) admit(s spec.Spec) error {
	if x.exists && !x.deleting && !x.owned(s) && !isReleased(x.tags) {
		return fmt.Errorf("secret %s: exists in this account and does not belong to this resource; choose another SecretName", s.SecretName)
	}
	return nil
}

// lookSecret describes the secret, without its value.
func (p *Provisioner) lookSecret(ctx context.Context, s spec.Spec, creating bool) (secret, error) {
	again := func(err error) bool { return creating && isDenied(err) }
	out, err := p.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretName},
		func(o *secretsmanager.Options) { o.Retryer = patient(ctx, rolePropagation, again) })
	if isMissing(err) {
		return secret{}, nil
	}
	if err != nil {
		return secret{}, fmt.Errorf("secret %s: %w", s.SecretName, brief(err))
	}
	return secret{
		exists:   true,
		deleting: out.DeletedDate != nil,
		current:  currentVersion(out.VersionIdsToStages),
		ARN:      aws.ToString(out.ARN),
		kmsKeyID: aws.ToString(out.KmsKeyId),
		tags:     secretTags(out.Tags),
	}, nil
}

// ensureSecret creates the secret without a value, which nobody can read before
// the commit, or brings back one that a resource has released.
//
// One of ours that waits for its deletion is brought back too where the set should be
// there, or some of it is, as somebody has deleted it by hand: what it holds is still
// ours. Otherwise it is what an earlier set of the same names has left, and soon gone.
func (p *Provisioner) ensureSecret(ctx context.Context, s spec.Spec, c change, found set) (secret, error) {
	x := found.secret
	switch {
	case x.exists && isReleased(x.tags):
		return p.adoptSecret(ctx, s, x)
	case x.deleting && isOurs(x.tags, s) && (!c.creating || found.user.owned(s) || found.bucket.owned(s)):
		return p.restoreSecret(ctx, s, x)
	case x.exists && !x.deleting:
		return x, nil
	default:
		return p.createSecret(ctx, s)
	}
}

// createSecret waits while a secret of that name is still being deleted.
func (p *Provisioner) createSecret(ctx context.Context, s spec.Spec) (secret, error) {
	in := &secretsmanager.CreateSecretInput{
		Name:        &s.SecretName,
		Description: aws.String("Credentials of IAM user " + s.UserName + " for bucket " + s.BucketName),
		Tags:        toSecretTags(s.SecretTags()),
	}
	if s.SecretKmsKeyId != "" {
		in.KmsKeyId = &s.SecretKmsKeyId
	}
	out, err := p.secrets.CreateSecret(ctx, in, func(o *secretsmanager.Options) {
		o.Retryer = patient(ctx, deletionPropagation, isScheduledForDeletion)
	})
	if isCode(err, "ResourceExistsException") {
		// Another delivery of this event, or a repeated call whose answer was lost.
		found, err := p.lookSecret(ctx, s, true)
		return found, errors.Join(err, found.admit(s))
	}
	if isScheduledForDeletion(err) {
		return secret{}, fmt.Errorf("secret %s: is in its recovery window; restore it and delete it without one, or choose another SecretName: %w",
			s.SecretName, brief(err))
	}
	if err != nil {
		return secret{}, fmt.Errorf("secret %s: %w", s.SecretName, brief(err))
	}
	return secret{exists: true, fresh: true, ARN: aws.ToString(out.ARN), kmsKeyID: s.SecretKmsKeyId, tags: s.SecretTags()}, nil
}

func isScheduledForDeletion(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "scheduled for deletion")
}

// isMarkedForDeletion reports whether the secret is in its recovery window, where
// another Delete has put it meanwhile.
func isMarkedForDeletion(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "marked for deletion")
}

// restoreSecret takes the secret out of its recovery window.
func (p *Provisioner) restoreSecret(ctx context.Context, s spec.Spec, x secret) (secret, error) {
	if _, err := p.secrets.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: &x.ARN}); err != nil {
		return secret{}, fmt.Errorf("secret %s: %w", s.SecretName, brief(err))
	}
	p.log.Info("restored the secret", "secret", s.SecretName)
	x.deleting = false
	return x, nil
}

// adoptSecret restores a released secret and makes it ours. What it holds is of an
// earlier life, so its version is put down as not committed. That version was read
// together with the tag that says released: by now another delivery of this event
// may have adopted the secret and committed to it.
func (p *Provisioner) adoptSecret(ctx context.Context, s spec.Spec, x secret) (_ secret, err error) {
	if x.deleting {
		if x, err = p.restoreSecret(ctx, s, x); err != nil {
			return secret{}, err
		}
	}
	tags := maps.Clone(x.tags)
	delete(tags, spec.TagReleasedBy)
	maps.Copy(tags, s.SecretTags())
	if x.current != "" {
		tags[spec.TagBefore] = x.current
	}
	if err := p.setSecretTags(ctx, s, x, tags); err != nil {
		return secret{}, err
	}
	adopted, err := p.lookSecret(ctx, s, false)
	return adopted, errors.Join(err, adopted.admit(s))
}

// currentVersion finds the version that has the stage AWSCURRENT.
func currentVersion(stages map[string][]string) string {
	for version, names := range stages {
		if slices.Contains(names, "AWSCURRENT") {
			return version
		}
	}
	return ""
}

// ensureSecretSettings brings KMS key and tags in line.
func (p *Provisioner) ensureSecretSettings(ctx context.Context, s spec.Spec, c change, x secret) error {
	if x.fresh {
		return nil
	}
	if !sameKmsKey(x.kmsKeyID, s.SecretKmsKeyId) {
		_, err := p.secrets.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: &x.ARN, KmsKeyId: &s.SecretKmsKeyId})
		if err != nil {
			return fmt.Errorf("KMS key of secret %s: %w", s.SecretName, brief(err))
		}
	}
	tags := mergeTags(x.tags, s.SecretTags(), c.old)
	if x.isLater() {
		tags[spec.TagFormat] = x.tags[spec.TagFormat]
	}
	return p.setSecretTags(ctx, s, x, tags)
}

// sameKmsKey compares what Secrets Manager reports with what was asked for: a key
// id also stands at the end of the key's ARN. "" is the AWS managed key.
func sameKmsKey(reported, wanted string) bool {
	if reported == "alias/aws/secretsmanager" {
		reported = ""
	}
	return reported == wanted || wanted != "" && strings.HasSuffix(reported, "/"+wanted)
}

// setSecretTags changes the tags of x to those given.
func (p *Provisioner) setSecretTags(ctx context.Context, s spec.Spec, x secret, tags map[string]string) error {
	changed, removed := map[string]string{}, []string{}
	for key, value := range tags {
		if old, ok := x.tags[key]; !ok || old != value {
			changed[key] = value
		}
	}
	for key := range x.tags {
		if _, ok := tags[key]; !ok {
			removed = append(removed, key)
		}
	}
	if len(changed) > 0 {
		_, err := p.secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &x.ARN, Tags: toSecretTags(changed)})
		if err != nil {
			return fmt.Errorf("tags of secret %s: %w", s.SecretName, brief(err))
		}
	}
	if len(removed) > 0 {
		_, err := p.secrets.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: &x.ARN, TagKeys: removed})
		if err != nil {
			return fmt.Errorf("tags of secret %s: %w", s.SecretName, brief(err))
		}
	}
	return nil
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
