package status

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

// ofTags tells whether a thing is the resource's own. set is the command that gives it tags.
func (f facts) ofTags(check, what string, c claim.Claim, set func(claim.Claim) string) []Finding {
	found := Finding{Check: check, State: Fault}
	stackID, logicalID, isKnown := c.OtherOwner()
	by, isSuperseded := c.SupersededBy()
	switch {
	case c.IsOurs() && isSuperseded:
		found.State, found.What = Warning, fmt.Sprintf("%s bears the mark of a set that %s has replaced", what, plain(by.PhysicalID))
		found.Todo = "the next update takes it off, unless the set was replaced"
	case c.State == claim.Adopted:
		found.State, found.What = OK, what+" bears the tags of resource "+f.target.LogicalID+", and was adopted"
	case c.State == claim.Ours:
		found.State, found.What = OK, what+" bears the tags of resource "+f.target.LogicalID
	case c.IsReleased():
		found.What = what + " was let go of: its tag " + spec.TagOwner + " is " + spec.Released
	case isKnown && c.IsOthers():
		found.What = fmt.Sprintf("%s bears the tags of resource %s of stack %s", what, plain(logicalID), plain(spec.StackName(stackID)))
	default:
		found.What = what + " lacks the tags " + strings.Join(c.MissingTags(), ", ")
	}
	if found.State == Fault {
		found.Todo = "without them no update changes it, and no deletion removes it. Set them if it is the one that this resource has made"
		found.Commands = []string{set(c)}
	}
	return []Finding{found}
}

// A tag is one of a command's, in JSON, so that no character of it means anything.
type tag struct{ Key, Value string }

// tagList is a list of tags as a word of a shell, sorted.
func tagList(tags map[string]string) string {
	var list []tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{key, tags[key]})
	}
	text, err := json.Marshal(list)
	if err != nil { // strings encode
		return ""
	}
	return string(text)
}

func (f facts) tagSecret(claim.Claim) string {
	return fmt.Sprintf("aws secretsmanager tag-resource --secret-id %s --tags %s", quoted(f.target.SecretARN), quoted(tagList(claim.OwnerTags(f.spec))))
}

func (f facts) tagUser(claim.Claim) string {
	return fmt.Sprintf("aws iam tag-user --user-name %s --tags %s", quoted(f.spec.UserName), quoted(tagList(claim.OwnerTags(f.spec))))
}

// tagBucket gives the bucket its tags beside those that it has: PutBucketTagging replaces all of them. It does not take
// those of AWS itself, and leaves them.
func (f facts) tagBucket(c claim.Claim) string {
	tags := maps.Clone(c.Tags())
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, claim.OwnerTags(f.spec))
	maps.DeleteFunc(tags, func(key, _ string) bool { return strings.HasPrefix(key, "aws:") })
	return fmt.Sprintf("aws s3api put-bucket-tagging --bucket %s --tagging %s", quoted(f.spec.BucketName), quoted(`{"TagSet":`+tagList(tags)+`}`))
}
