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
	"slices"
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
	Hidden                 // a bucket that S3 says nothing of: of another account, or none
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

// Exists reports whether the name is known to be taken, by whomever.
func (c Claim) Exists() bool { return c.State != Absent && c.State != Hidden }

// MayYetBeOurs reports whether the thing may be this resource's own although it was not read
// so: a read of AWS may be from before a write (L4), and what is new is not known everywhere
// (L1). Tags of another owner are final.
func (c Claim) MayYetBeOurs() bool {
	switch c.State {
	case Absent, Hidden, Released:
		return true
	case Foreign:
		return len(c.tags) == 0
	case Elsewhere, Leaving, Ours, Adopted:
	}
	return false
}

// IsTaken reports whether the thing shows as somebody else's by its tags.
func (c Claim) IsTaken() bool { return c.State == Foreign && len(c.tags) > 0 }

// Tags are those that the claim was read from. They must not be changed.
func (c Claim) Tags() map[string]string { return c.tags }

// EarlierVersion is the version of a secret that an earlier life has left, or "".
func (c Claim) EarlierVersion() string { return c.tags[spec.TagBefore] }

// IsLaterFormat reports whether a later version of the provider keeps the secret in a format
// that this one does not know: see [spec.Format]. What was released has no format, since its
// keys are gone. A tag that is no number was not written by any version.
func (c Claim) IsLaterFormat() bool { return c.format() > spec.Format }

// format is that of a secret, or 0 if it has none.
func (c Claim) format() int {
	format, err := strconv.Atoi(c.tags[spec.TagFormat])
	if err != nil || !c.Exists() || c.IsReleased() {
		return 0
	}
	return format
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

// Asker is the resource that asks.
func (c Claim) Asker() spec.Spec { return c.of }

// OtherOwner is the resource that a thing belongs to by its tags if that is not the one that
// asks. Anybody may have copied them: they serve a message.
func (c Claim) OtherOwner() (stackID, logicalID string, isKnown bool) {
	stackID, logicalID = c.tags[spec.TagStackID], c.tags[spec.TagLogicalID]
	isOther := stackID != c.of.StackID || logicalID != c.of.LogicalID
	return stackID, logicalID, stackID != "" && logicalID != "" && isOther
}

// IsOthers reports whether one owner tag names somebody else, where a thing that has lost some of its
// tags has none.
func (c Claim) IsOthers() bool {
	for key, value := range OwnerTags(c.of) {
		if c.tags[key] != "" && c.tags[key] != value {
			return true
		}
	}
	return false
}

// IsUnowned reports whether the thing bears no tag of any owner.
func (c Claim) IsUnowned() bool {
	return c.tags[spec.TagOwner] == "" && c.tags[spec.TagStackID] == "" && c.tags[spec.TagLogicalID] == ""
}

// MissingTags are the owner tags that the thing lacks, or has with another value, as
// "key=value" and sorted.
func (c Claim) MissingTags() []string {
	var missing []string
	for key, value := range OwnerTags(c.of) {
		if c.tags[key] != value {
			missing = append(missing, key+"="+value)
		}
	}
	slices.Sort(missing)
	return missing
}

// MaxClockLead is how far in the future a time of CloudFormation's may lie: its clock and
// that of the function differ.
const MaxClockLead = 5 * time.Minute

// lastEvent is when the last event that has ensured the thing was sent. A time that is missing,
// that is no time, or that lies in the future is not one of ours.
func (c Claim) lastEvent() (last time.Time, isKnown bool) {
	last, err := time.Parse(time.RFC3339, c.tags[spec.TagLastEvent])
	return last, err == nil && last.Before(time.Now().Add(MaxClockLead))
}

// IsOlder reports whether the last event that has ensured the thing was sent that long ago.
func (c Claim) IsOlder(age time.Duration) bool {
	last, isKnown := c.lastEvent()
	return isKnown && time.Since(last) > age
}

// IsOfEvent reports whether the thing was made, or ensured for the last time, by the very
// event that the spec is of, as far as times tell.
func (c Claim) IsOfEvent() bool {
	last, isKnown := c.lastEvent()
	return !isKnown && c.of.Sent.IsZero() || isKnown && last.Equal(c.of.Sent)
}

// CheckLate returns [ErrLater] if the thing says that a later event than the spec's has
// ensured it: then the event came late and must change nothing.
//
// The time of the last event is a fencing token. CloudFormation invokes the function
// asynchronously, so Lambda may deliver an event again, or go on with it, until it is too
// old. The state of the resource does not tell an event that CloudFormation waits for from an
// earlier one of its kind; the time does. A thing without such a time proves nothing.
func (c Claim) CheckLate() error {
	last, isKnown := c.lastEvent()
	if !isKnown || c.of.Sent.IsZero() || !c.IsOurs() || !last.After(c.of.Sent) {
		return nil
	}
	return fmt.Errorf("%w (this one is from %s, that from %s)", ErrLater, c.of.Sent.Format(time.RFC3339), last.Format(time.RFC3339))
}
