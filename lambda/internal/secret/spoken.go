package secret

import (
	"context"
	"slices"
	"time"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// Spoken are the keys that a secret speaks for: nothing but their own retirement may delete them.
// They are told by their ids, and not by their age. That a version has AWSPREVIOUS never says that its key
// may go, or that it is the previous key: the label moves with every new value, and not with every new key.
type Spoken struct {
	Version  string    // that is current
	Since    time.Time // when that was written
	Current  string    // id of the key in its value, or ""
	Previous string    // id of the key that goes on working beside it, or ""
	Staged   string    // id of the key in a value that may be about to become current, or ""

	others []string // of a rotation under way, and of a commit
	isAll  bool     // a version cannot be read, so it may name any key
}

// For reports whether the secret speaks for a key.
func (s Spoken) For(id string) bool {
	return id == s.Current || id == s.Previous || slices.Contains(s.others, id) || s.isAll
}

// and speaks for another key as well.
func (s Spoken) and(id string) Spoken {
	s.others = append(slices.Clone(s.others), id)
	return s
}

// GivenUp is what a secret speaks for whose current value nobody can read, and which is given up: its key is
// taken for the one of an id.
func (s Spoken) GivenUp(id string) Spoken {
	s.Current, s.isAll = id, false
	return s
}

// SpokenFor returns the keys that the secret speaks for, all as of one moment: one look at labels and tags, and
// then the versions, whose values never change. The look shows a version that was current for this event, or "":
// what is from before that is looked at again. A version that was about to become current speaks for its
// key as long as that has its lease. A secret that is gone, or about to be, speaks for all keys: whoever removes it
// removes them.
//
// A tag that names a key which the user has no more was written by an event that did not come about: the version that was
// current before names the previous key then. Where isKey is nil the tag is taken at its word.
func (c Client) SpokenFor(ctx context.Context, known string, lease time.Duration, isKey IsKey) (Spoken, error) {
	x, err := awscall.Repeat(ctx, c.patience, "Secrets Manager shows the new value", func() (Secret, bool, error) {
		x, err := c.Look(ctx)
		isShown := known == "" || x.HasBeenCurrent(known)
		return x, err == nil && !isShown && !x.Deleting, err
	})
	if err != nil || !x.Exists() || x.Deleting {
		return Spoken{isAll: true}, err
	}
	spoken, err := c.speaks(ctx, x, lease)
	if err != nil {
		return Spoken{}, err
	}
	isGood := isKey == nil
	if isKey != nil && spoken.Previous != "" {
		if isGood, err = isKey(ctx, spoken.Previous); err != nil {
			return Spoken{}, err
		}
	}
	spoken.Previous, err = c.previousKey(ctx, x, spoken.Current, isGood, isKey)
	return spoken, err
}

// speaks returns the keys that versions name, and the tag. A staged version that cannot be read is left out: a key that may
// still be committed is too young to be forsaken.
func (c Client) speaks(ctx context.Context, x Secret, lease time.Duration) (Spoken, error) {
	spoken := Spoken{Version: x.Current, Previous: x.PreviousKey()}
	for _, version := range x.speaking() {
		value, err := c.ReadVersion(ctx, x, version)
		if err != nil {
			return Spoken{}, err
		}
		isStaged := version == x.labelled(staged) && len(x.labels[version]) == 1
		if isStaged && value.State == Unreadable {
			continue
		}
		isInTime := !isStaged || time.Since(value.Created) < lease
		spoken = spoken.with(value, isInTime)
		if isStaged && isInTime {
			spoken.Staged = value.Fields.Get(spec.FieldAccessKeyID)
		}
	}
	return spoken, nil
}

// speaking are the versions that may name a key which no other names: the current one, one that was never
// current, that of a rotation under way, and that of a rotation which may still be finished: it follows the
// current one. Where somebody has finished a rotation by hand, no tag names the key before.
func (x Secret) speaking() []string {
	versions := []string{x.Current, x.labelled(pending), x.labelled(staged)}
	switch token, follows := x.Rotation(); x.Current {
	case follows:
		versions = append(versions, token)
	case token:
		versions = append(versions, follows)
	}
	slices.Sort(versions)
	return slices.DeleteFunc(slices.Compact(versions), func(version string) bool { return version == "" })
}

func (s Spoken) with(value Content, isInTime bool) Spoken {
	id := value.Fields.Get(spec.FieldAccessKeyID)
	if value.Version == s.Version && s.Version != "" {
		s.Current, s.Since = id, value.Created
	}
	s.isAll = s.isAll || value.State == Unreadable
	if id != "" && isInTime {
		s = s.and(id)
	}
	return s
}

// An IsKey tells whether the user has a key of an id, and may use it.
type IsKey func(ctx context.Context, id string) (bool, error)

// PreviousKey is the id of the key that goes on working beside that of the current value, or "". The tag may
// name the very key of that value, after a label was moved back by hand, or while another event is about to commit: then it is the
// key of the version that was current before, if the user has that. It names none where somebody has finished a rotation by hand.
func (c Client) PreviousKey(ctx context.Context, x Secret, value Content, isKey IsKey) (string, error) {
	return c.previousKey(ctx, x, value.Fields.Get(spec.FieldAccessKeyID), true, isKey)
}

func (c Client) previousKey(ctx context.Context, x Secret, current string, isGood bool, isKey IsKey) (string, error) {
	if id, err := c.aliveIn(ctx, x, x.counterpart(), current, isKey); err != nil || id != "" {
		return id, err
	}
	id := x.Claim.PreviousKey()
	if id == "" || isGood && id != current {
		return id, nil
	}
	if other, err := c.aliveIn(ctx, x, x.labelled(previous), current, isKey); err != nil || other != "" {
		return other, err
	}
	if id == current {
		id = ""
	}
	return id, nil
}

// aliveIn is the id of the key in a version if the user has it, and it is not that of the current one.
func (c Client) aliveIn(ctx context.Context, x Secret, version, current string, isKey IsKey) (string, error) {
	id, err := c.keyOf(ctx, x, version, current)
	if err != nil || id == "" || isKey == nil {
		return id, err
	}
	if isAlive, err := isKey(ctx, id); err != nil || !isAlive {
		return "", err
	}
	return id, nil
}

// keyOf is the id of the key in a version, or "" if there is none, or it is that of the current one.
func (c Client) keyOf(ctx context.Context, x Secret, version, current string) (string, error) {
	if version == "" {
		return "", nil
	}
	value, err := c.ReadVersion(ctx, x, version)
	if id := value.Fields.Get(spec.FieldAccessKeyID); id != current {
		return id, err
	}
	return "", err
}
