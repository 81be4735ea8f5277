package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/cenkalti/backoff/v5"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// maxKeys is IAM's limit of access keys for a user.
const maxKeys = 2

// maxKeyAge is the lease of a new key: it is committed before it is that old, or never. After
// that and a margin another delivery may delete it to make room for its own. Policy and key
// may each need two minutes to be known. The margin is for clocks that differ and for calls
// that are on their way.
const (
	maxKeyAge       = 5 * time.Minute
	maxKeyAgeMargin = 30 * time.Second
	roomInterval    = 20 * time.Second // between two looks while there is no room
)

// discardTimeout bounds the removal of a key that was not committed. The time for the work
// may be over by then, so the removal takes place in the time that is kept back. It ends between
// two attempts, which come a second after each other.
const discardTimeout = 3500 * time.Millisecond

// secretKey is a secret access key, or a field of a secret's value. Whatever prints it prints REDACTED.
type secretKey string

const redacted = "REDACTED"

func (secretKey) String() string               { return redacted }
func (secretKey) GoString() string             { return redacted }
func (secretKey) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redacted)) }
func (secretKey) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (secretKey) LogValue() slog.Value         { return slog.StringValue(redacted) }

// credential is an access key and where it stands with the secret.
type credential struct {
	ID      string
	secret  secretKey
	created time.Time // by IAM's clock, if fresh
	fresh   bool      // made by this event and not committed

	since   time.Time // when that was committed
	follows string    // version of the secret that a commit of the key follows, or ""
	stored  fields    // of that version
	version string    // version that holds the key, once it is committed

	isRepair bool // of a key that IAM has and S3 does not know: see isKnownPair

	// previous is the id of a key that goes on working beside this one: consumers may have it.
	previous string
}

// ensureKey returns the key that the secret names if it works, and a new one otherwise. A key
// that somebody has made inactive stays inactive, since strangers may know it. One that IAM has
// and S3 does not know with the secret key that is stored goes on working as the previous key:
// somebody may have the right one.
//
// IAM refuses a third key of a user. Other deliveries may have made two, and IAM may not list
// a key that was made seconds ago. So ensureKey looks at everything again until there is
// room, or until one of those keys is the one in the secret.
func (r *run) ensureKey(ctx context.Context, op operation, made set) (credential, error) {
	return backoff.Retry(ctx, func() (credential, error) {
		looked := time.Now()
		key, err := r.committedKey(ctx, op, made)
		if none := key; err == nil && none.ID == "" {
			if key, err = r.mintKey(ctx, op.spec, made, none, looked); err != nil {
				key.isRepair = none.isRepair
			}
		}
		if err != nil && !errors.Is(err, errNoRoom) && !awscall.IsCode(err, "LimitExceeded", "LimitExceededException") {
			err = backoff.Permanent(err)
		}
		made.secret.fresh, made.user.fresh = false, false // by now it may have a value, and keys
		return key, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(roomInterval)), backoff.WithMaxElapsedTime(awscall.Propagation+maxKeyAge+2*maxKeyAgeMargin))
}

// committedKey returns the key that the secret names, if the user has it and it is
// active. Otherwise the ID is empty and follows says what a commit follows.
func (r *run) committedKey(ctx context.Context, op operation, made set) (credential, error) {
	if made.secret.fresh {
		return credential{}, nil
	}
	current, err := r.readValue(ctx, op.spec, made.secret, restored)
	if err == nil && current.state == unreadable && op.changes(kmsKeyOf) {
		made.secret, current, err = r.awaitReadable(ctx, op.spec, made.secret)
	}
	if err != nil {
		return credential{}, err
	}
	r.patience.ChangedAt(current.created)
	none := credential{follows: current.version, stored: current.fields, previous: made.secret.PreviousKey()}
	switch current.state {
	case tombstone:
		if op.isNew() { // a commit on top of it would be of a set that is being removed
			return credential{}, errUndone
		}
		return none, nil
	case noValue:
		return none, nil
	case unreadable:
		return r.unreadKey(ctx, op, current, none)
	case earlier, foreign, incomplete:
		r.reportRepair(op, true, "value of the secret")
		return none, nil
	case committed:
	}
	// A user whom this event has made is looked at, too. Another delivery may have committed a
	// key of that user meanwhile, and a second commit would take that key away.
	id, secret := current.fields.text(spec.FieldAccessKeyID), secretKey(current.fields.text(spec.FieldSecretAccessKey))
	key, err := r.activeKey(ctx, op.spec, id, current.created)
	if err != nil || key == nil {
		return none, err
	}
	if !op.isNew() {
		isKnown, err := r.isKnownPair(ctx, op.spec, id, secret, aws.ToTime(key.CreateDate))
		if err != nil || !isKnown {
			none.previous, none.isRepair = id, true
			return none, err
		}
	}
	return credential{
		ID:       id,
		secret:   secret,
		previous: made.secret.PreviousKey(),
		follows:  current.version,
		stored:   current.fields,
		since:    current.created,
		version:  current.version,
	}, nil
}

