package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

var (
	// errConflict says that another event committed to the secret first.
	errConflict = errors.New("another event has committed other credentials")
	// errUnknown says that nobody knows whether Secrets Manager took the commit.
	errUnknown = errors.New("the outcome of the commit is unknown")
	// errTooLate says that the lease of a key ended before its commit: another delivery may
	// delete the key from then on.
	errTooLate = errors.New("took too long until it worked")
	// errNoSecret says that the secret is gone.
	errNoSecret = errors.New("the secret was deleted meanwhile")
	// errUndone says that another delivery of the event has failed and has begun to undo it.
	errUndone = errors.New("another delivery of this event has failed and undoes it")
)

// awaitValue waits until a value shows that another event has committed after the one of a
// version. What was read before may be from before that (L4).
func (r *run) awaitValue(ctx context.Context, s spec.Spec, x secret, after string) error {
	_, err := awscall.Repeat(ctx, r.patience, "Secrets Manager shows the new value", func() (content, bool, error) {
		current, err := r.readValue(ctx, s, x, restored)
		return current, err == nil && current.version == after, err
	})
	return err
}

// maxValue is how many bytes a value of Secrets Manager may have.
const maxValue = 65536

// commit puts the credentials into the secret, unless they are there already, beside the fields
// that others have added. A new key is committed within its lease or not at all.
func (r *run) commit(ctx context.Context, op operation, x secret, key *credential) error {
	s := op.spec
	isOlder := key.since.Before(s.Sent) // what is younger than the event, a delivery of it has written
	isChanged := isOlder && op.changes(func(s spec.Spec) any { return s.SecretValue("", "") })
	ours := s.SecretValue(key.ID, string(key.secret))
	same := len(key.stored) > 0
	for name, text := range ours {
		same = same && key.stored.text(name) == text
	}
	if same && !isChanged {
		return nil
	}
	value, err := key.stored.with(ours)
	switch {
	case err != nil:
		return fmt.Errorf("value of secret %s: cannot be encoded", s.SecretName)
	case len(value) > maxValue:
		return awscall.Again(fmt.Errorf("value of secret %s: has %d bytes with the fields that others have added, and %d at most are possible; "+
			"take away what does not belong there", s.SecretName, len(value), maxValue))
	}
	if key.fresh {
		limit := key.created.Add(maxKeyAge)
		if time.Now().After(limit) {
			return fmt.Errorf("access key %s of user %s: %w", key.ID, s.UserName, errTooLate)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, limit)
		defer cancel()
	}
	if key.previous != "" && key.previous != x.PreviousKey() { // before another key is in the value
		if err := r.tagSecret(ctx, s, x, claim.Previous(key.previous)); err != nil {
			return err
		}
	}
	version, err := r.settle(ctx, s, x, key.follows, value)
	if err != nil {
		return err
	}
	r.log.Info("stored the credentials", "secret", s.SecretName, "accessKeyId", key.ID)
	key.version, key.fresh = version, false
	return nil
}

// settle writes a value that follows a known version: a compare-and-set. The idempotency
// token is a hash of the secret's ARN and of that version. Secrets Manager takes the first
// value for a token and refuses every other one, so of several events that write at the same
// time one wins, and the others get errConflict. Undo writes its tombstone in the same way:
// either the tombstone or a commit wins.
func (r *run) settle(ctx context.Context, s spec.Spec, x secret, follows, value string) (version string, err error) {
	hash := sha256.Sum256([]byte(x.ARN + "\n" + follows))
	token := hex.EncodeToString(hash[:16])
	_, err = r.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId:           &x.ARN,
		ClientRequestToken: &token,
		SecretString:       &value,
	})
	switch {
	case err == nil:
		return token, nil
	case awscall.IsCode(err, "ResourceExistsException"):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, errConflict)
	case awscall.IsMissing(err):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, errNoSecret)
	case awscall.IsDenied(err), isOfKmsKey(err): // the message names what is missing and quotes nothing of the value
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, r.explainKms(err, x.kmsKeyID))
	case awscall.IsRefused(err):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, awscall.WithoutMessage(err))
	default:
		return "", fmt.Errorf("value of secret %s: %w: %w", s.SecretName, errUnknown, awscall.WithoutMessage(err))
	}
}
