package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
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
	unreadable                   // there is one, and Secrets Manager does not show it
)

// content is the current value of a secret.
type content struct {
	state   valueState
	version string    // that a commit follows, or ""
	created time.Time // when that version was written
	fields  fields    // of a value that is a JSON object, and not of an earlier life
	why     error     // it cannot be read
}

// mayBeInUse reports whether somebody may work with the value, or has written it. One that cannot
// be read counts as committed: its KMS key may be given back.
func (c content) mayBeInUse() bool {
	switch c.state {
	case foreign, incomplete, committed, unreadable:
		return true
	case noValue, earlier, tombstone:
	}
	return false
}

// fields are those of a value by name, each as JSON: people add fields of any type. Whatever
// prints one prints REDACTED.
type fields map[string]secretKey

// text is what a field says that holds a string, and "" for any other.
func (f fields) text(name string) string {
	var text string
	if json.Unmarshal([]byte(f[name]), &text) != nil {
		return ""
	}
	return text
}

// with is the value in which our fields take the place of those of their names. The others stay
// as they are written, so that a number keeps its digits and no text becomes longer.
func (f fields) with(ours map[string]string) (string, error) {
	all := map[string]json.RawMessage{}
	for name, field := range f {
		all[name] = json.RawMessage(field)
	}
	for name, text := range ours {
		field, err := json.Marshal(text)
		if err != nil {
			return "", err
		}
		all[name] = field
	}
	var value strings.Builder
	encoder := json.NewEncoder(&value)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(all)
	return strings.TrimSuffix(value.String(), "\n"), err
}

// tombstoneValue is what undo writes: JSON of no fields at all.
const tombstoneValue = "null"

// restored is what a look waits for that may be from before the secret was restored.
var restored = awscall.LagOf("Secrets Manager shows the secret as restored", isMarkedForDeletion)

// readValue returns the current value of a secret that is not being deleted, or that there is one
// which cannot be read. The lags are those that the caller waits for beside late rights.
func (r *run) readValue(ctx context.Context, s spec.Spec, x secret, lags ...awscall.Lag) (content, error) {
	out, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &x.ARN},
		func(o *secretsmanager.Options) { o.Retryer = r.patience.Retryer(append(lags, awscall.LateRights)...) })
	if awscall.IsMissing(err) {
		return content{}, nil
	}
	if isUnreadable(err) {
		return r.describeValue(ctx, s, x, err)
	}
	if err != nil {
		return content{}, fmt.Errorf("value of secret %s: %w", s.SecretName, awscall.Brief(err))
	}
	c := content{state: foreign, version: aws.ToString(out.VersionId), created: aws.ToTime(out.CreatedDate)}
	switch {
	case c.version == x.EarlierVersion():
		c.state = earlier
		return c, nil
	case aws.ToString(out.SecretString) == tombstoneValue:
		c.state = tombstone
		return c, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &object) != nil {
		return c, nil
	}
	c.fields = fields{}
	for name, field := range object {
		c.fields[name] = secretKey(field)
	}
	switch {
	case c.fields.text(spec.FieldAccessKeyID) == "": // foreign
	case c.fields.text(spec.FieldSecretAccessKey) == "":
		c.state = incomplete
	default:
		c.state = committed
	}
	return c, nil
}

// isUnreadable reports whether Secrets Manager refuses to show a value: its KMS key is disabled or
// about to be deleted, or the role may not decrypt with it. That the role may not ask for the value
// is no such refusal: it says nothing of the key.
func isUnreadable(err error) bool {
	return isOfKmsKey(err) || awscall.IsCode(err, "InvalidRequestException") && !isMarkedForDeletion(err)
}

// errUnreadable says that nobody knows which key the secret names.
var errUnreadable = errors.New("its value cannot be read")

// describeValue tells what is known of a value that cannot be read: whether there is one. That needs
// no KMS key.
func (r *run) describeValue(ctx context.Context, s spec.Spec, x secret, refusal error) (content, error) {
	now, err := r.lookSecret(ctx, s, r.looking(s, "SecretName"))
	c := content{state: unreadable, version: now.current}
	switch {
	case err != nil:
		return content{}, err
	case c.version == "":
		c.state = noValue
	case c.version == x.EarlierVersion():
		c.state = earlier
	case c.version == x.buried:
		c.state = tombstone
	}
	c.why = awscall.Again(fmt.Errorf("secret %s: %w: %w; its KMS key is %s: give the key back, or set SecretKmsKeyId to another key or take it away: "+
		"a new access key is made then", s.SecretName, errUnreadable, awscall.Brief(refusal), kmsKeyName(now.kmsKeyID)))
	return c, nil
}

// awaitReadable reads a value again until it can be read, or until that can be no lag (L4): another
// delivery may have healed it a moment ago, and a second healing would take the key away that it made.
// The secret is looked at once more: its tags were as old, and name the key before.
func (r *run) awaitReadable(ctx context.Context, s spec.Spec, x secret) (secret, content, error) {
	current, err := awscall.Repeat(ctx, r.patience, "Secrets Manager shows a value that can be read", func() (content, bool, error) {
		current, err := r.readValue(ctx, s, x, restored)
		return current, err == nil && current.state == unreadable, err
	})
	if err != nil {
		return x, current, err
	}
	x, err = r.lookSecret(ctx, s, r.looking(s, "SecretName"))
	return x, current, err
}
