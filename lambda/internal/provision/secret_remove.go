package provision

import (
	"context"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/spec"
)

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
		delete(tags, spec.TagBefore)
		delete(tags, spec.TagLastEvent)
		delete(tags, spec.TagFormat)
		tags[spec.TagOwner], tags[spec.TagReleasedBy] = spec.Released, s.PhysicalID
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
	if x.tags[spec.TagBefore] == "" && s.SecretRecoveryDays == 0 {
		return 0, nil
	}
	current, err := p.readValue(ctx, s, x)
	switch {
	case err != nil:
		return 0, err
	case current.fields[spec.FieldAccessKeyID] != "", current.isForeign:
		return s.SecretRecoveryDays, nil
	case x.tags[spec.TagBefore] != "": // restored and never used: as it was
		return max(s.SecretRecoveryDays, minRecoveryDays), nil
	default:
		return 0, nil
	}
}
