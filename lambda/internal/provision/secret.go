package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/spec"
)

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
	buried   string // id of the version in which this event has written a tombstone, or ""
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
			return x.Taken("secret "+s.SecretName, "SecretName")
		}
	case claim.Absent, claim.Hidden, claim.Ours, claim.Adopted, claim.Released, claim.Leaving:
	}
	return nil
}

// admitSecret is [secret.admit]. In a set that is in force a secret that is not ours was lost: its name is given.
func (r *run) admitSecret(s spec.Spec, x secret) error {
	if err := x.admit(s); err == nil || r.op.isNew() {
		return err
	}
	return awscall.Again(fmt.Errorf("secret %s: %s", s.SecretName, x.Lacks()))
}

// lookSecret describes the secret, without its value.
func (r *run) lookSecret(ctx context.Context, s spec.Spec, retryer aws.Retryer) (secret, error) {
	out, err := r.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretName},
		func(o *secretsmanager.Options) { o.Retryer = retryer })
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
		return r.adoptSecret(ctx, op.spec, x, found.bucket.Origin())
	case x.deleting && x.IsOurs() && isWanted:
		return r.restoreSecret(ctx, op.spec, x)
	case x.fresh, x.Exists() && !x.deleting:
		return x, nil
	default:
		return r.createSecret(ctx, op.spec, found.bucket.Origin())
	}
}

// nameTaken is what CreateSecret answers while Secrets Manager still deletes another secret of
// that name. DeleteSecret is asynchronous.
var nameTaken = awscall.LagOf("the name of the deleted secret is free", isScheduledForDeletion)

// createSecret creates the secret, or tells whose it is. One that exists is of another delivery
// of this event, of a repeated call whose answer was lost, or of somebody.
func (r *run) createSecret(ctx context.Context, s spec.Spec, origin string) (secret, error) {
	made := secret{Claim: claim.MadeSecret(s, origin), fresh: true, kmsKeyID: s.SecretKmsKeyId}
	in := &secretsmanager.CreateSecretInput{
		Name:        &s.SecretName,
		Description: aws.String("Credentials of IAM user " + s.UserName + " for bucket " + s.BucketName),
		Tags:        toSecretTags(made.Tags()),
	}
	if s.SecretKmsKeyId != "" {
		in.KmsKeyId = &s.SecretKmsKeyId
	}
	r.making.secret.Asked = true
	isThere := sync.OnceFunc(r.patience.Changed) // maybe since a moment ago
	return awscall.Repeat(ctx, r.patience, "Secrets Manager shows the secret", func() (secret, bool, error) {
		out, err := r.secrets.CreateSecret(ctx, in, func(o *secretsmanager.Options) {
			o.Retryer = r.patience.Retryer(awscall.LateRights, nameTaken)
		})
		switch {
		case awscall.IsCode(err, "ResourceExistsException"):
			isThere()
			return r.takenSecret(ctx, s)
		case isScheduledForDeletion(err):
			return secret{}, false, awscall.Again(fmt.Errorf("secret %s: is in its recovery window; restore it and delete it without one%s: %w",
				s.SecretName, r.orAnother("SecretName"), awscall.Brief(err)))
		case err != nil:
			r.making.secret.Fail(err)
			return secret{}, false, fmt.Errorf("secret %s: %w", s.SecretName, r.explainKms(err, s.SecretKmsKeyId))
		}
		r.making.secret.Made = true
		made.ARN = aws.ToString(out.ARN)
		isThere()
		r.log.Info("created", "secret", s.SecretName)
		return made, false, nil
	})
}

