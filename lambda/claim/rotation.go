package claim

import (
	"strconv"
	"strings"

	"bucketuser/lambda/spec"
)

// PreviousKey is the id of an access key that a secret speaks for beside the one in its value,
// or "".
func (c Claim) PreviousKey() string { return c.tags[spec.TagPreviousKey] }

// Previous returns the tags that have a secret speak for such a key. A function that knows no
// second key would sweep it.
func Previous(id string) map[string]string {
	tags := twoKeys()
	tags[spec.TagPreviousKey] = id
	return tags
}

// Rotating returns the tags of a rotation by Secrets Manager that is under way: its token, and the
// version that it follows.
func Rotating(token, follows string) map[string]string {
	tags := twoKeys()
	tags[spec.TagRotation] = token + " " + follows
	return tags
}

// RotationTags are the keys of what is taken off when a rotation has ended.
var RotationTags = []string{spec.TagRotation}

// Rotation is the rotation that the secret says is under way, or two empty strings.
func (c Claim) Rotation() (token, follows string) {
	token, follows, _ = strings.Cut(c.tags[spec.TagRotation], " ")
	return token, follows
}

// Bound returns the tag by which a user says which secret its keys go into: the secret's ARN.
func Bound(secretARN string) map[string]string { return map[string]string{spec.TagSecret: secretARN} }

// IsBoundTo reports whether a user says that its keys go into a secret. Without an ARN no user does.
func (c Claim) IsBoundTo(secretARN string) bool {
	return secretARN != "" && c.tags[spec.TagSecret] == secretARN
}

// Access is what the properties say of the user where a schedule is on: the property Access, and
// whether new keys are proven.
func (c Claim) Access() (access string, isVerified bool) {
	access, rest, _ := strings.Cut(c.tags[spec.TagAccess], " ")
	return access, rest != spec.Unverified
}

func accessOf(s spec.Spec) string {
	if s.VerifyCredentials {
		return s.Access
	}
	return s.Access + " " + spec.Unverified
}

// twoKeys is the format in which a second key may be in use.
func twoKeys() map[string]string { return map[string]string{spec.TagFormat: strconv.Itoa(spec.Format)} }
