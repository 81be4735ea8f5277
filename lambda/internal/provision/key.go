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
// may be over by then, so the removal takes place in the time that is kept back.
const discardTimeout = 3 * time.Second

// secretKey is a secret access key. Whatever prints it prints REDACTED.
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

	follows string               // version of the secret that a commit of the key follows, or ""
	stored  map[string]secretKey // fields of that version, empty if it names no key of ours
	version string               // version that holds the key, once it is committed
}

// ensureKey returns the key that the secret names if it works, and a new one otherwise. A key
// that somebody has made inactive stays inactive, since strangers may know it.
//
// IAM refuses a third key of a user. Other deliveries may have made two, and IAM may not list
// a key that was made seconds ago. So ensureKey looks at everything again until there is
// room, or until one of those keys is the one in the secret.
func (r *run) ensureKey(ctx context.Context, op operation, made set) (credential, error) {
	return backoff.Retry(ctx, func() (credential, error) {
		looked := time.Now()
		key, err := r.committedKey(ctx, op, made)
		if err == nil && key.ID == "" {
			key, err = r.mintKey(ctx, op.spec, made.user, key, looked)
		}
		if err != nil && !errors.Is(err, errNoRoom) && !awscall.IsCode(err, "LimitExceeded", "LimitExceededException") {
			err = backoff.Permanent(err)
		}
		made.secret.fresh, made.user.fresh = false, false // by now it may have a value, and keys
		return key, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(roomInterval)), backoff.WithMaxElapsedTime(maxKeyAge+2*maxKeyAgeMargin))
}

// committedKey returns the key that the secret names, if the user has it and it is
// active. Otherwise the ID is empty and follows says what a commit follows.
func (r *run) committedKey(ctx context.Context, op operation, made set) (credential, error) {
	if made.secret.fresh {
		return credential{}, nil
	}
	current, err := r.readValue(ctx, op.spec, made.secret)
	if err != nil {
		return credential{}, err
	}
	none := credential{follows: current.version}
	switch current.state {
	case tombstone:
		if op.isNew() { // a commit on top of it would be of a set that is being removed
			return credential{}, errUndone
		}
		return none, nil
	case noValue:
		return none, nil
	case earlier, foreign, incomplete:
		r.reportRepair(op, true, "value of the secret")
		return none, nil
	case committed:
	}
	// A user whom this event has made is looked at, too. Another delivery may have committed a
	// key of that user meanwhile, and a second commit would take that key away.
	id := string(current.fields[spec.FieldAccessKeyID])
	works, err := r.hasActiveKey(ctx, op.spec, id)
	if err != nil || !works {
		return none, err
	}
	return credential{
		ID:      id,
		secret:  current.fields[spec.FieldSecretAccessKey],
		follows: current.version,
		stored:  current.fields,
		version: current.version,
	}, nil
}

// hasActiveKey reports whether the user has the key and may use it. IAM may not list a key
// that was made seconds ago, so a missing key is looked for during readPropagation.
func (r *run) hasActiveKey(ctx context.Context, s spec.Spec, id string) (bool, error) {
	errAbsent := errors.New("absent")
	status, err := backoff.Retry(ctx, func() (types.StatusType, error) {
		keys, err := r.listKeys(ctx, s)
		if err != nil {
			return "", backoff.Permanent(err)
		}
		for _, key := range keys {
			if aws.ToString(key.AccessKeyId) == id {
				return key.Status, nil
			}
		}
		return "", errAbsent
	}, backoff.WithBackOff(backoff.NewConstantBackOff(awscall.PollInterval)), backoff.WithMaxElapsedTime(readPropagation))
	if errors.Is(err, errAbsent) {
		r.log.Warn("found the key in the secret gone", "user", s.UserName, "accessKeyId", id)
		return false, nil
	}
	if err == nil && status != types.StatusTypeActive {
		r.log.Warn("found the key in the secret inactive", "user", s.UserName, "accessKeyId", id)
	}
	return status == types.StatusTypeActive, err
}

