package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A ValueState is what the current value of a secret is to us.
type ValueState int

// The states of a value. The table in the page of package provision says what each operation does with it.
const (
	NoValue    ValueState = iota // the secret was begun, and nothing is committed
	Earlier                      // of an earlier life: the secret was restored with it
	Tombstone                    // written by undo, in place of credentials
	Foreign                      // written by hand: without the id of an access key
	Incomplete                   // with the id of an access key, without its secret
	Committed                    // credentials
	Unreadable                   // there is one, and Secrets Manager does not show it
)

// A Content is the current value of a secret.
type Content struct {
	State   ValueState
	Version string    // that a commit follows, or ""
	Created time.Time // when that version was written
	Fields  Fields    // of a value that is a JSON object, and not of an earlier life
	Why     error     // it cannot be read
}

// MayBeInUse reports whether somebody may work with the value, or has written it. One that cannot
// be read counts as committed: its KMS key may be given back.
func (c Content) MayBeInUse() bool {
	switch c.State {
	case Foreign, Incomplete, Committed, Unreadable:
		return true
	case NoValue, Earlier, Tombstone:
	}
	return false
}

// restored is what a look waits for that may be from before the secret was restored.
var restored = awscall.LagOf("Secrets Manager shows the secret as restored", isMarkedForDeletion)

// Read returns the current value of a secret that is not being deleted, or that there is one
// which cannot be read.
func (c Client) Read(ctx context.Context, x Secret) (Content, error) { return c.read(ctx, x, "") }

// ReadRestored is [Client.Read] for a secret that may have been restored a moment ago.
func (c Client) ReadRestored(ctx context.Context, x Secret) (Content, error) {
	return c.read(ctx, x, "", restored)
}

// An Ahead is a value that was read by the name of its secret alone, or nil.
type Ahead struct {
	out *secretsmanager.GetSecretValueOutput
}

// ReadAhead asks for the current value once. It returns nil where there is none, and where there is no answer.
func (c Client) ReadAhead(ctx context.Context) *Ahead {
	out, err := c.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &c.spec.SecretName},
		func(o *secretsmanager.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return nil
	}
	return &Ahead{out}
}

// Of is the content of a secret of ours, if the value is that of the version which the secret shows as current.
func (a *Ahead) Of(x Secret) (current Content, isCurrent bool) {
	if a == nil || !x.IsOurs() || x.Deleting || aws.ToString(a.out.ARN) != x.ARN || aws.ToString(a.out.VersionId) != x.Current {
		return Content{}, false
	}
	return contentOf(x, a.out), true
}

// ReadVersion returns the value of one version, which never changes once it is written. Where it is not written, or
// not shown yet, the state is [NoValue].
func (c Client) ReadVersion(ctx context.Context, x Secret, version string) (Content, error) {
	return c.read(ctx, x, version)
}

// read reads a version, or the current one for "". It waits for the lags beside late rights.
func (c Client) read(ctx context.Context, x Secret, version string, lags ...awscall.Lag) (Content, error) {
	in := &secretsmanager.GetSecretValueInput{SecretId: &x.ARN}
	if version != "" {
		in.VersionId = &version
	}
	out, err := c.secrets.GetSecretValue(ctx, in,
		func(o *secretsmanager.Options) { o.Retryer = c.patience.Retryer(append(lags, awscall.LateRights)...) })
	if awscall.IsMissing(err) {
		return Content{}, nil
	}
	if isUnreadable(err) && version != "" {
		return Content{State: Unreadable, Version: version, Why: c.ExplainKms(err, x.KmsKeyID)}, nil
	}
	if isUnreadable(err) {
		return c.describeValue(ctx, x, err)
	}
	if err != nil {
		return Content{}, fmt.Errorf("value of secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	return contentOf(x, out), nil
}

// contentOf tells what a value is.
func contentOf(x Secret, out *secretsmanager.GetSecretValueOutput) Content {
	value := Content{State: Foreign, Version: aws.ToString(out.VersionId), Created: aws.ToTime(out.CreatedDate)}
	switch {
	case value.Version == x.EarlierVersion():
		value.State = Earlier
		return value
	case aws.ToString(out.SecretString) == tombstoneValue:
		value.State = Tombstone
		return value
	}
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &object) != nil {
		return value
	}
	value.Fields = Fields{}
	for name, field := range object {
		value.Fields[name] = Text(field)
	}
	switch {
	case value.Fields.Get(spec.FieldAccessKeyID) == "": // foreign
	case value.Fields.Get(spec.FieldSecretAccessKey) == "":
		value.State = Incomplete
	default:
		value.State = Committed
	}
	return value
}

// isUnreadable reports whether Secrets Manager refuses to show a value: its KMS key is disabled or
// about to be deleted, or the role may not decrypt with it. That the role may not ask for the value
// is no such refusal: it says nothing of the key.
func isUnreadable(err error) bool {
	return IsOfKmsKey(err) || awscall.IsCode(err, "InvalidRequestException") && !isMarkedForDeletion(err)
}

// ErrUnreadable says that nobody knows which key the secret names.
var ErrUnreadable = errors.New("its value cannot be read")

// describeValue tells what is known of a value that cannot be read: whether there is one. That needs
// no KMS key.
func (c Client) describeValue(ctx context.Context, x Secret, refusal error) (Content, error) {
	now, err := c.Look(ctx)
	value := Content{State: Unreadable, Version: now.Current}
	switch {
	case err != nil:
		return Content{}, err
	case value.Version == "":
		value.State = NoValue
	case value.Version == x.EarlierVersion():
		value.State = Earlier
	case value.Version == x.buried:
		value.State = Tombstone
	}
	value.Why = awscall.Again(fmt.Errorf("secret %s: %w: %w; its KMS key is %s: give the key back, or set SecretKmsKeyId to another key or take it away: "+
		"a new access key is made then", c.spec.SecretName, ErrUnreadable, awscall.Brief(refusal), kmsKeyName(now.KmsKeyID)))
	return value, nil
}

// AwaitReadable reads a value again until it can be read, or until that can be no lag (L4): another
// delivery may have healed it a moment ago, and a second healing would take the key away that it made.
// The secret is looked at once more: its tags were as old, and name the key before.
func (c Client) AwaitReadable(ctx context.Context, x Secret) (Secret, Content, error) {
	current, err := awscall.Repeat(ctx, c.patience, "Secrets Manager shows a value that can be read", func() (Content, bool, error) {
		current, err := c.ReadRestored(ctx, x)
		return current, err == nil && current.State == Unreadable, err
	})
	if err != nil {
		return x, current, err
	}
	x, err = c.Look(ctx)
	return x, current, err
}

// AwaitValue waits until a value shows that another event has committed after the one of a
// version. What was read before may be from before that (L4).
func (c Client) AwaitValue(ctx context.Context, x Secret, after string) error {
	_, err := awscall.Repeat(ctx, c.patience, "Secrets Manager shows the new value", func() (Content, bool, error) {
		current, err := c.ReadRestored(ctx, x)
		return current, err == nil && current.Version == after, err
	})
	return err
}
