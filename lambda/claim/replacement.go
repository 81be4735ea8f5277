package claim

import (
	"strings"

	"bucketuser/lambda/spec"
)

// A replacement marks both of its sets, since the Delete that cleans up one of them carries an
// OnDelete that was meant for a set in use, and data may have come to it after all checks. The
// new set is marked by the calls that create it, the old one before CloudFormation hears of the
// new.

// link is the value of a mark. The name of a secret that is too long for it is left out.
func link(to spec.Counterpart) string {
	value := to.PhysicalID + " " + to.SecretName + " " + to.UserName
	if len(value) > spec.MaxTagValueLength {
		value = to.PhysicalID + "  " + to.UserName
	}
	return value
}

func readLink(value string) (to spec.Counterpart, isMarked bool) {
	id, names, _ := strings.Cut(value, " ")
	secret, user, _ := strings.Cut(names, " ")
	return spec.Counterpart{PhysicalID: id, SecretName: secret, UserName: user}, id != ""
}

// For returns the claim as one of another spec of the same set.
func (c Claim) For(s spec.Spec) Claim {
	c.of = s
	return c
}

// Replaces is the set that this one was made to replace.
func (c Claim) Replaces() (old spec.Counterpart, isMarked bool) {
	return readLink(c.tags[spec.TagReplaces])
}

// SupersededBy is the set that has replaced this one.
func (c Claim) SupersededBy() (by spec.Counterpart, isMarked bool) {
	return readLink(c.tags[spec.TagSupersededBy])
}

// SupersededTags are the keys of that mark.
var SupersededTags = []string{spec.TagSupersededBy}

// Supersede returns the mark of a thing of a set that was replaced.
func Supersede(by spec.Spec) map[string]string {
	return map[string]string{spec.TagSupersededBy: link(by.Counterpart())}
}

// SupersedeBucket returns the tags of a bucket of such a set.
func (c Claim) SupersedeBucket(by spec.Spec) map[string]string {
	return c.with(Supersede(by))
}

// Restore returns tags without the mark of a set that was replaced: it is in force.
func Restore(tags map[string]string) map[string]string { return without(tags, SupersededTags...) }

// Settle returns tags without the mark of a set that replaces another: that one is gone.
func Settle(tags map[string]string) map[string]string { return without(tags, spec.TagReplaces) }

// IsGone reports whether a thing no longer is that of a set of this physical id. One without any
// owner may have lost its tags.
func (c Claim) IsGone() bool {
	owner := c.tags[spec.TagOwner]
	return !c.Exists() || owner != "" && owner != c.of.PhysicalID
}

// Guard returns the tags of a bucket with what keeps its data: that it was adopted, and the
// marks of a replacement, wherever they were found.
func (c Claim) Guard(marks map[string]string) map[string]string {
	tags := c.with(marks)
	if c.State == Adopted {
		tags[spec.TagAdopted] = "true"
	}
	return tags
}

// Marks are the marks of a replacement on the thing.
func (c Claim) Marks() map[string]string {
	marks := map[string]string{}
	for _, key := range []string{spec.TagReplaces, spec.TagSupersededBy} {
		if value := c.tags[key]; value != "" {
			marks[key] = value
		}
	}
	return marks
}
