package provision

import (
	"maps"

	"bucketuser/lambda/spec"
)

// tagReleasedBy keeps the physical id of the resource that let go of a secret, so
// that a Delete that was interrupted between the tag and the deletion goes on.
const tagReleasedBy = "bucketuser:released-by"

// tagBefore keeps the version that a restored secret held: an earlier life's
// credentials, which do not count as committed.
const tagBefore = "bucketuser:before"

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

// mergeTags returns tags with those of s set and the keys that old had and s has
// no more removed. Tags that others set stay; the note of a release, left by an
// adoption that was cut off, goes.
func mergeTags(tags map[string]string, s, old spec.Spec) map[string]string {
	merged := maps.Clone(tags)
	if merged == nil {
		merged = map[string]string{}
	}
	delete(merged, tagReleasedBy)
	for _, tag := range old.Tags {
		delete(merged, tag.Key)
	}
	maps.Copy(merged, s.AllTags())
	return merged
}
