package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/spec"
)

var (
	// errConflict says that another event committed to the secret first.
	errConflict = errors.New("another event has committed other credentials")
	// errUnknown says that a commit may or may not have been taken.
	errUnknown = errors.New("the outcome of the commit is unknown")
	// errTooLate says that a key was not committed while nobody else could delete it.
	errTooLate = errors.New("took too long until it worked")
	// errUndone says that another delivery of the event has failed and began to undo it.
	errUndone = errors.New("another delivery of this event has failed and undoes it")
)

// content is the current value of a secret.
type content struct {
	version string
	fields  map[string]secretKey // empty: no credentials that count as committed

	isTombstone bool // written by undo
	isForeign   bool // written by hand, over what was committed
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
	if c.version == x.tags[spec.TagBefore] {
		return c, nil
	}
	c.isTombstone = aws.ToString(out.SecretString) == tombstone
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &c.fields) != nil {
		c.fields = nil
	}
	c.isForeign = !c.isTombstone && c.fields[spec.FieldAccessKeyID] == ""
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
	if key.fresh {
		limit := key.created.Add(maxKeyAge)
		if time.Now().After(limit) {
			return fmt.Errorf("access key %s of user %s: %w", key.ID, s.UserName, errTooLate)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, limit)
		defer cancel()
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
