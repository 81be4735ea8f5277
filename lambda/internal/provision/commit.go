package provision

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

var (
	// errTooLate says that the lease of a key ended before its commit: another delivery may
	// delete the key from then on.
	errTooLate = errors.New("took too long until it worked")
	// errUndone says that another delivery of the event has failed and has begun to undo it.
	errUndone = errors.New("another delivery of this event has failed and undoes it")
)

// commit puts the credentials into the secret, unless they are there already, beside the fields
// that others have added. A new key is committed within its lease or not at all.
func (r *run) commit(ctx context.Context, op operation, x secret.Secret, key *credential) error {
	s := op.spec
	isOlder := key.since.Before(s.Sent) // what is younger than the event, a delivery of it has written
	isChanged := isOlder && op.changes(func(s spec.Spec) any { return s.SecretValue("", "") })
	ours := s.SecretValue(key.ID, string(key.secret))
	if key.serial > 0 {
		ours[spec.FieldKeySerial] = strconv.Itoa(key.serial)
	}
	if key.stored.Say(ours) && !isChanged {
		return nil
	}
	value, err := r.secretOf(s).Value(key.stored, ours)
	if err != nil {
		return err
	}
	if key.fresh {
		limit := key.created.Add(keyring.Lease)
		if !time.Now().Before(limit) {
			return fmt.Errorf("access key %s of user %s: %w", key.ID, s.UserName, errTooLate)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, limit)
		defer cancel()
	}
	if key.previous != "" && key.previous != x.PreviousKey() { // before another key is in the value
		if err := r.secretOf(s).Tag(ctx, x, claim.Previous(key.previous)); err != nil {
			return err
		}
	}
	version, err := r.secretOf(s).Settle(ctx, x, key.follows, value)
	if err != nil {
		return err
	}
	r.log.Info("stored the credentials", "secret", s.SecretName, "accessKeyId", key.ID)
	key.version, key.fresh, key.listed = version, false, nil
	return nil
}
