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

// Lease is the lease of a new key: it is committed before it is that old, or never. After
// that and a margin another delivery may delete it to make room for its own. Policy and key
// may each need two minutes to be known. The margin is for clocks that differ and for calls
// that are on their way.
const (
	Lease       = 5 * time.Minute
	LeaseMargin = 30 * time.Second
)

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
// user has it no more or may not use it. IAM may not list a key that was made a moment ago.
func (c Client) Active(ctx context.Context, id string, since time.Time) (*Key, error) {
	key, err := awscall.Repeat(ctx, c.patience, "IAM shows the key", func() (*Key, bool, error) {
		keys, err := c.List(ctx)
		if at := index(keys, id); at >= 0 {
			return &keys[at], false, nil
		}
		return nil, err == nil && time.Since(since) < awscall.Propagation, err
	})
	switch {
	case err != nil:
		return nil, err
	case key == nil:
		c.log.Warn("found the key in the secret gone", "user", c.spec.UserName, "accessKeyId", id)
		return nil, nil
	case !key.IsActive:
		c.log.Warn("found the key in the secret inactive", "user", c.spec.UserName, "accessKeyId", id)
		return nil, nil
	}
	return key, nil
}

// Has reports whether a key is in a list.
func Has(keys []Key, id string) bool { return index(keys, id) >= 0 }

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

// ErrNoRoom says that a user has as many keys as IAM allows.
var ErrNoRoom = awscall.Again(errors.New("has two new keys that are not in the secret; delete the one that nobody uses, or wait six minutes"))

// MakeRoom deletes a key of a user who has as many as IAM allows: an inactive one, or else the
// older one. Neither is committed and working, since no other key would be needed then. But
// another delivery may be about to commit an active one. So an active one goes only if its
// lease was over when the secret was looked at.
//
// Keys that consumers may have stay as long as another can go. Where both are such keys, the first of
// them goes: the one in the secret, if S3 does not know its pair, and else the previous one.
func (c Client) MakeRoom(ctx context.Context, looked time.Time, inUse ...string) (gone string, err error) {
	keys, err := c.List(ctx)
	if err != nil || len(keys) < maxKeys {
		return "", err
	}
	isInactive := func(k Key) bool { return !k.IsActive }
	isFree := func(k Key) bool { return !slices.Contains(inUse, k.ID) }
	which := slices.IndexFunc(keys, isInactive)
	if which < 0 && !slices.ContainsFunc(keys, isFree) {
		which = index(keys, inUse[0])
	}
	if which < 0 {
		which = slices.IndexFunc(keys, isFree)
		if looked.Sub(keys[which].Created) < Lease+LeaseMargin {
			c.log.Info("began to wait", "until", "a key that another event has made is in the secret or given up", "atMost", (Lease + LeaseMargin).String())
			return "", fmt.Errorf("user %s: %w", c.spec.UserName, ErrNoRoom)
		}
	}
	gone = keys[which].ID
	_, err = c.deleteKey(ctx, gone, c.unlessOutOfPath)
	return gone, err
}

// Sweep deletes every key of the user but the one to keep and the previous one, and reports
// whether the user has that one. It runs after the commit: before it, the key in use is another
// one.
//
// IAM may list what was there before a key was made (L4). A list that shows the key to keep
// shows the keys that are older. So Sweep waits for that.
func (c Client) Sweep(ctx context.Context, keep, previous string) (kept bool, err error) {
	var found []Key
	return awscall.Repeat(ctx, c.patience, "IAM shows the key", func() (bool, bool, error) {
		keys, err := c.List(ctx)
		if err != nil || !Has(keys, keep) {
			return false, err == nil, err
		}
		if found == nil {
			found = keys // what is younger is of another event, which sweeps itself
		}
		keys = slices.DeleteFunc(keys, func(k Key) bool {
			return k.ID == keep || k.ID == previous || !Has(found, k.ID)
		})
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
	_, err = c.deleteAll(ctx, keys, hasty)
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

// Discard deletes a key that was made but not committed.
func (c Client) Discard(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	_, err := awscall.Repeat(ctx, c.patience, "IAM knows the key", func() (struct{}, bool, error) {
		wasThere, err := c.deleteKey(ctx, id, c.unlessOutOfPath)
		return struct{}{}, err == nil && !wasThere, err
	})
	if err != nil && errors.Is(err, ctx.Err()) { // gone, or it is swept by whoever comes next
		return nil
	}
	return err
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
