package provision

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// removeSecret deletes the secret, which must be ours. It is no error if another Delete is
// faster.
func (r *run) removeSecret(ctx context.Context, s spec.Spec, x secret) error {
	if x.deleting {
		return nil
	}
	if err := r.deleteSecret(ctx, s, x); !awscall.IsMissing(err) && !isMarkedForDeletion(err) {
		return err
	}
	return nil
}

// deleteSecret deletes the secret at once, or schedules its deletion. A secret that can be
// recovered is tagged as released before, since Secrets Manager refuses tags afterwards.
func (r *run) deleteSecret(ctx context.Context, s spec.Spec, x secret) error {
	in := &secretsmanager.DeleteSecretInput{SecretId: &x.ARN}
	days, err := r.recoveryDays(ctx, s, x)
	if err != nil {
		return err
	}
	if days == 0 {
		in.ForceDeleteWithoutRecovery = aws.Bool(true)
	} else {
		in.RecoveryWindowInDays = aws.Int64(int64(days))
		if err := r.setSecretTags(ctx, s, x, x.ReleaseSecret()); err != nil {
			return err
		}
	}
	if _, err := r.secrets.DeleteSecret(ctx, in); err != nil {
		return fmt.Errorf("secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	r.log.Info("removed", "secret", s.SecretName, "recoveryDays", days)
	return nil
}

// recoveryDays returns for how many days the secret can be recovered, 0 for not at all. There
// is nothing to recover where nothing was committed. A secret that was restored and not used
// goes back into a recovery window. One that is tagged as released was on its way there when a
// delivery was cut off, and goes on.
func (r *run) recoveryDays(ctx context.Context, s spec.Spec, x secret) (int, error) {
	released := max(s.SecretRecoveryDays, minRecoveryDays)
	switch {
	case x.IsReleased():
		return released, nil
	case x.EarlierVersion() == "" && s.SecretRecoveryDays == 0:
		return 0, nil
	}
	current, err := r.readValue(ctx, s, x)
	switch {
	case awscall.IsByOthers(err): // it may be in use
		return max(s.SecretRecoveryDays, minRecoveryDays), nil
	case err != nil:
		return 0, err
	case current.mayBeInUse():
		return s.SecretRecoveryDays, nil
	case x.EarlierVersion() != "": // restored and never used: as it was
		return released, nil
	default:
		return 0, nil
	}
}