// mintKey creates a key. It repeats CreateAccessKey only after an answer that says that nothing
// happened: a lost answer may have made a key whose secret nobody knows, and a repetition
// would make another.
func (r *run) mintKey(ctx context.Context, s spec.Spec, u user, after credential, looked time.Time) (credential, error) {
	if !u.fresh {
		if err := r.makeRoom(ctx, s, looked); err != nil {
			return credential{}, err
		}
	}
	out, err := r.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &s.UserName},
		func(o *iam.Options) { o.Retryer = awscall.IfNothingHappened() })
	if err != nil {
		return credential{}, fmt.Errorf("access key of user %s: %w", s.UserName, awscall.Brief(err))
	}
	r.log.Info("created an access key", "user", s.UserName, "accessKeyId", aws.ToString(out.AccessKey.AccessKeyId))
	return credential{
		ID:      aws.ToString(out.AccessKey.AccessKeyId),
		secret:  secretKey(aws.ToString(out.AccessKey.SecretAccessKey)),
		created: aws.ToTime(out.AccessKey.CreateDate),
		fresh:   true,
		follows: after.follows,
	}, nil
}

// errNoRoom says that a user has as many keys as IAM allows.
var errNoRoom = errors.New("has two new keys that are not in the secret; delete one of them or try again")

// makeRoom deletes a key of a user who has as many as IAM allows: an inactive one, or else the
// older one. Neither is committed and working, since no other key would be needed then. But
// another delivery may be about to commit an active one. So an active one goes only if its
// lease was over when the secret was looked at.
func (r *run) makeRoom(ctx context.Context, s spec.Spec, looked time.Time) error {
	keys, err := r.listKeys(ctx, s)
	if err != nil || len(keys) < maxKeys {
		return err
	}
	isInactive := func(k types.AccessKeyMetadata) bool { return k.Status != types.StatusTypeActive }
	which := slices.IndexFunc(keys, isInactive)
	if which < 0 {
		which = 0
		if looked.Sub(aws.ToTime(keys[which].CreateDate)) < maxKeyAge+maxKeyAgeMargin {
			r.log.Info("began to wait", "until", "a key that another event has made is in the secret or given up", "atMost", (maxKeyAge + maxKeyAgeMargin).String())
			return fmt.Errorf("user %s: %w", s.UserName, errNoRoom)
		}
	}
	return r.deleteKey(ctx, s, aws.ToString(keys[which].AccessKeyId))
}

// sweepKeys deletes every key of the user but the one to keep, and reports whether the user
// has that one. It runs after the commit: before it, the key in use is another one.
func (r *run) sweepKeys(ctx context.Context, s spec.Spec, keep string) (kept bool, err error) {
	keys, err := r.listKeys(ctx, s)
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		id := aws.ToString(key.AccessKeyId)
		if id == keep {
			kept = true
			continue
		}
		if err := r.deleteKey(ctx, s, id); err != nil {
			return false, err
		}
	}
	return kept, nil
}

// discard deletes a key that was made but not committed.
func (r *run) discard(ctx context.Context, s spec.Spec, key credential) error {
	if !key.fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	return r.deleteKey(ctx, s, key.ID)
}

func (r *run) deleteKey(ctx context.Context, s spec.Spec, id string) error {
	_, err := r.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &s.UserName, AccessKeyId: &id})
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("access key %s of user %s: %w", id, s.UserName, awscall.Brief(err))
	}
	r.log.Info("removed an access key", "user", s.UserName, "accessKeyId", id)
	return nil
}

// listKeys returns the keys of the user, oldest first, and none for a user that
// does not exist.
func (r *run) listKeys(ctx context.Context, s spec.Spec) ([]types.AccessKeyMetadata, error) {
	var keys []types.AccessKeyMetadata
	pages := iam.NewListAccessKeysPaginator(r.iam, &iam.ListAccessKeysInput{UserName: &s.UserName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
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
