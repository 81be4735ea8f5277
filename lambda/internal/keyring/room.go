package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/secret"
)

// ErrNoRoom says that a user has as many keys as IAM allows.
var ErrNoRoom = awscall.Again(errors.New("has two keys of which one is new and not in the secret; delete the one that nobody uses, or wait eight minutes"))

// ErrRotating says that a user has as many keys as IAM allows, and one of them is that of a rotation under way.
var ErrRotating = errors.New("has two keys of which one is that of a rotation that was not finished; rotate again, or delete the key that does not work")

// A Holding is what stands in the way of a new key.
type Holding struct {
	Spoken   secret.Spoken
	Looked   time.Time                   // before that was read
	IsBroken bool                        // the current key does not work: IAM has it inactive, or S3 does not know its pair
	Prove    func(context.Context) error // that the current key works now
}

// MakeRoom deletes a key of a user who has as many as IAM allows, and returns its id. It goes by what the list
// shows: IAM does not always hold to its limit. The first of these goes:
//
//   - one that is not spoken for and forsaken, an inactive one before others
//   - the current one if it does not work
//   - the previous one, once the current one was proven now
//
// So the only one that works never goes, unless none does. One that is about to be committed, or may be, is waited for:
// ErrNoRoom. ErrRotating says that the key of a rotation has to be given up first.
func (c Client) MakeRoom(ctx context.Context, holding func(context.Context, secret.IsKey) (Holding, error)) (gone string, err error) {
	keys, err := c.List(ctx)
	if err != nil || len(keys) < maxKeys {
		return "", err
	}
	h, err := holding(ctx, IsIn(keys))
	if err != nil {
		return "", err
	}
	which, err := h.choose(ctx, keys)
	switch {
	case errors.Is(err, ErrNoRoom):
		c.log.Info("began to wait", "until", "a key that another event has made is in the secret or given up", "atMost", Forsaken.String())
		fallthrough
	case err != nil:
		return "", fmt.Errorf("user %s: %w", c.spec.UserName, err)
	}
	return which.ID, c.Retire(ctx, which)
}

func (h Holding) choose(ctx context.Context, keys []Key) (Key, error) {
	isFree := func(k Key) bool { return !h.Spoken.For(k.ID) }
	for _, mayGo := range []func(Key) bool{
		func(k Key) bool { return isFree(k) && !k.IsActive },
		func(k Key) bool { return isFree(k) && k.isForsaken(h.Spoken, h.Looked) },
		func(k Key) bool { return k.ID == h.Spoken.Current && (h.IsBroken || !k.IsActive) },
	} {
		if at := slices.IndexFunc(keys, mayGo); at >= 0 {
			return keys[at], nil
		}
	}
	isStaged := func(k Key) bool {
		return k.ID == h.Spoken.Staged && k.ID != h.Spoken.Current && k.ID != h.Spoken.Previous
	}
	at := index(keys, h.Spoken.Previous)
	switch {
	case slices.ContainsFunc(keys, isFree), slices.ContainsFunc(keys, isStaged):
		return Key{}, ErrNoRoom
	case at < 0 || !Has(keys, h.Spoken.Current):
		return Key{}, ErrRotating
	}
	return keys[at], h.Prove(ctx)
}
