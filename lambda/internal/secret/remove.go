package secret

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
)

// minRecoveryDays is the shortest recovery window of Secrets Manager.
const minRecoveryDays = 7

// Remove deletes the secret, which must be ours. It is no error if another Delete is
// faster.
func (c Client) Remove(ctx context.Context, x Secret) error {
	if x.Deleting {
		return nil
	}
	if err := c.deleteSecret(ctx, x); !awscall.IsMissing(err) && !isMarkedForDeletion(err) {
		return err
	}
	return nil
}

// deleteSecret deletes the secret at once, or schedules its deletion. A secret that can be
// recovered is tagged as released before, since Secrets Manager refuses tags afterwards.
func (c Client) deleteSecret(ctx context.Context, x Secret) error {
	in := &secretsmanager.DeleteSecretInput{SecretId: &x.ARN}
	days, err := c.recoveryDays(ctx, x)
	if err != nil {
		return err
	}
	if days == 0 {
		in.ForceDeleteWithoutRecovery = aws.Bool(true)
	} else {
		in.RecoveryWindowInDays = aws.Int64(int64(days))
		if err := c.SetTags(ctx, x, x.ReleaseSecret()); err != nil {
			return err
		}
	}
	if _, err := c.secrets.DeleteSecret(ctx, in); err != nil {
		return fmt.Errorf("secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	c.log.Info("removed", "secret", c.spec.SecretName, "recoveryDays", days)
	return nil
}

// recoveryDays returns for how many days the secret can be recovered, 0 for not at all. There
// is nothing to recover where nothing was committed. A secret that was restored and not used
// goes back into a recovery window. One that is tagged as released was on its way there when a
// delivery was cut off, and goes on.
func (c Client) recoveryDays(ctx context.Context, x Secret) (int, error) {
	released := max(c.spec.SecretRecoveryDays, minRecoveryDays)
	switch {
	case x.IsReleased():
		return released, nil
	case x.EarlierVersion() == "" && c.spec.SecretRecoveryDays == 0:
		return 0, nil
	}
	current, err := c.Read(ctx, x)
	switch {
	case awscall.IsByOthers(err): // it may be in use
		return max(c.spec.SecretRecoveryDays, minRecoveryDays), nil
	case err != nil:
		return 0, err
	case current.MayBeInUse():
		return c.spec.SecretRecoveryDays, nil
	case x.EarlierVersion() != "": // restored and never used: as it was
		return released, nil
	default:
		return 0, nil
	}
}