// takenSecret looks at a secret of which Secrets Manager says that it exists.
func (r *run) takenSecret(ctx context.Context, s spec.Spec) (found secret, isLag bool, err error) {
	found, err = r.lookSecret(ctx, s, r.looking(s, "SecretName"))
	if err == nil && !found.Exists() {
		return found, true, awscall.Again(fmt.Errorf("secret %s: exists, and Secrets Manager does not show it: wait some minutes", s.SecretName))
	}
	r.making.secret.Refused = found.IsTaken()
	return found, false, errors.Join(err, r.admitSecret(s, found))
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
// adopted the secret and committed to it since. The tags that were written count, a read may
// be from before: only the tags of another owner speak against them.
func (r *run) adoptSecret(ctx context.Context, s spec.Spec, x secret, origin string) (_ secret, err error) {
	if x.deleting {
		if x, err = r.restoreSecret(ctx, s, x); err != nil {
			return secret{}, err
		}
	}
	tags := x.AdoptSecret(x.current, origin)
	if err := r.setSecretTags(ctx, s, x, tags); err != nil {
		return secret{}, err
	}
	r.log.Info("took over what was released", "secret", s.SecretName)
	now, err := r.lookSecret(ctx, s, r.looking(s, "SecretName"))
	x.Claim = claim.Read(tags, s)
	return x, errors.Join(err, r.admitSecret(s, now))
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

// ensureSecretTags brings the tags of the secret in line. An event that begins the set knows by now
// where the bucket is from, and so does one that has made the bucket again.
func (r *run) ensureSecretTags(ctx context.Context, op operation, made set) error {
	x, origin := made.secret, made.secret.OriginOf(made.bucket.Claim)
	if op.isNew() || r.hasMade(op, made.bucket) {
		origin = made.bucket.Origin()
	}
	if made.lost.secret || x.fresh && origin == x.OriginOf(made.bucket.Claim) {
		return nil
	}
	s := op.spec
	tags := made.marks(op, x.KeepSecret(op.before(), origin))
	if op.changes(func(s spec.Spec) any { return s.Tags }) { // then nothing that was read is relied on
		x.Claim = claim.Read(withTags(x.Tags(), op.before().Tags, s.Tags), s)
	}
	return r.setSecretTags(ctx, s, x, tags)
}

// hasMade reports whether this delivery has made the bucket: it asked for that since there was none, and
// the tags are those of the event. S3 does not always say so: not in us-east-1, and not where its answer was lost. A
// bucket that an earlier delivery has made and said nothing of stays one that is let go of.
func (r *run) hasMade(op operation, b bucket.Bucket) bool {
	isOfEvent := r.notes.Asked && b.State == claim.Ours && b.IsOfEvent() && !op.spec.Sent.IsZero()
	return b.Fresh || isOfEvent
}

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
		if err := r.tagSecret(ctx, s, x, changed); err != nil {
			return err
		}
	}
	if len(removed) > 0 {
		return r.untagSecret(ctx, s, x, removed)
	}
	return nil
}

// tagSecret adds tags. It may be repeated.
func (r *run) tagSecret(ctx context.Context, s spec.Spec, x secret, tags map[string]string) error {
	_, err := r.secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: &x.ARN, Tags: toSecretTags(tags)})
	if err != nil {
		err = fmt.Errorf("tags of secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	return r.unlessSo(ctx, s, "tags", "", err, func(now secret) bool {
		with := maps.Clone(now.Tags())
		maps.Copy(with, tags)
		return maps.Equal(with, now.Tags())
	})
}

// untagSecret takes tags away. One that is not there is no error.
func (r *run) untagSecret(ctx context.Context, s spec.Spec, x secret, keys []string) error {
	_, err := r.secrets.UntagResource(ctx, &secretsmanager.UntagResourceInput{SecretId: &x.ARN, TagKeys: keys})
	if err != nil {
		err = fmt.Errorf("tags of secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	return r.unlessSo(ctx, s, "tags", "", err, func(now secret) bool {
		without := maps.Clone(now.Tags())
		maps.DeleteFunc(without, func(key, _ string) bool { return slices.Contains(keys, key) })
		return maps.Equal(without, now.Tags())
	})
}

// unlessSo drops the refusal to set something of the secret that others forbid to set and that is so already.
func (r *run) unlessSo(ctx context.Context, s spec.Spec, part, orElse string, refusal error, isSo func(secret) bool) error {
	left, err := awscall.UnlessSo(ctx, r.patience, refusal, awscall.MayBeOld, orElse, func() (bool, error) {
		now, err := r.lookSecret(ctx, s, r.looking(s, "SecretName"))
		return err == nil && now.Exists() && isSo(now), err
	})
	if left {
		r.log.Info("left what others forbid to set, and what is so already", "secret", s.SecretName, "part", part, "reason", refusal.Error())
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
