package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/secret"
)

// maxKeys is IAM's limit of access keys for a user.
const maxKeys = 2

// Lease is the lease of a new key: it is committed before it is that old, or never. Policy and key
// may each need two minutes to be known. After that, the time for which a read may be old, and a
// margin another delivery may delete it: what it reads shows by then whether the key was committed. The
// margin is for clocks that differ and for calls that are on their way.
const (
	Lease       = 5 * time.Minute
	LeaseMargin = 30 * time.Second
	Forsaken    = Lease + awscall.Propagation + LeaseMargin
)

// isForsaken reports whether a key that nobody speaks for can no longer be committed. It is inactive; or its lease was
// over at a time; or it was made before the current version was written: whoever made it followed an
// earlier one, and loses the compare-and-set. A key that is younger than that may be about to be committed.
func (k Key) isForsaken(spoken secret.Spoken, looked time.Time) bool {
	return !k.IsActive || looked.Sub(k.Created) >= Forsaken || k.Created.Add(LeaseMargin).Before(spoken.Since)
}

// discardTimeout bounds the removal of a key that was not committed. The time for the work
// may be over by then, so the removal takes place in the time that is kept back. It ends between
// two attempts, which come a second after each other.
const discardTimeout = 3500 * time.Millisecond

// A Key is an access key as IAM lists it.
type Key struct {
	ID       string
	Created  time.Time // by IAM's clock
	IsActive bool
}

// A Pair is an access key as IAM shows it once, to whoever makes it.
type Pair struct {
	ID      string
	Secret  secret.Text
	Created time.Time // by IAM's clock
}

// Active returns the key of the user, which was committed at the given time, or nil if the
// user has it no more or may not use it, and all keys as they are listed. IAM may not list a key that was made a moment ago.
func (c Client) Active(ctx context.Context, id string, since time.Time) (*Key, []Key, error) {
	listed, err := awscall.Repeat(ctx, c.patience, "IAM shows the key", func() ([]Key, bool, error) {
		keys, err := c.List(ctx)
		return keys, err == nil && !Has(keys, id) && time.Since(since) < awscall.Propagation, err
	})
	at := index(listed, id)
	switch {
	case err != nil:
		return nil, nil, err
	case at < 0:
		c.log.Warn("found the key in the secret gone", "user", c.spec.UserName, "accessKeyId", id)
		return nil, listed, nil
	case !listed[at].IsActive:
		c.log.Warn("found the key in the secret inactive", "user", c.spec.UserName, "accessKeyId", id)
		return nil, listed, nil
	}
	return &listed[at], listed, nil
}

// Has reports whether a key is in a list.
func Has(keys []Key, id string) bool { return index(keys, id) >= 0 }

// HasActive reports whether a key is in a list, and active.
func HasActive(keys []Key, id string) bool {
	at := index(keys, id)
	return at >= 0 && keys[at].IsActive
}

// IsIn tells which active keys are in a list.
func IsIn(keys []Key) secret.IsKey {
	return func(_ context.Context, id string) (bool, error) { return HasActive(keys, id), nil }
}

// IsKey tells whether the user has a key and may use it.
func (c Client) IsKey(ctx context.Context, id string) (bool, error) {
	keys, err := c.List(ctx)
	return HasActive(keys, id), err
}

// index is where a key is in a list, or -1.
func index(keys []Key, id string) int {
	return slices.IndexFunc(keys, func(k Key) bool { return k.ID == id })
}

// Mint creates a key. It repeats CreateAccessKey only after an answer that says that nothing
// happened: a lost answer may have made a key whose secret nobody knows, and a repetition
// would make another. A refusal is one of them, and may mean that IAM does not know the user
// yet.
func (c Client) Mint(ctx context.Context) (Pair, error) {
	out, err := c.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &c.spec.UserName},
		func(o *iam.Options) { o.Retryer = c.patience.IfNothingHappened(awscall.LateRights, awscall.NewUser) })
	if err != nil {
		return Pair{}, fmt.Errorf("access key of user %s: %w", c.spec.UserName, awscall.Brief(err))
	}
	c.patience.Changed()
	c.log.Info("created an access key", "user", c.spec.UserName, "accessKeyId", aws.ToString(out.AccessKey.AccessKeyId))
	return Pair{
		ID:      aws.ToString(out.AccessKey.AccessKeyId),
		Secret:  secret.Text(aws.ToString(out.AccessKey.SecretAccessKey)),
		Created: aws.ToTime(out.AccessKey.CreateDate),
	}, nil
}

// Sweep deletes every key of the user that nobody speaks for and that is forsaken, and reports whether the user has
// the one to keep. It runs after the commit: before it, the key in use is another one. What the
// secret speaks for is asked only if there is another key than the previous one. The key that was displaced by this
// event, and not kept, goes whatever its age.
//
// IAM may list what was there before a key was made (L4). A list that shows the key to keep
// shows the keys that are older. So Sweep waits for that. It begins with a list that was read after the commit, or reads one
// where that is nil.
func (c Client) Sweep(ctx context.Context, first []Key, keep, previous, displaced string, speaks func(context.Context, secret.IsKey) (secret.Spoken, error)) (kept bool, err error) {
	return awscall.Repeat(ctx, c.patience, "IAM shows the key", func() (bool, bool, error) {
		looked := time.Now()
		listed, err := first, error(nil)
		if first = nil; listed == nil {
			listed, err = c.List(ctx)
		}
		if err != nil || !Has(listed, keep) {
			return false, err == nil, err
		}
		keys := slices.DeleteFunc(slices.Clone(listed), func(k Key) bool { return k.ID == keep || k.ID == previous })
		if len(keys) == 0 {
			return true, false, nil
		}
		spoken, err := speaks(ctx, IsIn(listed))
		if err != nil {
			return true, false, err
		}
		keys = slices.DeleteFunc(keys, func(k Key) bool { return spoken.For(k.ID) || k.ID != displaced && !k.isForsaken(spoken, looked) })
		isLag, err := c.deleteAll(ctx, keys, c.unlessOutOfPath)
		return true, isLag, err
	})
}