// unreadKey says what becomes of the key that an unreadable value names. It may be in use, so an
// Update fails, unless it gives the KMS key up by changing it: then another key is made, and this one
// goes on working as the previous key: it is taken for the oldest that is active.
func (r *run) unreadKey(ctx context.Context, op operation, current content, none credential) (credential, error) {
	if !op.changes(kmsKeyOf) || r.leavesUnread(ctx, op, current.why) {
		return credential{}, current.why
	}
	r.reportRepair(op, true, "value of the secret")
	keys, err := r.listKeys(ctx, op.spec)
	keys = slices.DeleteFunc(keys, func(k types.AccessKeyMetadata) bool {
		isOfEvent := !op.spec.Sent.IsZero() && !aws.ToTime(k.CreateDate).Before(op.spec.Sent) // and was never committed
		return isOfEvent || k.Status != types.StatusTypeActive || aws.ToString(k.AccessKeyId) == none.previous
	})
	if len(keys) > 0 { // what is younger was made by hand, or by an event that was cut off
		oldest := slices.MinFunc(keys, func(a, b types.AccessKeyMetadata) int {
			return aws.ToTime(a.CreateDate).Compare(aws.ToTime(b.CreateDate))
		})
		none.previous = aws.ToString(oldest.AccessKeyId)
	}
	return none, err
}

// activeKey returns the key of the user, which was committed at the given time, or nil if the
// user has it no more or may not use it. IAM may not list a key that was made a moment ago.
func (r *run) activeKey(ctx context.Context, s spec.Spec, id string, since time.Time) (*types.AccessKeyMetadata, error) {
	key, err := awscall.Repeat(ctx, r.patience, "IAM shows the key", func() (*types.AccessKeyMetadata, bool, error) {
		keys, err := r.listKeys(ctx, s)
		if at := indexKey(keys, id); at >= 0 {
			return &keys[at], false, nil
		}
		return nil, err == nil && time.Since(since) < awscall.Propagation, err
	})
	switch {
	case err != nil:
		return nil, err
	case key == nil:
		r.log.Warn("found the key in the secret gone", "user", s.UserName, "accessKeyId", id)
		return nil, nil
	case key.Status != types.StatusTypeActive:
		r.log.Warn("found the key in the secret inactive", "user", s.UserName, "accessKeyId", id)
		return nil, nil
	}
	return key, nil
}

// indexKey is where a key is in a list, or -1.
func indexKey(keys []types.AccessKeyMetadata, id string) int {
	return slices.IndexFunc(keys, func(k types.AccessKeyMetadata) bool { return aws.ToString(k.AccessKeyId) == id })
}

// mintKey creates a key. It repeats CreateAccessKey only after an answer that says that nothing
// happened: a lost answer may have made a key whose secret nobody knows, and a repetition
// would make another. A refusal is one of them, and may mean that IAM does not know the user
// yet.
func (r *run) mintKey(ctx context.Context, s spec.Spec, made set, after credential, looked time.Time) (credential, error) {
	if err := r.checkBoundary(ctx, s, made.user); err != nil { // before room is made
		return credential{}, err
	}
	previous := after.previous
	if !made.user.fresh {
		inUse := []string{previous, made.secret.PreviousKey()}
		if !after.isRepair { // both work, as far as is known
			slices.Reverse(inUse)
		}
		gone, err := r.makeRoom(ctx, s, looked, inUse...)
		if err != nil {
			return credential{}, err
		}
		if gone == previous {
			previous = made.secret.PreviousKey()
		}
	}
	out, err := r.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &s.UserName},
		func(o *iam.Options) { o.Retryer = r.patience.IfNothingHappened(awscall.LateRights, awscall.NewUser) })
	if err != nil {
		return credential{}, fmt.Errorf("access key of user %s: %w", s.UserName, awscall.Brief(err))
	}
	r.patience.Changed()
	r.log.Info("created an access key", "user", s.UserName, "accessKeyId", aws.ToString(out.AccessKey.AccessKeyId))
	return credential{
		ID:      aws.ToString(out.AccessKey.AccessKeyId),
		secret:  secretKey(aws.ToString(out.AccessKey.SecretAccessKey)),
		created: aws.ToTime(out.AccessKey.CreateDate),
		fresh:   true,
		follows: after.follows,
		stored:  after.stored,

		previous: previous,
		isRepair: after.isRepair,
	}, nil
}

// errNoRoom says that a user has as many keys as IAM allows.
var errNoRoom = awscall.Again(errors.New("has two new keys that are not in the secret; delete the one that nobody uses, or wait six minutes"))

