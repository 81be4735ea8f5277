package secret

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
)

// What becomes of a value that was to be written.
var (
	// ErrConflict says that another event committed to the secret first.
	ErrConflict = errors.New("another event has committed other credentials")
	// ErrUnknown says that nobody knows whether Secrets Manager took the commit.
	ErrUnknown = errors.New("the outcome of the commit is unknown")
	// ErrNoSecret says that the secret is gone.
	ErrNoSecret = errors.New("the secret was deleted meanwhile")
)

// Settle writes a value that follows a known version: a compare-and-set. Of several events that write
// at the same time one wins, and the others get ErrConflict. Undo writes its tombstone in the
// same way: either the tombstone or a commit wins.
func (c Client) Settle(ctx context.Context, x Secret, follows, value string) (version string, err error) {
	if follows == "" {
		version = firstVersion(x.ARN)
		return version, c.put(ctx, x, value, version)
	}
	version = stagedVersion()
	if err := c.put(ctx, x, value, version, staged); err != nil {
		if errors.Is(err, ErrUnknown) { // whether it is staged, and nobody takes it from there
			err = fmt.Errorf("value of secret %s: %w", c.spec.SecretName, errNotStaged)
		}
		return "", err
	}
	return version, c.Move(ctx, x, follows, version)
}

// errNotStaged says that a value was not written, or lies beside the current one.
var errNotStaged = errors.New("no answer came from Secrets Manager")

// firstVersion is the idempotency token of the first commit, as every version of the function has made it.
// Secrets Manager takes the first value for a token and refuses every other one. Nothing can have been
// current before, so nobody moves anything beside it.
func firstVersion(arn string) string {
	hash := sha256.Sum256([]byte(arn + "\n"))
	return hex.EncodeToString(hash[:16])
}

// stagedPrefix begins the idempotency token of every later value, which is another each time.
const stagedPrefix = "staged-"

func stagedVersion() string { return stagedPrefix + rand.Text() }

// IsOurVersion reports whether this package has chosen the id of a version of the secret.
func (x Secret) IsOurVersion(version string) bool {
	return version == firstVersion(x.ARN) || strings.HasPrefix(version, stagedPrefix)
}

// put writes a value under an idempotency token with a label, or as the current one without. Secrets Manager
// makes the first version of a secret current whatever the labels are.
func (c Client) put(ctx context.Context, x Secret, value, token string, labels ...string) error {
	return c.putValue(ctx, x, &secretsmanager.PutSecretValueInput{
		SecretId:           &x.ARN,
		ClientRequestToken: &token,
		SecretString:       &value,
		VersionStages:      labels,
	})
}

func (c Client) putValue(ctx context.Context, x Secret, in *secretsmanager.PutSecretValueInput) error {
	_, err := c.secrets.PutSecretValue(ctx, in)
	switch {
	case err == nil:
		return nil
	case awscall.IsCode(err, "ResourceExistsException"):
		err = ErrConflict
	case awscall.IsMissing(err):
		err = ErrNoSecret
	case awscall.IsDenied(err), IsOfKmsKey(err): // the message names what is missing and quotes nothing of the value
		err = c.ExplainKms(err, x.KmsKeyID)
	case awscall.IsRefused(err):
		err = awscall.WithoutMessage(err)
	default:
		err = fmt.Errorf("%w: %w", ErrUnknown, awscall.WithoutMessage(err))
	}
	return fmt.Errorf("value of secret %s: %w", c.spec.SecretName, err)
}

// tombstoneValue is what undo writes: JSON of no fields at all.
const tombstoneValue = "null"

// Forget puts a tombstone in the place of credentials. Where the KMS key cannot be used a tag says that
// nothing is committed.
func (c Client) Forget(ctx context.Context, x Secret) error {
	current, err := c.Read(ctx, x)
	if err != nil {
		return err
	}
	if current.State != Unreadable {
		_, err = c.Settle(ctx, x, current.Version, tombstoneValue)
		if !IsOfKmsKey(err) {
			return err
		}
	}
	return c.Tag(ctx, x, claim.Before(current.Version))
}

// Bury commits an empty value, a tombstone, in the place of credentials. Whoever proves a key
// for the set at the same time is then refused, and a delivery that finds the tombstone
// stops. It reports that the set stays if credentials were committed before, or if a later
// version of the provider keeps the secret: then the Delete, or the Update back, removes all.
func (c Client) Bury(ctx context.Context, x *Secret) (stays bool, err error) {
	switch {
	case !x.IsOursOrLeaving():
		return false, nil
	case x.IsLaterFormat():
		c.log.Warn("did not undo what a later version of the provider keeps", "secret", c.spec.SecretName)
		return true, nil
	case x.Deleting:
		return false, nil
	}
	current, err := c.Read(ctx, *x)
	if err != nil {
		return false, err
	}
	if current.MayBeInUse() {
		c.log.Info("did not undo what is committed", "secret", c.spec.SecretName)
		return true, nil
	}
	x.buried, err = c.Settle(ctx, *x, current.Version, tombstoneValue)
	switch {
	case errors.Is(err, ErrConflict):
		return true, nil
	case errors.Is(err, ErrNoSecret): // nobody can commit any more
		return false, nil
	case awscall.IsDenied(err), IsOfKmsKey(err): // without the right to commit, or the KMS key, nobody has
		return false, nil
	}
	return false, err
}
