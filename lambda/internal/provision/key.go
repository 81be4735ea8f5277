package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// roomInterval is the time between two looks while a user has no room for a key.
const roomInterval = 20 * time.Second

// credential is an access key and where it stands with the secret.
type credential struct {
	ID      string
	secret  secret.Text
	created time.Time // by IAM's clock, if fresh
	fresh   bool      // made by this event and not committed

	since   time.Time     // when that was committed
	follows string        // version of the secret that a commit of the key follows, or ""
	stored  secret.Fields // of that version
	version string        // version that holds the key, once it is committed
	listed  []keyring.Key // keys of the user as of after that, or nil

	probe *probe // that the proof has left, or nil

	isRepair  bool // of a key that IAM has and S3 does not know: see isKnownPair
	isGivenUp bool // of a key in a value that nobody can read

	// previous is the id of a key that goes on working beside this one: consumers may have it.
	previous string

	// displaced is the secret of the previous key where that works and gives way to this one.
	displaced secret.Text
	serial    int // that the value says, or is to say; 0 for none
}

// isRotation reports whether a key takes the place of one that works.
func (k credential) isRotation() bool { return k.displaced != "" }

// displace is what a key of the secret that works makes way for: a new one that follows the same version.
func (k credential) displace() credential {
	return credential{follows: k.follows, stored: k.stored, serial: k.serial, previous: k.ID, displaced: k.secret}
}

// ensureKey returns the key that the secret names if it works, and a new one otherwise. A key
// that somebody has made inactive stays inactive, since strangers may know it. One that IAM has
// and S3 does not know with the secret key that is stored goes on working as the previous key:
// somebody may have the right one.
//
// IAM refuses a third key of a user. Other deliveries may have made two, and IAM may not list
// a key that was made seconds ago. So ensureKey looks at everything again until there is
// room, or until one of those keys is the one in the secret.
//
// A KeySerial that is raised has a key that works give way to a new one. A rotation under way is given up where its
// key is in the way, and the key of a commit that was cut off is waited for.
func (r *run) ensureKey(ctx context.Context, op operation, made set) (credential, error) {
	const atMost = keyring.Forsaken + awscall.Propagation + keyring.LeaseMargin
	return awaitRoom(ctx, atMost, func() (credential, error) {
		key, err := r.tryKey(ctx, op, made)
		if errors.Is(err, keyring.ErrRotating) {
			if err = r.abandon(ctx, op.spec, made.secret); err == nil {
				key, err = r.tryKey(ctx, op, made)
			}
		}
		made.secret.Fresh, made.user.Fresh = false, false // by now it may have a value, and keys
		return key, err
	}, keyring.ErrRotating, secret.ErrConflict)
}

// awaitRoom makes attempts while the user has no room for a key, by our list or by IAM's word, and while one fails for what
// else is waited for.
func awaitRoom[T any](ctx context.Context, atMost time.Duration, attempt func() (T, error), waited ...error) (T, error) {
	waited = append(waited, keyring.ErrNoRoom)
	return backoff.Retry(ctx, func() (T, error) {
		result, err := attempt()
		isOf := func(reason error) bool { return errors.Is(err, reason) }
		if err != nil && !awscall.IsCode(err, "LimitExceeded", "LimitExceededException") && !slices.ContainsFunc(waited, isOf) {
			err = backoff.Permanent(err)
		}
		return result, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(roomInterval)), backoff.WithMaxElapsedTime(atMost))
}

// tryKey is one attempt of ensureKey.
func (r *run) tryKey(ctx context.Context, op operation, made set) (credential, error) {
	looked := time.Now()
	key, err := r.committedKey(ctx, op, made)
	if err != nil {
		return credential{}, err
	}
	if key.ID != "" {
		if !r.isRaised(ctx, op, key.stored) {
			return key, nil
		}
		key = key.displace()
	}
	minted, err := r.mintKey(ctx, op, made, key, looked)
	if err != nil {
		minted.isRepair = key.isRepair
	}
	return minted, err
}

// committedKey returns the key that the secret names, if the user has it and it is
// active. Otherwise the ID is empty and follows says what a commit follows.
func (r *run) committedKey(ctx context.Context, op operation, made set) (credential, error) {
	if made.secret.Fresh {
		return credential{}, nil
	}
	current, err := r.ahead.read(ctx, r.secretOf(op.spec), made.secret)
	if err == nil && current.State == secret.Unreadable && op.changes(secret.KmsKeyOf) {
		made.secret, current, err = r.secretOf(op.spec).AwaitReadable(ctx, made.secret)
	}
	if err != nil {
		return credential{}, err
	}
	return r.keyIn(ctx, op, made, current)
}

