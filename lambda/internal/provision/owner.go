package provision

import (
	"fmt"
	"maps"
	"time"

	"bucketuser/lambda/spec"
)

// isOurs reports whether tags mark a thing as the one of s. Nothing else is ever
// changed or removed.
func isOurs(tags map[string]string, s spec.Spec) bool {
	for key, value := range s.OwnerTags() {
		if tags[key] != value {
			return false
		}
	}
	return true
}

// isReleased reports whether a resource has let go of a thing, so that another may
// adopt it.
func isReleased(tags map[string]string) bool {
	return tags[spec.TagOwner] == spec.Released
}

// errOvertaken says that a later event has ensured the set.
var errOvertaken = fmt.Errorf("%w: a later one has come", errStale)

// overtaken returns errOvertaken if tags of ours say that a later event than that of s has
// ensured the set: then the event of s was delivered late, and must change nothing. A
// time in the future is not one of ours.
//
// This is a fencing token. CloudFormation invokes the function asynchronously, so an
// event may come again, or go on, at any time until it is too old, and the state of the
// resource does not tell an event that is waited for from an earlier one of its kind.
func overtaken(tags map[string]string, s spec.Spec) error {
	last, err := time.Parse(time.RFC3339, tags[spec.TagLastEvent])
	isKnown := err == nil && !s.Sent.IsZero() && last.Before(time.Now().Add(maxLead))
	if !isKnown || !isOurs(tags, s) || !last.After(s.Sent) {
		return nil
	}
	return fmt.Errorf("%w (this one is from %s, that from %s)", errOvertaken, s.Sent.Format(time.RFC3339), last.Format(time.RFC3339))
}

// mergeTags returns tags with the wanted ones set and the keys that old had and that are
// wanted no more removed. Tags that others set stay; the note of a release, left by an
// adoption that was cut off, goes.
func mergeTags(tags, wanted map[string]string, old spec.Spec) map[string]string {
	merged := maps.Clone(tags)
	if merged == nil {
		merged = map[string]string{}
	}
	delete(merged, spec.TagReleasedBy)
	for _, tag := range old.Tags {
		delete(merged, tag.Key)
	}
	maps.Copy(merged, wanted)
	return merged
}
