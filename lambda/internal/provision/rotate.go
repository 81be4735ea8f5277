package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// A rotation follows one version of the secret, and writes that down before it writes a value. Its last step
// moves AWSCURRENT from that version and from no other, so whatever was committed since has won. The key that it replaces
// goes on working until the next rotation begins, which needs its place: IAM allows two.

// errOvertaken says that another value is current since the rotation began.
var errOvertaken = errors.New("the secret has been written since the rotation began: it was given up, and the next one begins anew")

// createSecret makes a key and writes it under the token, beside what is current. It waits while the user has no room for
// one; another run of the step may be about to write its key.
func (r *run) createSecret(ctx context.Context, is rotating) error {
	_, err := awaitRoom(ctx, keyring.Forsaken+keyring.LeaseMargin, func() (struct{}, error) {
		err := r.tryCreateSecret(ctx, is)
		if errors.Is(err, keyring.ErrRotating) { // of this one, by another run of the step, or of one that cannot be finished
			err = r.tryCreateSecret(ctx, is)
		}
		return struct{}{}, err
	})
	if errors.Is(err, keyring.ErrRotating) {
		err = errors.Join(err, r.abandon(ctx, is.op.spec, is.set.secret))
	}
	return err
}

// tryCreateSecret is one attempt of createSecret. A value that is there stays: an earlier run
// of the step has written it, or it is that of the test with which Secrets Manager turns rotation on.
func (r *run) tryCreateSecret(ctx context.Context, is rotating) error {
	looked := time.Now()
	pending, err := r.secretOf(is.op.spec).ReadVersion(ctx, is.set.secret, is.version)
	switch {
	case err != nil:
		return err
	case pending.State == secret.Unreadable:
		return pending.Why
	case pending.State != secret.NoValue:
		return r.checkBegun(ctx, is, pending)
	}
	key, err := r.inherit(ctx, is)
	if err == nil && key.ID == "" {
		key, err = r.rotateKey(ctx, is, looked)
	}
	if err != nil {
		return err
	}
	err = r.putPending(ctx, is, key)
	if err == nil || errors.Is(err, secret.ErrUnknown) { // it may be there, or come in a moment
		return err
	}
	return errors.Join(err, r.discard(ctx, is.op.spec, key))
}

// checkBegun refuses to go on with a value that follows another version than the current one, or whose key is gone: nobody
// can write another one under its token.
func (r *run) checkBegun(ctx context.Context, is rotating, pending secret.Content) error {
	is, err := r.noted(ctx, is)
	if err != nil {
		return err
	}
	x, id := is.set.secret, pending.Fields.Get(spec.FieldAccessKeyID)
	if r.bringsNoKey(is, pending) {
		return nil
	}
	token, follows := x.Rotation()
	switch {
	case token != is.version: // its note was taken off while the value was written
		return errors.Join(errOvertaken, r.abandon(ctx, is.op.spec, x))
	case follows != x.Current:
		return r.overtaken(ctx, is, pending)
	}
	key, _, err := r.keysOf(is.op.spec).Active(ctx, id, pending.Created)
	if err == nil && key == nil {
		return errors.Join(fmt.Errorf("access key %s of user %s: %w", id, is.op.spec.UserName, errLost), r.overtaken(ctx, is, pending))
	}
	return err
}

// noted is the rotation as the secret shows it together with its note, which may come a moment after its value.
func (r *run) noted(ctx context.Context, is rotating) (rotating, error) {
	if token, _ := is.set.secret.Rotation(); token == is.version {
		return is, nil
	}
	return awscall.Repeat(ctx, r.patience, "Secrets Manager shows what the rotation follows", func() (rotating, bool, error) {
		now, err := r.secretOf(is.op.spec).Look(ctx)
		if err != nil {
			return is, false, err
		}
		is.set.secret = is.set.secret.As(now)
		token, _ := now.Rotation()
		return is, token != is.version && now.IsPending(is.version) && !now.HasBeenCurrent(is.version), nil
	})
}

