package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

var (
	// errConflict says that another event committed to the secret first.
	errConflict = errors.New("another event has committed other credentials")
	// errUnknown says that a commit may or may not have been taken.
	errUnknown = errors.New("the outcome of the commit is unknown")
	// errUndone says that another delivery of the event has failed and began to undo it.
	errUndone = errors.New("another delivery of this event has failed and undoes it")
)

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
	return x.exists && (isOurs(x.tags, s) || isReleased(x.tags) && x.tags[tagReleasedBy] == s.PhysicalID)
}

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
// One of ours that waits for its deletion is brought back too where the rest of the
// set is there, as somebody has deleted it by hand: what it holds is still ours.
// Otherwise it is what an earlier set of the same names has left, and soon gone.
func (p *Provisioner) ensureSecret(ctx context.Context, s spec.Spec, found set) (secret, error) {
	x := found.secret
	switch {
	case x.exists && isReleased(x.tags):
		return p.adoptSecret(ctx, s, x)
	case x.deleting && isOurs(x.tags, s) && (found.user.owned(s) || found.bucket.owned(s)):
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
		Tags:        toSecretTags(s.AllTags()),
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
	return secret{exists: true, fresh: true, ARN: aws.ToString(out.ARN), kmsKeyID: s.SecretKmsKeyId, tags: s.AllTags()}, nil
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
	delete(tags, tagReleasedBy)
	maps.Copy(tags, s.AllTags())
	if x.current != "" {
		tags[tagBefore] = x.current
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
	return p.setSecretTags(ctx, s, x, mergeTags(x.tags, s, c.old))
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

// content is the current value of a secret.
type content struct {
	version string
	fields  map[string]secretKey // empty: no credentials that count as committed

	isTombstone bool // written by undo
}

// tombstone is the value that undo writes: JSON of no fields at all.
const tombstone = "null"

// readValue returns the current value. A value that is not ours, a tombstone, or
// one of an earlier life counts as none, but its version is the one that a commit
// follows.
func (p *Provisioner) readValue(ctx context.Context, s spec.Spec, x secret) (content, error) {
	out, err := p.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &x.ARN})
	if isMissing(err) {
		return content{}, nil
	}
	if err != nil {
		return content{}, fmt.Errorf("value of secret %s: %w", s.SecretName, brief(err))
	}
	c := content{version: aws.ToString(out.VersionId)}
	c.isTombstone = c.version != x.tags[tagBefore] && aws.ToString(out.SecretString) == tombstone
	if c.version != x.tags[tagBefore] && json.Unmarshal([]byte(aws.ToString(out.SecretString)), &c.fields) != nil {
		c.fields = nil // written over by hand
	}
	return c, nil
}

// commit puts the credentials into the secret, unless they are there already. It
// is a compare-and-set, see settle.
func (p *Provisioner) commit(ctx context.Context, s spec.Spec, x secret, key *credential) error {
	fields := map[string]string{}
	same := len(key.stored) > 0
	for name, value := range s.SecretValue(key.ID, string(key.secret)) {
		fields[name] = value
		same = same && string(key.stored[name]) == value
	}
	if same && len(key.stored) == len(fields) {
		return nil
	}
	version, err := p.settle(ctx, s, x, key.follows, fields)
	if err != nil {
		return err
	}
	key.version, key.fresh = version, false
	return nil
}

// settle decides between events that write the secret at the same time: its token
// is derived from the secret and the version that the value follows, so Secrets
// Manager takes the first of them and refuses every other value for that token.
// Undo writes an empty value in the same way, before it removes anything, so that
// either it or the commit succeeds.
func (p *Provisioner) settle(ctx context.Context, s spec.Spec, x secret, follows string, fields map[string]string) (version string, err error) {
	value, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("value of secret %s: cannot be encoded", s.SecretName)
	}
	hash := sha256.Sum256([]byte(x.ARN + "\n" + follows))
	token := hex.EncodeToString(hash[:16])
	_, err = p.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId:           &x.ARN,
		ClientRequestToken: &token,
		SecretString:       aws.String(string(value)),
	})
	switch {
	case err == nil:
		return token, nil
	case isCode(err, "ResourceExistsException"):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, errConflict)
	case isDenied(err): // says who lacks which right, and nothing of the value
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, brief(err))
	case isRefused(err):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, withoutMessage(err))
	default:
		return "", fmt.Errorf("value of secret %s: %w: %w", s.SecretName, errUnknown, withoutMessage(err))
	}
}

// removeSecret deletes the secret, which must be ours, unless another Delete does so
// at the same time.
func (p *Provisioner) removeSecret(ctx context.Context, s spec.Spec, x secret) error {
	if x.deleting {
		return nil
	}
	if err := p.deleteSecret(ctx, s, x); !isMissing(err) && !isMarkedForDeletion(err) {
		return err
	}
	return nil
}

// deleteSecret deletes at once what was never committed, as there is nothing to
// recover; a restored secret goes back to where it came from. The tag comes first,
// as a secret that is being deleted cannot be tagged.
func (p *Provisioner) deleteSecret(ctx context.Context, s spec.Spec, x secret) error {
	in := &secretsmanager.DeleteSecretInput{SecretId: &x.ARN}
	days, err := p.recoveryDays(ctx, s, x)
	if err != nil {
		return err
	}
	if days == 0 {
		in.ForceDeleteWithoutRecovery = aws.Bool(true)
	} else {
		in.RecoveryWindowInDays = aws.Int64(int64(days))
		tags := maps.Clone(x.tags)
		delete(tags, tagBefore)
		tags[spec.TagOwner], tags[tagReleasedBy] = spec.Released, s.PhysicalID
		if err := p.setSecretTags(ctx, s, x, tags); err != nil {
			return err
		}
	}
	if _, err := p.secrets.DeleteSecret(ctx, in); err != nil {
		return fmt.Errorf("secret %s: %w", s.SecretName, brief(err))
	}
	return nil
}

// recoveryDays returns how long the secret can be recovered, 0 for not at all. One
// that is tagged released was on its way to its recovery window when an event was cut
// off: then that was decided already.
func (p *Provisioner) recoveryDays(ctx context.Context, s spec.Spec, x secret) (int, error) {
	if isReleased(x.tags) {
		return max(s.SecretRecoveryDays, minRecoveryDays), nil
	}
	if x.tags[tagBefore] == "" && s.SecretRecoveryDays == 0 {
		return 0, nil
	}
	current, err := p.readValue(ctx, s, x)
	switch {
	case err != nil:
		return 0, err
	case current.fields[spec.FieldAccessKeyID] != "":
		return s.SecretRecoveryDays, nil
	case x.tags[tagBefore] != "": // restored and never used: as it was
		return max(s.SecretRecoveryDays, minRecoveryDays), nil
	default:
		return 0, nil
	}
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
