package provision

import (
	"context"
	"errors"
	"fmt"

	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// abandon gives up the rotation that a secret shows as under way, and deletes its key. Its last step may be about
// to move AWSCURRENT at this very moment, and may do that as long as the version is current that it follows. So the
// current value is written once more first, a fence: whoever loses that compare-and-set changes nothing. A value that is no
// JSON object somebody has written since: no rotation follows that. Where another value is current by now, the rotation may have
// come about, or been given up: that is looked at again.
func (r *run) abandon(ctx context.Context, s spec.Spec, x secret.Secret) error {
	var err error
	for range deliveries {
		now, lookErr := r.secretOf(s).Look(ctx)
		switch {
		case lookErr != nil:
			return lookErr
		case now.Unfinished() == "":
			return r.secretOf(s).ClearPending(ctx, now)
		}
		if err = r.giveUp(ctx, s, x, now); !errors.Is(err, secret.ErrConflict) {
			return err
		}
		r.patience.Changed() // by another event, a moment ago
		if waitErr := r.secretOf(s).AwaitValue(ctx, x, now.Current); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
	return err
}

// giveUp gives up the rotation that a look has shown.
func (r *run) giveUp(ctx context.Context, s spec.Spec, x, now secret.Secret) error {
	room, version := r.secretOf(s), now.Unfinished()
	begun, err := room.ReadVersion(ctx, x, version)
	if err != nil {
		return err
	}
	current, err := room.ReadVersion(ctx, x, now.Current)
	switch {
	case err != nil:
		return err
	case current.State == secret.Unreadable:
		return current.Why
	}
	fence := now.Current
	if current.Fields != nil {
		if fence, err = r.writeAgain(ctx, s, now, current); err != nil {
			return err
		}
		r.fence = fence
	}
	r.log.Warn("gave up a rotation that was under way", "secret", s.SecretName, "rotation", version)
	return r.dropPending(ctx, s, now, version, fence, begun)
}

// dropPending takes AWSPENDING off a version that can become current no more, and deletes its key. No key goes
// that is in use by now.
func (r *run) dropPending(ctx context.Context, s spec.Spec, x secret.Secret, version, known string, begun secret.Content) error {
	if err := r.secretOf(s).EndRotation(ctx, x, version); err != nil {
		return err
	}
	id := begun.Fields.Get(spec.FieldAccessKeyID)
	if id == "" {
		return nil
	}
	spoken, err := r.secretOf(s).SpokenFor(ctx, known, keyring.Lease, nil)
	if err != nil {
		return fmt.Errorf("access key %s of user %s: %w", id, s.UserName, err)
	}
	if spoken.For(id) {
		return nil
	}
	return r.keysOf(s).Drop(ctx, id, begun.Created)
}

// writeAgain writes the current value once more, as it is.
func (r *run) writeAgain(ctx context.Context, s spec.Spec, x secret.Secret, current secret.Content) (version string, err error) {
	value, err := r.secretOf(s).Value(current.Fields, nil)
	if err != nil {
		return "", err
	}
	return r.secretOf(s).Settle(ctx, x, current.Version, value)
}
