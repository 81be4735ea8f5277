package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/rotation"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// Rotate carries out one step of a rotation by Secrets Manager. It may be repeated, at any time and also at the same
// time. An error changes nothing that is in use.
func (p *Provisioner) Rotate(ctx context.Context, e rotation.Event, log *slog.Logger) error {
	patience := awscall.NewPatience(log)
	patience.EndsWith(ctx)
	r := &run{clients: p.newClients(patience), log: log, patience: patience, op: operation{kind: kindInPlace}}
	return patience.Explain(r.rotate(ctx, e))
}

// rotating is a rotation that was admitted: the set, and what its secret holds.
type rotating struct {
	op      operation
	set     set
	current secret.Content
	version string // of the rotation; its id is the token

	rotationToken string
}

func (r *run) rotate(ctx context.Context, e rotation.Event) error {
	is, isOver, err := r.guard(ctx, e)
	if err != nil || isOver {
		return err
	}
	is.rotationToken = e.RotationToken
	switch e.Step {
	case rotation.CreateSecret:
		return r.createSecret(ctx, is)
	case rotation.TestSecret:
		return r.testSecret(ctx, is)
	case rotation.FinishSecret:
		return r.finishSecret(ctx, is)
	case rotation.SetSecret: // IAM knows the key that it has made
	}
	return nil
}

// guard lets a step begin, or says that it is over: its version has become current. The secret must be rotated by this
// very function, and the token be that of its rotation. Anybody who may invoke the function may send anything.
func (r *run) guard(ctx context.Context, e rotation.Event) (is rotating, isOver bool, err error) {
	is, err = r.admitRotation(ctx, e.SecretID, func(x secret.Secret) error {
		switch {
		case !x.Schedule.IsOn, x.Schedule.Function != r.provider.RotationFunctionARN:
			return fmt.Errorf("secret %s: is not rotated by this function; set RotateAfterDays of its resource", e.SecretID)
		case !x.HasBeenCurrent(e.Token) && !x.IsPending(e.Token):
			return errors.New("the token is not that of the rotation under way; nothing was changed")
		}
		return nil
	})
	if err != nil {
		return is, false, err
	}
	is.version = e.Token
	if is.set.secret.HasBeenCurrent(e.Token) {
		return is, true, r.endWon(ctx, is)
	}
	return is, false, nil
}

// endWon ends a rotation whose version has become current. Where somebody has moved the label by hand no tag names the
// key before, which is in use.
func (r *run) endWon(ctx context.Context, is rotating) error {
	x, room := is.set.secret, r.secretOf(is.op.spec)
	previous, err := room.PreviousKey(ctx, x, is.current, r.keysOf(is.op.spec).IsKey)
	if err != nil {
		return err
	}
	if previous != "" && previous != x.PreviousKey() {
		if err := room.Tag(ctx, x, claim.Previous(previous)); err != nil {
			return err
		}
	}
	return room.EndRotation(ctx, x, is.version)
}

// admitRotation finds out which set a secret is of, and refuses everything that is not whole and ours. The tags of
// the secret are claims, not proof: anybody may have copied them to a secret of his own. So the identity is computed
// from them anew, user and bucket of that identity must say the same, and the user must say that its keys go into this very secret. The
// policy of the bucket must let the user in where the value says: see bucket.CheckAccess. A secret that is refused may show from
// before what has just been written, and is looked at again.
func (r *run) admitRotation(ctx context.Context, id string, check func(secret.Secret) error) (is rotating, err error) {
	is, err = awscall.Repeat(ctx, r.patience, "Secrets Manager shows the secret as one that may be rotated", func() (rotating, bool, error) {
		is, refusal, err := r.admitSecret(ctx, id, check)
		return is, err == nil && refusal != nil, cmp.Or(err, refusal)
	})
	if err != nil {
		return is, err
	}
	return is, r.admitParts(ctx, &is)
}

