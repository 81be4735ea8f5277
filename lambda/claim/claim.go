// Package claim tells whose a bucket, a user or a secret is, and since when.
//
// A thing is claimed by its tags, which the call that creates it sets. [Read] is the only
// place that decides by them; every change of tags that makes a claim, keeps it or gives it
// up is one function in transitions.go. The names of the tags stand in package spec.
//
// The package refuses to know how tags are read and written, and what is done with a thing.
package claim

import (
	"fmt"
	"strconv"
	"time"

	"bucketuser/lambda/spec"
)

// A State is whose a thing is, as its tags tell the resource that asks.
type State int

// The states. A thing that is [Ours] or [Adopted] may be changed and removed, one that is
// [Released] or [Leaving] taken over. Every other one is left alone.
const (
	Absent    State = iota // nothing has the name
	Elsewhere              // a bucket of another account, or in another region
	Foreign                // somebody else's in this account: one owner tag that differs is enough
	Released               // no longer anybody's: its resource has let go of it, or a person has said so
	Leaving                // the same, by this very resource, whose Delete may have been cut off
	Ours                   // this resource has made it
	Adopted                // ours, and there before us: a bucket that was taken over, never deleted
)

// A Claim is a state with the tags that it was read from.
type Claim struct {
	State
	tags map[string]string
	of   spec.Spec
}

// Read tells what the tags of a thing say to the resource of a spec.
func Read(tags map[string]string, of spec.Spec) Claim {
	c := Claim{State: Foreign, tags: tags, of: of}
	switch {
	case isOwned(tags, of) && tags[spec.TagAdopted] == "true":
		c.State = Adopted
	case isOwned(tags, of):
		c.State = Ours
	case tags[spec.TagOwner] == spec.Released && tags[spec.TagReleasedBy] == of.PhysicalID:
		c.State = Leaving
	case tags[spec.TagOwner] == spec.Released:
		c.State = Released
	}
	return c
}

// IsOurs reports whether the thing is this resource's own.
func (c Claim) IsOurs() bool { return c.State == Ours || c.State == Adopted }

// IsReleased reports whether a resource may adopt the thing.
func (c Claim) IsReleased() bool { return c.State == Released || c.State == Leaving }

// Exists reports whether the name is taken, by whomever.
func (c Claim) Exists() bool { return c.State != Absent }

// Tags are those that the claim was read from. They must not be changed.
func (c Claim) Tags() map[string]string { return c.tags }

// EarlierVersion is the version of a secret that an earlier life has left, or "".
func (c Claim) EarlierVersion() string { return c.tags[spec.TagBefore] }

// IsLaterFormat reports whether a later version of the provider keeps the secret in a format
// that this one does not know: see [spec.Format]. What was released has no format, since its
// keys are gone. A tag that is no number was not written by any version.
func (c Claim) IsLaterFormat() bool {
	format, err := strconv.Atoi(c.tags[spec.TagFormat])
	return c.Exists() && !c.IsReleased() && err == nil && format > spec.Format
}

// isOwned wants every owner tag: anybody may copy one of them.
func isOwned(tags map[string]string, of spec.Spec) bool {
	for key, value := range OwnerTags(of) {
		if tags[key] != value {
			return false
		}
	}
	return true
}

// MaxClockLead is how far in the future a time of CloudFormation's may lie: its clock and
// that of the function differ.
const MaxClockLead = 5 * time.Minute

// CheckLate returns [ErrLater] if the thing says that a later event than the spec's has
// ensured it: then the event came late and must change nothing.
//
// The time of the last event is a fencing token. CloudFormation invokes the function
// asynchronously, so Lambda may deliver an event again, or go on with it, until it is too
// old. The state of the resource does not tell an event that CloudFormation waits for from an
// earlier one of its kind; the time does. A time that is missing, that is no time, or that
// lies in the future is not one of ours and proves nothing.
func (c Claim) CheckLate() error {
	last, err := time.Parse(time.RFC3339, c.tags[spec.TagLastEvent])
	isKnown := err == nil && !c.of.Sent.IsZero() && last.Before(time.Now().Add(MaxClockLead))
	if !isKnown || !c.IsOurs() || !last.After(c.of.Sent) {
		return nil
	}
	return fmt.Errorf("%w (this one is from %s, that from %s)", ErrLater, c.of.Sent.Format(time.RFC3339), last.Format(time.RFC3339))
}