// overtaken gives up a rotation that follows a version which is current no more.
func (r *run) overtaken(ctx context.Context, is rotating, pending secret.Content) error {
	err := r.dropPending(ctx, is.op.spec, is.set.secret, is.version, is.set.secret.Current, pending)
	return errors.Join(errOvertaken, err)
}

// inherit returns the key of another rotation that follows the current version and was not finished: a cancelled one, or one
// that Secrets Manager goes on with under another token. Its last step may come late, and then the key must be there.
func (r *run) inherit(ctx context.Context, is rotating) (credential, error) {
	x := is.set.secret
	token, follows := x.Rotation()
	if token == "" || token == is.version || follows != x.Current || x.HasBeenCurrent(token) {
		return credential{}, nil
	}
	begun, err := r.secretOf(is.op.spec).ReadVersion(ctx, x, token)
	if err != nil || begun.State != secret.Committed {
		return credential{}, err
	}
	id := begun.Fields.Get(spec.FieldAccessKeyID)
	keys, err := r.keysOf(is.op.spec).List(ctx)
	if err != nil || !keyring.HasActive(keys, id) {
		return credential{}, err
	}
	r.log.Info("goes on with the key of a rotation that was not finished", "user", is.op.spec.UserName, "accessKeyId", id, "rotation", token)
	return credential{ID: id, secret: secret.Text(begun.Fields.Get(spec.FieldSecretAccessKey)), stored: is.current.Fields, follows: x.Current}, nil
}

// rotateKey makes a key that follows the current version, whether that names one which works or not.
func (r *run) rotateKey(ctx context.Context, is rotating, looked time.Time) (credential, error) {
	key, err := r.keyIn(ctx, is.op, is.set, is.current)
	if err != nil {
		return credential{}, err
	}
	if key.ID != "" {
		key = key.displace()
	}
	return r.mintKey(ctx, is.op, is.set, key, looked)
}

// putPending notes which version the rotation follows, and writes its value, as long as the key has its lease. Where
// another run of this step has written one, that counts. A schedule that was ended meanwhile ends the rotation.
func (r *run) putPending(ctx context.Context, is rotating, key credential) error {
	s, x, room := is.op.spec, is.set.secret, r.secretOf(is.op.spec)
	value, err := room.Value(key.stored, map[string]string{spec.FieldAccessKeyID: key.ID, spec.FieldSecretAccessKey: string(key.secret)})
	if err != nil {
		return err
	}
	if key.fresh {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, key.created.Add(keyring.Lease))
		defer cancel()
	}
	if err := room.Tag(ctx, x, claim.Rotating(is.version, key.follows)); err != nil {
		return err
	}
	if err := room.PutPending(ctx, x, is.version, is.rotationToken, value); err != nil {
		if errors.Is(err, secret.ErrConflict) {
			return r.discard(ctx, s, key)
		}
		return err
	}
	now, err := room.Look(ctx)
	if err != nil || now.Schedule.IsOn && !now.Deleting {
		return nil // the value is there, which is all that this step promises
	}
	return errors.Join(fmt.Errorf("secret %s: is rotated no more", s.SecretName), r.abandon(ctx, s, x))
}

// testSecret proves the new key. Without one it is the test with which Secrets Manager turns rotation on: nothing is made
// then, and the version has no value, or the current one. What was just written may not show yet.
func (r *run) testSecret(ctx context.Context, is rotating) error {
	pending, err := r.begunValue(ctx, is)
	id := pending.Fields.Get(spec.FieldAccessKeyID)
	switch {
	case err != nil:
		return err
	case pending.State == secret.NoValue, id == is.current.Fields.Get(spec.FieldAccessKeyID):
		r.log.Info("found no new key to test", "secret", is.op.spec.SecretName)
		return nil
	}
	return r.proveBegun(ctx, is, pending)
}