func (r *run) admitSecret(ctx context.Context, id string, check func(secret.Secret) error) (is rotating, refusal, err error) {
	room := r.secretOf(spec.Spec{Provider: r.provider, Properties: spec.Properties{SecretName: id}})
	x, err := room.Look(ctx)
	switch {
	case err != nil:
		return is, nil, err
	case !x.Exists(), x.Deleting:
		return is, fmt.Errorf("secret %s: is gone, or waits for its deletion", id), nil
	case x.IsLaterFormat():
		return is, nil, fmt.Errorf("secret %s: is kept by a later version of the provider", id)
	}
	if refusal := check(x); refusal != nil {
		return is, refusal, nil
	}
	if is.current, err = room.ReadVersion(ctx, x, x.Current); err != nil {
		return is, nil, err
	}
	if is.current.State == secret.Unreadable {
		return is, nil, fmt.Errorf("secret %s: its value cannot be read: %w", x.Name, is.current.Why)
	}
	s, refusal := r.identify(x, is.current)
	if refusal != nil {
		return is, refusal, nil
	}
	is.op, is.set.secret = operation{kind: kindInPlace, spec: s}, x
	is.set.secret.Claim = x.For(s)
	return is, nil, nil
}

// identify is the spec of the set that a secret is of, as far as a rotation must know it.
func (r *run) identify(x secret.Secret, current secret.Content) (spec.Spec, error) {
	tags, fields := x.Tags(), current.Fields
	arn := fields.Get(spec.FieldUserARN)
	names := spec.Names{User: arn[strings.LastIndex(arn, "/")+1:], Bucket: fields.Get(spec.FieldBucket), Secret: x.Name}
	s, isOurs := spec.Identify(tags[spec.TagOwner], tags[spec.TagStackID], tags[spec.TagLogicalID], names, r.provider)
	if !isOurs || s.UserARN() != arn {
		return s, fmt.Errorf("secret %s: its tags and its value are not those of one resource; an update of the resource rights them", x.Name)
	}
	access, isVerified := x.Access()
	if access == "" {
		return s, fmt.Errorf("secret %s: has no tag %s; set RotateAfterDays of its resource", x.Name, spec.TagAccess)
	}
	s.Access, s.VerifyCredentials, s.Prefix = access, isVerified, fields.Get(spec.FieldPrefix)
	return s, nil
}

// admitParts looks at user, bucket and policy beside each other. What does not fit may show from before an event
// that has just ended, and is looked at again.
func (r *run) admitParts(ctx context.Context, is *rotating) error {
	_, err := awscall.Repeat(ctx, r.patience, "AWS shows the set as whole", func() (struct{}, bool, error) {
		refusal, err := r.refusalOfParts(ctx, is)
		return struct{}{}, err == nil && refusal != nil, cmp.Or(err, refusal)
	})
	return err
}

func (r *run) refusalOfParts(ctx context.Context, is *rotating) (refusal, err error) {
	s, x := is.op.spec, is.set.secret
	var prefix error
	var keys []keyring.Key
	err = together(
		func() (err error) { is.set.user, err = r.keysOf(s).Look(ctx); return err },
		func() (err error) { is.set.bucket, err = r.bucketOf(s).Look(ctx); return err },
		func() (err error) { prefix, err = r.bucketOf(s).CheckAccess(ctx); return err },
		func() (err error) { keys, err = r.keysOf(s).List(ctx); return err },
	)
	switch {
	case err != nil:
		return nil, err
	case !is.set.user.IsOurs():
		return fmt.Errorf("user %s: %s", s.UserName, is.set.user.Lacks()), nil
	case !is.set.user.IsBoundTo(x.ARN):
		return fmt.Errorf("user %s: its tag %s does not name secret %s; change RotateAfterDays of the resource", s.UserName, spec.TagSecret, x.ARN), nil
	case !is.set.bucket.IsOurs():
		return fmt.Errorf("bucket %s: %s", s.BucketName, is.set.bucket.Lacks()), nil
	case !is.speaksOf(keys):
		return fmt.Errorf("secret %s: names a key that is not of user %s, and was not written by this resource; an update of the resource rights it", s.SecretName, s.UserName), nil
	}
	return prefix, nil
}

// speaksOf reports whether the secret speaks of the keys that the user has: the value names one of them, or the tag of the previous key
// does. A rotation also repairs: a version that this resource has written, or that the rotation under way
// follows, may name one that is gone; and a user without keys has none of anybody else.
func (is rotating) speaksOf(keys []keyring.Key) bool {
	x, version := is.set.secret, is.current.Version
	token, follows := x.Rotation()
	isNamed := keyring.Has(keys, is.current.Fields.Get(spec.FieldAccessKeyID)) || keyring.Has(keys, x.PreviousKey())
	isWritten := x.IsOurVersion(version) || token == version || follows == version
	return isNamed || isWritten || len(keys) == 0
}