// RemoveAll deletes every key of a user who is about to be deleted. What IAM does not list
// yet shows there as DeleteConflict.
func (c Client) RemoveAll(ctx context.Context) error {
	keys, err := c.ListNow(ctx)
	if err != nil {
		return err
	}
	return c.RemoveKeys(ctx, keys)
}

// RemoveKeys is [Client.RemoveAll] with keys that were listed before.
func (c Client) RemoveKeys(ctx context.Context, keys []Key) error {
	_, err := c.deleteAll(ctx, keys, hasty)
	return err
}

// deleteAll deletes keys. It reports whether IAM may have said that one is gone since it does
// not know it yet.
func (c Client) deleteAll(ctx context.Context, keys []Key, option func(*iam.Options)) (isLag bool, err error) {
	for _, key := range keys {
		wasThere, err := c.deleteKey(ctx, key.ID, option)
		if err != nil {
			return false, err
		}
		isYoung := time.Since(key.Created) < awscall.Propagation
		isLag = isLag || !wasThere && isYoung
	}
	return isLag, nil
}

// Drop deletes a key that a rotation has made, which is given up. A value that had it was written at a time: IAM may not know a
// key that is so young.
func (c Client) Drop(ctx context.Context, id string, since time.Time) error {
	_, err := awscall.Repeat(ctx, c.patience, "IAM knows the key", func() (struct{}, bool, error) {
		wasThere, err := c.deleteKey(ctx, id, c.unlessOutOfPath)
		return struct{}{}, err == nil && !wasThere && time.Since(since) < awscall.Propagation, err
	})
	return err
}

// Discard deletes a key that was made but not committed.
func (c Client) Discard(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	err := c.Drop(ctx, id, time.Now())
	if err != nil && errors.Is(err, ctx.Err()) { // gone, or it is swept by whoever comes next
		return nil
	}
	return err
}

// Retire deletes a key that consumers may have: its time is over. It logs when it was used last. One that is gone is no
// error.
func (c Client) Retire(ctx context.Context, k Key) error {
	c.logUse(ctx, k)
	_, err := c.deleteKey(ctx, k.ID, c.unlessOutOfPath)
	return err
}

// recentUse is how long ago a key was used that is still in use, as far as that can be told: what IAM says lags
// by a time that AWS does not publish.
const recentUse = 48 * time.Hour

// logUse logs when a key that is about to go was used last. IAM's word is a reason to warn and never a proof, so
// that a refusal to tell is no failure.
func (c Client) logUse(ctx context.Context, k Key) {
	out, err := c.iam.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: &k.ID}, hasty)
	switch {
	case err != nil:
		c.log.Warn("could not ask when a key was used last", "user", c.spec.UserName, "accessKeyId", k.ID, "reason", awscall.Brief(err).Error())
	case out.AccessKeyLastUsed == nil || out.AccessKeyLastUsed.LastUsedDate == nil:
		c.log.Info("retires an access key that was never used", "user", c.spec.UserName, "accessKeyId", k.ID)
	case time.Since(*out.AccessKeyLastUsed.LastUsedDate) < recentUse:
		c.log.Warn("retires an access key that was used within two days", "user", c.spec.UserName, "accessKeyId", k.ID,
			"lastUsed", *out.AccessKeyLastUsed.LastUsedDate, "service", aws.ToString(out.AccessKeyLastUsed.ServiceName))
	default:
		c.log.Info("retires an access key", "user", c.spec.UserName, "accessKeyId", k.ID, "lastUsed", *out.AccessKeyLastUsed.LastUsedDate)
	}
}

// deleteKey deletes a key, and reports whether IAM knew it.
func (c Client) deleteKey(ctx context.Context, id string, option func(*iam.Options)) (wasThere bool, err error) {
	_, err = c.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &c.spec.UserName, AccessKeyId: &id}, option)
	if awscall.IsMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("access key %s of user %s: %w", id, c.spec.UserName, awscall.Brief(err))
	}
	c.log.Info("removed an access key", "user", c.spec.UserName, "accessKeyId", id)
	return true, nil
}

// List returns the keys of the user, oldest first, and none for a user that
// does not exist.
func (c Client) List(ctx context.Context) ([]Key, error) { return c.list(ctx) }

// ListNow is [Client.List] that waits for no late rights and for no user who may be new.
func (c Client) ListNow(ctx context.Context) ([]Key, error) { return c.list(ctx, hasty) }

func (c Client) list(ctx context.Context, options ...func(*iam.Options)) ([]Key, error) {
	var keys []Key
	pages := iam.NewListAccessKeysPaginator(c.iam, &iam.ListAccessKeysInput{UserName: &c.spec.UserName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, options...)
		if awscall.IsMissing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("access keys of user %s: %w", c.spec.UserName, awscall.Brief(err))
		}
		for _, key := range page.AccessKeyMetadata {
			keys = append(keys, Key{aws.ToString(key.AccessKeyId), aws.ToTime(key.CreateDate), key.Status == types.StatusTypeActive})
		}
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return a.Created.Compare(b.Created)
	})
	return keys, nil
}
