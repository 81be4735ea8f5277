package claim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bucketuser/lambda/spec"
)

// maxTags is how many tags S3 takes on a bucket.
const maxTags = 50

// betweenKeys stands between two keys in [spec.TagFoundTags].
const betweenKeys = "  "

// CheckTags refuses a bucket that is about to be adopted with tags that the property Tags would
// change, or that do not fit together with ours. A tag that it has with the value of Tags is noted, so
// that the bucket keeps it when it is let go of.
func (c Claim) CheckTags() error {
	failed := []error{c.CheckNewTags(spec.Spec{})}
	together := c.AdoptBucket()
	if len(together) > maxTags {
		failed = append(failed, fmt.Errorf("bucket %s: would have %d tags, and S3 allows %d; remove some of its own, or shorten Tags",
			c.of.BucketName, len(together), maxTags))
	}
	return errors.Join(append(failed, c.checkNote(c.alike(c.of.Tags)))...)
}

// CheckNewTags refuses to change tags of the owner of an adopted bucket: those of the property Tags that
// the set did not have before, and that are there with other values.
func (c Claim) CheckNewTags(before spec.Spec) error {
	var failed []error
	for _, tag := range c.differing(before) {
		failed = append(failed, fmt.Errorf("bucket %s: has the tag %s=%s, and Tags would change it; take it out of Tags, or off the bucket",
			c.of.BucketName, tag.Key, tag.Value))
	}
	return errors.Join(append(failed, c.checkNote(c.newlyFound(before)))...)
}

// newlyFound are the keys of Tags that an adopted bucket had before us: those in its note, and those that an
// Update names newly and that are there with these values. Another delivery of this very event may have
// written the latter: the time of the event is written along with them.
func (c Claim) newlyFound(before spec.Spec) []string {
	found := c.found()
	_, isNoted := c.tags[spec.TagFoundTags]
	if !isNoted || !c.namesNewly(before) || c.IsOfEvent() {
		return found
	}
	for _, key := range c.alike(c.of.Tags) {
		if !hasTag(before, key) && !slices.Contains(found, key) {
			found = append(found, key)
		}
	}
	return found
}

// FindsTags reports whether an Update of an adopted bucket names tags newly that are there.
func (c Claim) FindsTags(before spec.Spec) bool { return len(c.newlyFound(before)) > len(c.found()) }

// found are the keys in the note.
func (c Claim) found() []string {
	if c.tags[spec.TagFoundTags] == "" {
		return nil
	}
	return strings.Split(c.tags[spec.TagFoundTags], betweenKeys)
}

// checkNote says why keys cannot be noted.
func (c Claim) checkNote(keys []string) error {
	isAmbiguous := slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(key, betweenKeys) })
	if len(strings.Join(keys, betweenKeys)) <= spec.MaxTagValueLength && !isAmbiguous {
		return nil
	}
	return fmt.Errorf("bucket %s: has too many tags of Tags already to be noted in one tag; take some out of Tags", c.of.BucketName)
}

func hasTag(s spec.Spec, key string) bool {
	return slices.ContainsFunc(s.Tags, func(tag spec.Tag) bool { return tag.Key == key })
}

// foreignTags are tags of the owner of an adopted bucket that Tags would change.
func (c Claim) foreignTags(before spec.Spec) []spec.Tag {
	if _, isAdopted := c.tags[spec.TagFoundTags]; !isAdopted {
		return nil
	}
	return c.differing(before)
}

// differing are tags that the thing has with other values than Tags, and not from before.
func (c Claim) differing(before spec.Spec) (tags []spec.Tag) {
	found := c.found()
	for _, tag := range c.of.Tags {
		value, isThere := c.tags[tag.Key]
		isOurs := !slices.Contains(found, tag.Key) && hasTag(before, tag.Key)
		if isThere && value != tag.Value && !isOurs {
			tags = append(tags, spec.Tag{Key: tag.Key, Value: value})
		}
	}
	return tags
}

// alike are the keys of tags that the thing has with their values.
func (c Claim) alike(tags []spec.Tag) (keys []string) {
	for _, tag := range tags {
		if value, isThere := c.tags[tag.Key]; isThere && value == tag.Value {
			keys = append(keys, tag.Key)
		}
	}
	return keys
}

// dropOurs takes those of the property Tags out of tags that the thing did not have before us. In an
// adopted bucket one with another value is its owner's: an Update that was refused has not written it.
func (c Claim) dropOurs(tags map[string]string, ours []spec.Tag) {
	_, isAdopted := c.tags[spec.TagFoundTags]
	found := c.found()
	for _, tag := range ours {
		isOwners := isAdopted && (slices.Contains(found, tag.Key) || tags[tag.Key] != tag.Value)
		if !isOwners {
			delete(tags, tag.Key)
		}
	}
}
