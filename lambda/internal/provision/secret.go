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

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// deletionPropagation is how long the name of a secret that was deleted at once
// may stay taken. DeleteSecret is asynchronous.
const deletionPropagation = time.Minute

// minRecoveryDays is the shortest recovery window of Secrets Manager.
const minRecoveryDays = 7

// secret is the Secrets Manager secret under the name of a spec.
type secret struct {
	claim.Claim
	fresh    bool   // created by this event, so without a value
	deleting bool   // in its recovery window
	current  string // id of the version with the stage AWSCURRENT, or ""
	ARN      string
	kmsKeyID string
}

// isOurs is also true for a secret that a Delete of this resource was about to remove when
// it was cut off.
func (x secret) isOurs() bool { return x.IsOurs() || x.State == claim.Leaving }

// admit refuses a secret that is neither ours nor released. One that is being
// deleted may be gone in a moment; see createSecret.
func (x secret) admit(s spec.Spec) error {
	switch x.State {
	case claim.Foreign, claim.Elsewhere:
		if !x.deleting {
			return fmt.Errorf("secret %s: exists in this account and does not belong to this resource; choose another SecretName", s.SecretName)
		}
	case claim.Absent, claim.Ours, claim.Adopted, claim.Released, claim.Leaving:
	}
	return nil
}

// lookSecret describes the secret, without its value.
func (r *run) lookSecret(ctx context.Context, s spec.Spec, patient bool) (secret, error) {
	out, err := r.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretName},
		func(o *secretsmanager.Options) {
			o.Retryer = r.untilRoleHasRights(ctx, patient)
		})
	if awscall.IsMissing(err) {
		return secret{}, nil
	}
	if err != nil {
		return secret{}, fmt.Errorf("secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	return secret{
		Claim:    claim.Read(secretTags(out.Tags), s),
		deleting: out.DeletedDate != nil,
		current:  currentVersion(out.VersionIdsToStages),
		ARN:      aws.ToString(out.ARN),
		kmsKeyID: aws.ToString(out.KmsKeyId),
	}, nil
}

// ensureSecret creates the secret without a value, or adopts one that a resource has released.
//
// A secret of ours that waits for its deletion is restored if the set should be there, or if
// some of it is: somebody has deleted the secret by hand then, and what it holds is still
// ours. Otherwise an earlier set of the same names has left it, and it will soon be gone.
func (r *run) ensureSecret(ctx context.Context, op operation, found set) (secret, error) {
	x := found.secret
	isWanted := !op.isNew() || found.user.IsOurs() || found.bucket.IsOurs()
	switch {
	case x.IsReleased():
		return r.adoptSecret(ctx, op.spec, x)
	case x.deleting && x.IsOurs() && isWanted:
		return r.restoreSecret(ctx, op.spec, x)
	case x.Exists() && !x.deleting:
		return x, nil
	default:
		return r.createSecret(ctx, op.spec)
	}
}

// createSecret creates the secret. It waits up to deletionPropagation while Secrets Manager
// still deletes another one of that name.
func (r *run) createSecret(ctx context.Context, s spec.Spec) (secret, error) {
	made := secret{Claim: claim.MadeSecret(s), fresh: true, kmsKeyID: s.SecretKmsKeyId}
	in := &secretsmanager.CreateSecretInput{
		Name:        &s.SecretName,
		Description: aws.String("Credentials of IAM user " + s.UserName + " for bucket " + s.BucketName),
		Tags:        toSecretTags(made.Tags()),
	}
	if s.SecretKmsKeyId != "" {
		in.KmsKeyId = &s.SecretKmsKeyId
	}
	out, err := r.secrets.CreateSecret(ctx, in, func(o *secretsmanager.Options) {
		o.Retryer = r.patience.Until(ctx, "the name of the deleted secret is free", deletionPropagation, isScheduledForDeletion)
	})
	if awscall.IsCode(err, "ResourceExistsException") {
		// Another delivery of this event, or a repeated call whose answer was lost.
		found, err := r.lookSecret(ctx, s, patient)
		return found, errors.Join(err, found.admit(s))
	}
	if isScheduledForDeletion(err) {
		return secret{}, fmt.Errorf("secret %s: is in its recovery window; restore it and delete it without one, or choose another SecretName: %w",
			s.SecretName, awscall.Brief(err))
	}
	if err != nil {
		return secret{}, fmt.Errorf("secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	made.ARN = aws.ToString(out.ARN)
	r.log.Info("created", "secret", s.SecretName)
	return made, nil
}

func isScheduledForDeletion(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "scheduled for deletion")
}

// isMarkedForDeletion reports whether the secret is in its recovery window: another Delete has
// scheduled its deletion meanwhile.
func isMarkedForDeletion(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "marked for deletion")
}

// restoreSecret takes the secret out of its recovery window.
func (r *run) restoreSecret(ctx context.Context, s spec.Spec, x secret) (secret, error) {
	if _, err := r.secrets.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: &x.ARN}); err != nil {
		return secret{}, fmt.Errorf("secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	r.log.Info("restored", "secret", s.SecretName)
	x.deleting = false
	return x, nil
}

// adoptSecret restores a released secret and makes it ours. The secret holds credentials of an
// earlier life, so a tag puts its version down as not committed. That must be the version
// that was read together with the tag "released": another delivery of this event may have
// adopted the secret and committed to it since.
func (r *run) adoptSecret(ctx context.Context, s spec.Spec, x secret) (_ secret, err error) {
	if x.deleting {
		if x, err = r.restoreSecret(ctx, s, x); err != nil {
			return secret{}, err
		}
	}
	if err := r.setSecretTags(ctx, s, x, x.AdoptSecret(x.current)); err != nil {
		return secret{}, err
	}
	r.log.Info("took over what was released", "secret", s.SecretName)
	adopted, err := r.lookSecret(ctx, s, hasty)
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
func (r *run) ensureSecretSettings(ctx context.Context, op operation, x secret) error {
	if x.fresh {
		return nil
	}
	s := op.spec
	if !sameKmsKey(x.kmsKeyID, s.SecretKmsKeyId) {
		_, err := r.secrets.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: &x.ARN, KmsKeyId: &s.SecretKmsKeyId})
		if err != nil {
			return fmt.Errorf("KMS key of secret %s: %w", s.SecretName, awscall.Brief(err))
		}
	}
	return r.setSecretTags(ctx, s, x, x.KeepSecret(op.before()))
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
func (r *run) setSecretTags(ctx context.Context, s spec.Spec, x secret, tags map[string]string) error {
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
		_, err := r.secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &x.ARN, Tags: toSecretTags(changed)})
		if err != nil {
			return fmt.Errorf("tags of secret %s: %w", s.SecretName, awscall.Brief(err))
		}
	}
	if len(removed) > 0 {
		_, err := r.secrets.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: &x.ARN, TagKeys: removed})
		if err != nil {
			return fmt.Errorf("tags of secret %s: %w", s.SecretName, awscall.Brief(err))
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
