package claim

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"bucketuser/lambda/spec"
)

// OwnerTags mark a user, bucket or secret as the own of a resource.
func OwnerTags(s spec.Spec) map[string]string {
	return map[string]string{spec.TagOwner: s.PhysicalID, spec.TagStackID: s.StackID, spec.TagLogicalID: s.LogicalID}
}

// Made is the claim on a thing that is created now: the call that creates it sets its tags.
// They are the property Tags, the owner tags, the time of the event if that is known, and the
// set that this one replaces.
func Made(s spec.Spec) Claim {
	tags := OwnerTags(s)
	if !s.Sent.IsZero() {
		tags[spec.TagLastEvent] = s.Sent.UTC().Format(time.RFC3339)
	}
	if s.Replaces.PhysicalID != "" {
		tags[spec.TagReplaces] = link(s.Replaces)
	}
	for _, tag := range s.Tags {
		tags[tag.Key] = tag.Value
	}
	return Claim{State: Ours, tags: tags, of: s}
}

// MadeSecret is the same for a secret, which also says in which format it is kept, where the
// bucket is from, and what a scheduled rotation must know.
func MadeSecret(s spec.Spec, origin string) Claim {
	c := Made(s)
	c.tags[spec.TagFormat] = strconv.Itoa(spec.FormatOneKey)
	c.tags[spec.TagBucketOrigin] = origin
	if s.RotateAfterDays > 0 {
		maps.Copy(c.tags, twoKeys())
		c.tags[spec.TagAccess] = accessOf(s)
	}
	return c
}

// KeepBucket returns the tags of a bucket that stays ours. The property Tags are set, those
// that before had and that are no more are removed, and tags of others stay. The time of the
// last event stays that of the event that made or adopted the bucket: the secret's is kept
// up to date, which spares every Update a write here. A bucket that a Delete empties, or has begun to empty, gets the time of
// this event: that Delete may still be at it, and reads there that a later event has come. A rollback that names tags again finds none
// that are new: they are those that the failed Update has not taken off.
func (c Claim) KeepBucket(before spec.Spec, namesAgain bool) map[string]string {
	tags := c.keep(Made(c.of).tags, before)
	_, isEmptied := c.tags[spec.TagEmptying]
	if made, ok := c.tags[spec.TagLastEvent]; ok && (!isEmptied || c.of.Sent.IsZero()) {
		tags[spec.TagLastEvent] = made
	}
	for _, tag := range c.foreignTags(before) { // a rollback is not refused for them
		tags[tag.Key] = tag.Value
	}
	found := c.newlyFound(before)
	if _, isNoted := c.tags[spec.TagFoundTags]; isNoted && !namesAgain && c.checkNote(found) == nil {
		tags[spec.TagFoundTags] = strings.Join(found, betweenKeys)
		if c.namesNewly(before) {
			tags[spec.TagLastEvent] = Made(c.of).tags[spec.TagLastEvent]
		}
	}
	return tags
}

// namesNewly reports whether an Update names keys in Tags that it did not name before. Without a time it does not
// tell its own deliveries from others.
func (c Claim) namesNewly(before spec.Spec) bool {
	isNew := func(tag spec.Tag) bool { return !hasTag(before, tag.Key) }
	return before.PhysicalID != "" && !c.of.Sent.IsZero() && slices.ContainsFunc(c.of.Tags, isNew)
}

// KeepSecret returns the tags of a secret that stays ours, as KeepBucket does, with the time
// of this event and the origin of the bucket. A format that this version does not know stays.
func (c Claim) KeepSecret(before spec.Spec, origin string) map[string]string {
	tags := c.keep(MadeSecret(c.of, origin).tags, before)
	if c.format() > spec.FormatOneKey { // whatever made it so may still be there
		tags[spec.TagFormat] = c.tags[spec.TagFormat]
	}
	if c.of.RotateAfterDays == 0 {
		delete(tags, spec.TagAccess)
	}
	return tags
}

// keep also removes the note of a release, which an adoption that was cut off has left, and the number of the runs of a
// Delete that has not come to its end.
func (c Claim) keep(wanted map[string]string, before spec.Spec) map[string]string {
	tags := without(c.tags, spec.TagReleasedBy, spec.TagEmptying)
	c.dropOurs(tags, before.Tags)
	maps.Copy(tags, wanted)
	return tags
}

// AdoptBucket returns the tags that make a released bucket ours. It says that the bucket was
// there before us: it is released again, and never deleted. See [Claim.CheckTags].
func (c Claim) AdoptBucket() map[string]string {
	tags := without(c.tags, spec.TagReplaces, spec.TagSupersededBy, spec.TagFoundTags, spec.TagEmptying)
	maps.Copy(tags, Made(c.of).tags)
	tags[spec.TagAdopted] = "true"
	tags[spec.TagFoundTags] = strings.Join(c.alike(c.of.Tags), betweenKeys)
	return tags
}

// AdoptSecret returns the tags that make a released secret ours. The version that it holds,
// if it holds one, is put down as that of an earlier life: it does not count as committed.
// The caller must have read it in the same call as the tags.
func (c Claim) AdoptSecret(version, origin string) map[string]string {
	tags := without(c.tags, spec.TagReleasedBy, spec.TagReplaces, spec.TagSupersededBy, spec.TagPreviousKey, spec.TagRotation, spec.TagAccess)
	maps.Copy(tags, MadeSecret(c.of, origin).tags)
	if version != "" {
		tags[spec.TagBefore] = version
	}
	return tags
}

// Before returns the tag that puts a version down as that of an earlier life.
func Before(version string) map[string]string { return map[string]string{spec.TagBefore: version} }

// ReleaseBucket returns the tags of a bucket that another resource may adopt. One that was adopted
// loses the property Tags, but for what it had before. Earlier versions did not note that: what they
// adopted keeps all.
func (c Claim) ReleaseBucket() map[string]string {
	tags := without(c.tags, spec.TagStackID, spec.TagLogicalID, spec.TagLastEvent, spec.TagAdopted, spec.TagReplaces, spec.TagSupersededBy, spec.TagFoundTags,
		spec.TagEmptying)
	if _, isNoted := c.tags[spec.TagFoundTags]; isNoted {
		c.dropOurs(tags, c.of.Tags)
	}
	tags[spec.TagOwner] = spec.Released
	return tags
}

// ReleaseSecret returns the tags of a secret that is about to wait for its deletion. They say
// who let go of it, so that a Delete that is cut off before the deletion can go on: what they
// say of the bucket, and of a replacement, stays for that.
func (c Claim) ReleaseSecret() map[string]string {
	tags := without(c.tags, spec.TagBefore, spec.TagLastEvent, spec.TagFormat, spec.TagPreviousKey, spec.TagRotation, spec.TagAccess)
	tags[spec.TagOwner], tags[spec.TagReleasedBy] = spec.Released, c.of.PhysicalID
	return tags
}

// with returns a copy of the tags of a thing with others. It is never nil.
func (c Claim) with(others map[string]string) map[string]string {
	tags := without(c.tags)
	maps.Copy(tags, others)
	return tags
}

// without returns a copy of tags without some of them. It is never nil.
func without(tags map[string]string, keys ...string) map[string]string {
	rest := map[string]string{}
	maps.Copy(rest, tags)
	for _, key := range keys {
		delete(rest, key)
	}
	return rest
}
