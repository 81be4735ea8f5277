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

// A valueState is what the current value of a secret is to us.
type valueState int

// The states of a value. The table in the package page says what each operation does with it.
const (
	noValue    valueState = iota // the secret was begun, and nothing is committed
	earlier                      // of an earlier life: the secret was restored with it
	tombstone                    // written by undo, in place of credentials
	foreign                      // written by hand: without the id of an access key
	incomplete                   // with the id of an access key, without its secret
	committed                    // credentials
)

// content is the current value of a secret.
type content struct {
	state   valueState
	version string               // that a commit follows, or ""
	created time.Time            // when that version was written
	fields  map[string]secretKey // of a value that is incomplete or committed
}

// mayBeInUse reports whether somebody may work with the value, or has written it.
func (c content) mayBeInUse() bool {
	switch c.state {
	case foreign, incomplete, committed:
		return true
	case noValue, earlier, tombstone:
	}
	return false
}

// tombstoneValue is what undo writes: JSON of no fields at all.
const tombstoneValue = "null"

// restored is what a look waits for that may be from before the secret was restored.
var restored = awscall.LagOf("Secrets Manager shows the secret as restored", isMarkedForDeletion)

// readValue returns the current value of a secret that is not being deleted. The lags are those
// that the caller waits for beside late rights.
func (r *run) readValue(ctx context.Context, s spec.Spec, x secret, lags ...awscall.Lag) (content, error) {
	out, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &x.ARN},
		func(o *secretsmanager.Options) { o.Retryer = r.patience.Retryer(append(lags, awscall.LateRights)...) })
	if awscall.IsMissing(err) {
		return content{}, nil
	}
	if err != nil {
		return content{}, fmt.Errorf("value of secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	c := content{state: foreign, version: aws.ToString(out.VersionId), created: aws.ToTime(out.CreatedDate)}
	var fields map[string]secretKey
	isObject := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &fields) == nil
	switch {
	case c.version == x.EarlierVersion():
		c.state = earlier
	case aws.ToString(out.SecretString) == tombstoneValue:
		c.state = tombstone
	case !isObject || fields[spec.FieldAccessKeyID] == "": // foreign
	case fields[spec.FieldSecretAccessKey] == "":
		c.state, c.fields = incomplete, fields
	default:
		c.state, c.fields = committed, fields
	}
	return c, nil
}

// awaitValue waits until a value shows that another event has committed after the one of a
// version. What was read before may be from before that (L4).
func (r *run) awaitValue(ctx context.Context, s spec.Spec, x secret, after string) error {
	_, err := awscall.Repeat(ctx, r.patience, "Secrets Manager shows the new value", func() (content, bool, error) {
		current, err := r.readValue(ctx, s, x, restored)
		return current, err == nil && current.version == after, err
	})
	return err
}

// commit puts the credentials into the secret, unless they are there already. A new key is
// committed within its lease or not at all.
func (r *run) commit(ctx context.Context, op operation, x secret, key *credential) error {
	s := op.spec
	isOlder := key.since.Before(s.Sent) // what is younger than the event, a delivery of it has written
	isChanged := isOlder && op.changes(func(s spec.Spec) any { return s.SecretValue("", "") })
	fields := map[string]string{}
	same := len(key.stored) > 0
	for name, value := range s.SecretValue(key.ID, string(key.secret)) {
		fields[name] = value
		same = same && string(key.stored[name]) == value
	}
	if same && len(key.stored) == len(fields) && !isChanged {
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
	if key.previous != "" && key.previous != x.PreviousKey() { // before another key is in the value
		if err := r.tagSecret(ctx, s, x, claim.Previous(key.previous)); err != nil {
			return err
		}
	}
	version, err := r.settle(ctx, s, x, key.follows, fields)
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
func (r *run) settle(ctx context.Context, s spec.Spec, x secret, follows string, fields map[string]string) (version string, err error) {
	value, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("value of secret %s: cannot be encoded", s.SecretName)
	}
	hash := sha256.Sum256([]byte(x.ARN + "\n" + follows))
	token := hex.EncodeToString(hash[:16])
	_, err = r.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId:           &x.ARN,
		ClientRequestToken: &token,
		SecretString:       aws.String(string(value)),
	})
	switch {
	case err == nil:
		return token, nil
	case awscall.IsCode(err, "ResourceExistsException"):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, errConflict)
	case awscall.IsMissing(err):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, errNoSecret)
	case awscall.IsDenied(err): // its message names the missing right and quotes nothing of the value
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, awscall.Brief(err))
	case awscall.IsRefused(err):
		return "", fmt.Errorf("value of secret %s: %w", s.SecretName, awscall.WithoutMessage(err))
	default:
		return "", fmt.Errorf("value of secret %s: %w: %w", s.SecretName, errUnknown, awscall.WithoutMessage(err))
	}
}