// begunValue reads the value of the rotation, again while its note says that there is one.
func (r *run) begunValue(ctx context.Context, is rotating) (secret.Content, error) {
	s, x := is.op.spec, is.set.secret
	token, _ := x.Rotation()
	pending, err := awscall.Repeat(ctx, r.patience, "Secrets Manager shows the value of the rotation", func() (secret.Content, bool, error) {
		pending, err := r.secretOf(s).ReadVersion(ctx, x, is.version)
		return pending, err == nil && pending.State == secret.NoValue && token == is.version, err
	})
	switch {
	case err != nil:
		return pending, err
	case pending.State == secret.Unreadable:
		return pending, pending.Why
	case pending.State == secret.NoValue && token == is.version:
		return pending, fmt.Errorf("secret %s: the version of the rotation has no value", s.SecretName)
	}
	return pending, nil
}

// proveBegun shows that the key of the rotation does what Access promises, or, where new keys are not proven, that S3 knows it.
func (r *run) proveBegun(ctx context.Context, is rotating, pending secret.Content) error {
	key := credential{ID: pending.Fields.Get(spec.FieldAccessKeyID), secret: secret.Text(pending.Fields.Get(spec.FieldSecretAccessKey)), created: pending.Created}
	return r.proveNow(ctx, is.op, is.set, key)
}

// finishSecret moves AWSCURRENT to the version of the rotation, once its key is proven. The value must be the current one in
// everything but the key: whatever was committed since createSecret has won.
func (r *run) finishSecret(ctx context.Context, is rotating) error {
	is, err := r.noted(ctx, is)
	if err != nil {
		return err
	}
	s, x := is.op.spec, is.set.secret
	pending, err := r.begunValue(ctx, is)
	if err != nil {
		return err
	}
	token, follows := x.Rotation()
	switch {
	case token != is.version || pending.State != secret.Committed: // a left label would be in the way of the next one
		err := fmt.Errorf("secret %s: this rotation has made no key", s.SecretName)
		return errors.Join(err, r.endKeyless(ctx, is, pending))
	case follows != x.Current, !pending.Fields.SameBut(is.current.Fields, spec.FieldAccessKeyID, spec.FieldSecretAccessKey):
		return r.overtaken(ctx, is, pending)
	}
	if err := r.proveBegun(ctx, is, pending); err != nil {
		return err
	}
	previous, err := r.displacedKey(ctx, is)
	if err != nil {
		return err
	}
	if previous != "" {
		if err := r.secretOf(s).Tag(ctx, x, claim.Previous(previous)); err != nil {
			return err
		}
	}
	if err := r.secretOf(s).Move(ctx, x, follows, is.version); err != nil {
		if errors.Is(err, secret.ErrConflict) {
			return r.overtaken(ctx, is, pending)
		}
		return err
	}
	id := pending.Fields.Get(spec.FieldAccessKeyID)
	r.log.Info("rotated the key", "secret", s.SecretName, "user", s.UserName, "accessKeyId", id, "previous", previous)
	if err := r.secretOf(s).EndRotation(ctx, x, is.version); err != nil {
		return err
	}
	isKept, err := r.sweep(ctx, s, credential{ID: id, previous: previous, version: is.version})
	if err == nil && !isKept {
		err = fmt.Errorf("access key %s of user %s: %w", id, s.UserName, errLost)
	}
	return err
}

// endKeyless takes AWSPENDING off a version that brings no key: of a test that was not ended, or of a rotation that has won before
// and was cut off then.
func (r *run) endKeyless(ctx context.Context, is rotating, pending secret.Content) error {
	if !r.bringsNoKey(is, pending) {
		return nil
	}
	return r.secretOf(is.op.spec).EndRotation(ctx, is.set.secret, is.version)
}

// bringsNoKey reports whether a value names a key that is in use.
func (r *run) bringsNoKey(is rotating, pending secret.Content) bool {
	id := pending.Fields.Get(spec.FieldAccessKeyID)
	return id != "" && (id == is.current.Fields.Get(spec.FieldAccessKeyID) || id == is.set.secret.PreviousKey())
}

// displacedKey is the id of the key that the current value names, if it goes on working: consumers have it. If not, the
// previous key stays the one that it is.
func (r *run) displacedKey(ctx context.Context, is rotating) (string, error) {
	key, _, err := r.keysOf(is.op.spec).Active(ctx, is.current.Fields.Get(spec.FieldAccessKeyID), is.current.Created)
	if err != nil || key == nil {
		return "", err
	}
	return key.ID, nil
}