// keyIn is [run.committedKey] of a value that was read.
func (r *run) keyIn(ctx context.Context, op operation, made set, current secret.Content) (credential, error) {
	r.patience.ChangedAt(current.Created)
	none := credential{follows: current.Version, stored: current.Fields, previous: made.secret.PreviousKey(), serial: serialOf(current.Fields)}
	switch current.State {
	case secret.Tombstone:
		if op.isNew() { // a commit on top of it would be of a set that is being removed
			return credential{}, errUndone
		}
		return none, nil
	case secret.NoValue:
		return none, nil
	case secret.Unreadable:
		return r.unreadKey(ctx, op, current, none)
	case secret.Earlier, secret.Foreign, secret.Incomplete:
		r.reportRepair(op, true, "value of the secret")
		return none, nil
	case secret.Committed:
	}
	// A user whom this event has made is looked at, too. Another delivery may have committed a
	// key of that user meanwhile, and a second commit would take that key away.
	id, text := current.Fields.Get(spec.FieldAccessKeyID), secret.Text(current.Fields.Get(spec.FieldSecretAccessKey))
	var key *keyring.Key
	var listed []keyring.Key
	var tried error
	err := together(
		func() (err error) { key, listed, err = r.keysOf(op.spec).Active(ctx, id, current.Created); return err },
		func() error {
			if !op.isNew() {
				tried = r.tryPair(ctx, op.spec, id, text)
			}
			return nil
		},
	)
	if err != nil || key == nil {
		return none, err
	}
	if !op.isNew() {
		isKnown, err := r.isKnownPair(ctx, op.spec, id, text, key.Created, tried)
		if err != nil || !isKnown {
			none.previous, none.isRepair = id, true
			return none, err
		}
	}
	previous, err := r.secretOf(op.spec).PreviousKey(ctx, made.secret, current, keyring.IsIn(listed))
	return credential{
		ID:       id,
		secret:   text,
		previous: previous,
		follows:  current.Version,
		stored:   current.Fields,
		since:    current.Created,
		version:  current.Version,
		listed:   listed,
		serial:   none.serial,
	}, err
}

// unreadKey says what becomes of the key that an unreadable value names. It may be in use, so an
// Update fails, unless it gives the KMS key up by changing it: then another key is made, and this one
// goes on working as the previous key: it is taken for the oldest that is active.
func (r *run) unreadKey(ctx context.Context, op operation, current secret.Content, none credential) (credential, error) {
	if !op.changes(secret.KmsKeyOf) || r.leavesUnread(ctx, op, current.Why) {
		return credential{}, current.Why
	}
	r.reportRepair(op, true, "value of the secret")
	keys, err := r.keysOf(op.spec).List(ctx)
	none.isGivenUp = keyring.HasActive(keys, none.previous) // by an earlier delivery, if no other key can be the one
	keys = slices.DeleteFunc(keys, func(k keyring.Key) bool {
		isOfEvent := !op.spec.Sent.IsZero() && !k.Created.Before(op.spec.Sent) // and was never committed
		return isOfEvent || !k.IsActive || k.ID == none.previous
	})
	if len(keys) > 0 { // what is younger was made by hand, or by an event that was cut off
		none.isGivenUp = true
		none.previous = slices.MinFunc(keys, func(a, b keyring.Key) int { return a.Created.Compare(b.Created) }).ID
	}
	return none, err
}

// mintKey makes room and creates a key that follows what a look has found at a time. The previous key
// goes on working beside it, unless it had to make room.
func (r *run) mintKey(ctx context.Context, op operation, made set, after credential, looked time.Time) (credential, error) {
	s := op.spec
	if err := r.keysOf(s).CheckBoundary(ctx, made.user); err != nil { // before room is made
		return credential{}, err
	}
	if !made.user.Fresh {
		gone, err := r.keysOf(s).MakeRoom(ctx, func(ctx context.Context, isKey secret.IsKey) (keyring.Holding, error) {
			return r.holding(ctx, op, made, after, looked, isKey)
		})
		if err != nil {
			return credential{}, err
		}
		if gone == after.previous {
			after.previous = made.secret.PreviousKey()
		}
	}
	pair, err := r.keysOf(s).Mint(ctx)
	if err != nil {
		return credential{}, err
	}
	return credential{
		ID:      pair.ID,
		secret:  pair.Secret,
		created: pair.Created,
		fresh:   true,
		follows: after.follows,
		stored:  after.stored,
		serial:  max(after.serial, s.KeySerial),

		previous:  after.previous,
		displaced: after.displaced,
		isRepair:  after.isRepair,
	}, nil
}

// holding is what stands in the way of a key that is to take the place of another.
func (r *run) holding(ctx context.Context, op operation, made set, after credential, looked time.Time, isKey secret.IsKey) (keyring.Holding, error) {
	spoken, err := r.secretOf(op.spec).SpokenFor(ctx, after.follows, keyring.Lease, isKey)
	if err == nil && spoken.Version != after.follows {
		err = fmt.Errorf("secret %s: %w", op.spec.SecretName, secret.ErrConflict)
	}
	h := keyring.Holding{Spoken: spoken, Looked: looked, IsBroken: !after.isRotation(), Prove: func(ctx context.Context) error {
		return r.proveNow(ctx, op, made, credential{ID: after.previous, secret: after.displaced})
	}}
	if after.isGivenUp {
		h.Spoken, h.IsBroken = spoken.GivenUp(after.previous), false
		h.Prove = func(context.Context) error { return nil }
	}
	return h, err
}

// discard deletes a key that was made but not committed.
func (r *run) discard(ctx context.Context, s spec.Spec, key credential) error {
	if !key.fresh {
		return nil
	}
	return r.keysOf(s).Discard(ctx, key.ID)
}