// makeRoom deletes a key of a user who has as many as IAM allows: an inactive one, or else the
// older one. Neither is committed and working, since no other key would be needed then. But
// another delivery may be about to commit an active one. So an active one goes only if its
// lease was over when the secret was looked at.
//
// Keys that consumers may have stay as long as another can go. Where both are such keys, the first of
// them goes: the one in the secret, if S3 does not know its pair, and else the previous one.
func (r *run) makeRoom(ctx context.Context, s spec.Spec, looked time.Time, inUse ...string) (gone string, err error) {
	keys, err := r.listKeys(ctx, s)
	if err != nil || len(keys) < maxKeys {
		return "", err
	}
	isInactive := func(k types.AccessKeyMetadata) bool { return k.Status != types.StatusTypeActive }
	isFree := func(k types.AccessKeyMetadata) bool { return !slices.Contains(inUse, aws.ToString(k.AccessKeyId)) }
	which := slices.IndexFunc(keys, isInactive)
	if which < 0 && !slices.ContainsFunc(keys, isFree) {
		which = indexKey(keys, inUse[0])
	}
	if which < 0 {
		which = slices.IndexFunc(keys, isFree)
		if looked.Sub(aws.ToTime(keys[which].CreateDate)) < maxKeyAge+maxKeyAgeMargin {
			r.log.Info("began to wait", "until", "a key that another event has made is in the secret or given up", "atMost", (maxKeyAge + maxKeyAgeMargin).String())
			return "", fmt.Errorf("user %s: %w", s.UserName, errNoRoom)
		}
	}
	gone = aws.ToString(keys[which].AccessKeyId)
	_, err = r.deleteKey(ctx, s, gone, r.unlessOutOfPath)
	return gone, err
}

// sweepKeys deletes every key of the user but the one to keep and the previous one, and reports
// whether the user has that one. It runs after the commit: before it, the key in use is another
// one.
//
// IAM may list what was there before a key was made (L4). A list that shows the key to keep
// shows the keys that are older. So sweepKeys waits for that.
func (r *run) sweepKeys(ctx context.Context, s spec.Spec, keep, previous string) (kept bool, err error) {
	var found []types.AccessKeyMetadata
	return awscall.Repeat(ctx, r.patience, "IAM shows the key", func() (bool, bool, error) {
		keys, err := r.listKeys(ctx, s)
		if err != nil || indexKey(keys, keep) < 0 {
			return false, err == nil, err
		}
		if found == nil {
			found = keys // what is younger is of another event, which sweeps itself
		}
		keys = slices.DeleteFunc(keys, func(k types.AccessKeyMetadata) bool {
			id := aws.ToString(k.AccessKeyId)
			return id == keep || id == previous || indexKey(found, id) < 0
		})
		isLag, err := r.deleteKeys(ctx, s, keys, r.unlessOutOfPath)
		return true, isLag, err
	})
}

// removeKeys deletes every key of a user who is about to be deleted. What IAM does not list
// yet shows there as DeleteConflict.
func (r *run) removeKeys(ctx context.Context, s spec.Spec) error {
	keys, err := r.listKeys(ctx, s, hasty)
	if err != nil {
		return err
	}
	_, err = r.deleteKeys(ctx, s, keys, hasty)
	return err
}

// deleteKeys deletes keys. It reports whether IAM may have said that one is gone since it does
// not know it yet.
func (r *run) deleteKeys(ctx context.Context, s spec.Spec, keys []types.AccessKeyMetadata, option func(*iam.Options)) (isLag bool, err error) {
	for _, key := range keys {
		wasThere, err := r.deleteKey(ctx, s, aws.ToString(key.AccessKeyId), option)
		if err != nil {
			return false, err
		}
		isYoung := time.Since(aws.ToTime(key.CreateDate)) < awscall.Propagation
		isLag = isLag || !wasThere && isYoung
	}
	return isLag, nil
}

// discard deletes a key that was made but not committed.
func (r *run) discard(ctx context.Context, s spec.Spec, key credential) error {
	if !key.fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	_, err := awscall.Repeat(ctx, r.patience, "IAM knows the key", func() (struct{}, bool, error) {
		wasThere, err := r.deleteKey(ctx, s, key.ID, r.unlessOutOfPath)
		return struct{}{}, err == nil && !wasThere, err
	})
	if err != nil && errors.Is(err, ctx.Err()) { // gone, or it is swept by whoever comes next
		return nil
	}
	return err
}

// deleteKey deletes a key, and reports whether IAM knew it.
func (r *run) deleteKey(ctx context.Context, s spec.Spec, id string, option func(*iam.Options)) (wasThere bool, err error) {
	_, err = r.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &s.UserName, AccessKeyId: &id}, option)
	if awscall.IsMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("access key %s of user %s: %w", id, s.UserName, awscall.Brief(err))
	}
	r.log.Info("removed an access key", "user", s.UserName, "accessKeyId", id)
	return true, nil
}

// listKeys returns the keys of the user, oldest first, and none for a user that
// does not exist.
func (r *run) listKeys(ctx context.Context, s spec.Spec, options ...func(*iam.Options)) ([]types.AccessKeyMetadata, error) {
	var keys []types.AccessKeyMetadata
	pages := iam.NewListAccessKeysPaginator(r.iam, &iam.ListAccessKeysInput{UserName: &s.UserName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx, options...)
		if awscall.IsMissing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("access keys of user %s: %w", s.UserName, awscall.Brief(err))
		}
		keys = append(keys, page.AccessKeyMetadata...)
	}
	slices.SortFunc(keys, func(a, b types.AccessKeyMetadata) int {
		return aws.ToTime(a.CreateDate).Compare(aws.ToTime(b.CreateDate))
	})
	return keys, nil
}
