package provision

import (
	"context"
	"errors"
	"fmt"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// deliveries is how often a key is offered to the secret. Only another event that
// commits at the same moment makes a second one necessary.
const deliveries = 3

// errLost says that somebody has deleted a key.
var errLost = errors.New("was deleted while it was delivered")

// deliver marks the set that is replaced, commits a key whose proof has ended, and removes every other key of the user.
// Where another event was faster, the key that it committed is the one that counts, and
// ours goes away.
func (r *run) deliver(ctx context.Context, op operation, made set, key credential, unproven error) (credential, error) {
	failure := unproven
	for i := range deliveries {
		if i > 0 {
			failure = r.prove(ctx, ctx, op, made, &key)
		}
		if failure == nil {
			failure = r.supersede(ctx, op)
		}
		if failure == nil {
			failure = r.conclude(ctx, op, made, &key)
		}
		if failure == nil {
			isKept, err := r.sweep(ctx, op.spec, key)
			if err != nil || isKept {
				return key, err
			}
			failure = fmt.Errorf("access key %s of user %s: %w", key.ID, op.spec.UserName, errLost)
		}
		next, err := r.nextKey(ctx, op, &made, key, failure)
		if err != nil {
			return credential{}, err
		}
		key = next
	}
	return credential{}, fmt.Errorf("secret %s: other events keep changing it", op.spec.SecretName)
}

// conclude commits a key. A Create removes beside the commit what the proof has left, and lists the keys for the
// sweep: where the former fails, the Delete that follows takes it along. After a replacement none may follow, so every
// other event removes it before. A delivery that finds the key committed may follow one that was cut off right after that.
func (r *run) conclude(ctx context.Context, op operation, made set, key *credential) error {
	if op.kind != kindCreate {
		return r.commit(ctx, op, made.secret, key)
	}
	was := *key
	var listed []keyring.Key
	var failure error
	unclean := together(
		func() error { failure = r.commit(ctx, op, made.secret, key); return nil },
		func() error { return r.removeProbe(ctx, op, made, was) },
		func() error {
			if was.fresh {
				listed, _ = r.keysOf(op.spec).ListNow(ctx) // or the sweep lists them
			}
			return nil
		},
	)
	key.probe = nil
	if was.fresh && failure == nil {
		key.listed = listed
	}
	return errors.Join(failure, unclean)
}

// sweep deletes what events that were cut off have left, and reports whether the user has the key.
func (r *run) sweep(ctx context.Context, s spec.Spec, key credential) (kept bool, err error) {
	displaced := key.stored.Get(spec.FieldAccessKeyID)
	return r.keysOf(s).Sweep(ctx, key.listed, key.ID, key.previous, displaced, func(ctx context.Context, isKey secret.IsKey) (secret.Spoken, error) {
		return r.secretOf(s).SpokenFor(ctx, key.version, keyring.Lease, isKey)
	})
}

// nextKey returns the key to go on with after one could not be delivered. Without one it
// returns the failure.
func (r *run) nextKey(ctx context.Context, op operation, made *set, key credential, failure error) (credential, error) {
	if errors.Is(failure, secret.ErrUnknown) {
		// The secret may hold the key, or hold it in a moment: a consumer would have
		// one that does not exist. Whoever comes next sweeps it if it is not the one.
		return credential{}, failure
	}
	failure = errors.Join(failure, r.discard(ctx, op.spec, key))
	if errors.Is(failure, claim.ErrLate) {
		return credential{}, failure
	}
	if errors.Is(failure, secret.ErrConflict) {
		r.patience.Changed() // by another event, a moment ago
		if err := r.secretOf(op.spec).AwaitValue(ctx, made.secret, key.follows); err != nil {
			return credential{}, errors.Join(failure, err)
		}
		now, err := r.secretOf(op.spec).Look(ctx) // it speaks for another previous key by now
		if err != nil {
			return credential{}, errors.Join(failure, err)
		}
		made.secret = made.secret.As(now)
	}
	// The secret that this event has made may hold a value by now, the user keys.
	made.secret.Fresh, made.user.Fresh = false, false
	next, err := r.committedKey(ctx, op, *made)
	isLost := key.version != "" || errors.Is(failure, secret.ErrConflict) || errors.Is(failure, errTooLate)
	isDue := err == nil && (next.ID == "" || r.isRaised(ctx, op, next.stored))
	switch {
	case isDue && isLost:
		next, err = r.ensureKey(ctx, op, *made) // what was committed names a key that is gone, or is to give way
	case isDue:
		return credential{}, failure
	}
	isSame := next.ID == key.ID && !errors.Is(failure, secret.ErrConflict) && !errors.Is(failure, errLost)
	if err != nil || next.ID == "" || isSame {
		return credential{}, errors.Join(failure, err)
	}
	return next, nil
}
