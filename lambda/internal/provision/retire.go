package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/spec"
)

// PreviousKey Delete acts, and is no state: it stands in the properties long after the Update that asked for it. No
// scheduled rotation, repair or later Update retires a key because of it, and no rollback.

// asksToRetire reports whether an Update asks for the end of the previous key.
func (op operation) asksToRetire() bool {
	isAsked := op.before().PreviousKey == spec.KeepKey || op.asksForKey()
	return op.kind == kindInPlace && op.before().PhysicalID != "" && op.spec.PreviousKey == spec.DeleteKey && isAsked
}

// retire deletes the previous key where the event asks for that. It is the last step, and final.
func (r *run) retire(ctx context.Context, op operation, made set, key credential) error {
	if !op.asksToRetire() {
		return nil
	}
	switch r.directionOf(ctx, op) {
	case backward:
		return nil
	case untold:
		return r.keepPrevious(op, errors.New("CloudFormation does not say whether this is a rollback"))
	case forward:
	}
	if made.lost.bucket {
		return r.keepPrevious(op, errors.New("in a bucket that is lost the current key cannot be proven"))
	}
	old, err := r.previousKey(ctx, op, key)
	if err != nil || old.ID == "" {
		return err
	}
	if !key.isRotation() {
		if err := r.proveNow(ctx, op, made, key); err != nil {
			return fmt.Errorf("previous key %s of user %s stays: %w", old.ID, op.spec.UserName, err)
		}
	}
	if err := r.checkLate(ctx, op); err != nil {
		return err
	}
	return r.keysOf(op.spec).Retire(ctx, old)
}

// keepPrevious logs that a key stays which was to go. Raising KeySerial once more asks for it again.
func (r *run) keepPrevious(op operation, reason error) error {
	r.log.Warn("left the previous key, which was to be deleted; raise KeySerial to ask again", "user", op.spec.UserName, "reason", reason.Error())
	return nil
}

var errRotatedSince = errors.New("the secret was rotated since")

// previousKey is the key that is to be retired, as IAM lists it, or none. An event that comes late, or beside a
// scheduled rotation, would take a key for the previous one that was current a moment ago: so nothing goes
// that is younger than the event. Nor does anything without a new key of the event, if the current one is younger.
func (r *run) previousKey(ctx context.Context, op operation, key credential) (keyring.Key, error) {
	id := key.previous
	if !key.isRotation() {
		spoken, err := r.secretOf(op.spec).SpokenFor(ctx, key.version, keyring.Lease, r.keysOf(op.spec).IsKey)
		if err != nil {
			return keyring.Key{}, err
		}
		if spoken.Current != key.ID {
			return keyring.Key{}, r.keepPrevious(op, errRotatedSince)
		}
		id = spoken.Previous
	}
	keys, err := r.keysOf(op.spec).List(ctx)
	isYoung := func(k keyring.Key) bool { return !op.spec.Sent.IsZero() && !k.Created.Before(op.spec.Sent) }
	of := func(id string) func(keyring.Key) bool { return func(k keyring.Key) bool { return k.ID == id } }
	old, current := slices.IndexFunc(keys, of(id)), slices.IndexFunc(keys, of(key.ID))
	switch {
	case err != nil || old < 0 || id == key.ID:
		return keyring.Key{}, err
	case isYoung(keys[old]), !op.asksForKey() && current >= 0 && isYoung(keys[current]):
		return keyring.Key{}, r.keepPrevious(op, errRotatedSince)
	}
	return keys[old], nil
}
