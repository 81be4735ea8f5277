package spec

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// ResourceType is the resource's type in a template.
const ResourceType = "Custom::BucketUser"

// Generated names start with these, so that a role can be scoped to them. A
// generated bucket name goes on with the account and the region.
const (
	GeneratedUserPrefix   = "bucketuser-"
	GeneratedBucketPrefix = "bucketuser-"
	GeneratedSecretPrefix = "bucketuser/"
)

// Tags that mark a thing as ours. Only a thing on which the first three match, or one that is
// released, is ever changed or removed. They are set by the call that creates it.
const (
	TagOwner     = "bucketuser:owner" // the physical id, or Released
	TagStackID   = "bucketuser:stack-id"
	TagLogicalID = "bucketuser:logical-id"
	TagAdopted   = "bucketuser:adopted" // "true": taken over, so never deleted

	// TagLastEvent is when the last event that ensured the set was sent, RFC 3339 in
	// UTC. On user and bucket it is the event that made or adopted them, and on an adopted
	// bucket the last one that named keys newly in Tags.
	TagLastEvent = "bucketuser:last-event"

	// TagReleasedBy is on a secret that its resource lets go of: the physical id of that
	// resource. A Delete that was cut off between the tag and the deletion goes on by it.
	TagReleasedBy = "bucketuser:released-by"

	// TagBefore is on a secret that was restored: the version that it held then. Those
	// credentials are of an earlier life and do not count as committed.
	TagBefore = "bucketuser:before"

	// TagFormat is on the secret: the format in which it and the user's keys are kept, a
	// whole number. Without it they are in the format of the versions before 0.1.0, which
	// differs from format 1 in that alone.
	TagFormat = "bucketuser:format"

	// TagReplaces is on the new set of a replacement, and TagSupersededBy on the secret and the
	// bucket of the old one. Either names the other set by its physical id, its secret and its user.
	TagReplaces     = "bucketuser:replaces"
	TagSupersededBy = "bucketuser:superseded-by"

	// TagBucketOrigin is on the secret: one of the origins below. A bucket counts as made by its
	// resource only if its own tags and this one say so, since tools replace the tags of a
	// bucket, and people put some of them back.
	TagBucketOrigin = "bucketuser:bucket-origin"

	// TagFoundTags is on an adopted bucket: the keys of the property Tags that it had before they
	// stood there, with the same values, so that they stay when it is let go of. Two spaces stand between two keys. Without
	// the tag an earlier version has adopted the bucket.
	TagFoundTags = "bucketuser:found-tags"

	// TagEmptying is on a bucket that a Delete empties: the time of the event, RFC 3339 in UTC, a space, and how many
	// of its runs have begun to delete, this one included. A function in which a run takes longer than an invocation may
	// ends it by the number. Of another event it says nothing.
	TagEmptying = "bucketuser:emptying"

	// TagPreviousKey is on the secret: the id of an access key that was in use before the one in
	// its value, and that goes on working.
	TagPreviousKey = "bucketuser:previous-key"

	// TagSecret is on the user of a secret that is rotated: the secret's ARN, which no later secret of its name
	// has. Whoever makes one after the first was deleted by hand gets no key of the user into it.
	TagSecret = "bucketuser:secret"

	// TagRotation is on the secret while Secrets Manager rotates it: the token of the rotation, a
	// space, and the version that it follows. Only that one may give way to the new version.
	TagRotation = "bucketuser:rotation"

	// TagAccess is on the secret while it has a schedule: the property Access, by which a new key
	// is proven. " unverified" follows it where VerifyCredentials is false.
	TagAccess = "bucketuser:access"
)

// Unverified stands in [TagAccess] where a rotation proves no more than that S3 knows the new key.
const Unverified = "unverified"

// Values of TagBucketOrigin. OriginUnknown is written where the secret has lost what it said.
const (
	OriginMade    = "made"
	OriginAdopted = "adopted"
	OriginUnknown = "unknown"
)

// Format is the highest value of [TagFormat] that this version knows. A version that keeps
// secret or keys in a way that this one would spoil writes a higher one.
//
// Format 1 has one key in use. Format 2 may have a previous key, and a rotation under way with a
// key of its own: it is written with the first of them, or with a schedule, and stays. What is in
// format 1 the functions before may go on with.
//
// A function that finds a higher one leaves the secret's value and the user's keys as they
// are. It must not refuse the event: a stack that updates its provider and its resources
// together goes back to the earlier provider first, and could not be rolled back then.
const (
	Format       = 2
	FormatOneKey = 1
)

// Ids of our rules in the lifecycle configuration of a bucket. Rules with other ids are others'.
const (
	AbortUploadsRuleID   = "bucketuser-abort-incomplete-uploads"
	ExpireVersionsRuleID = "bucketuser-expire-noncurrent-versions"
	ExpireMarkersRuleID  = "bucketuser-expire-delete-markers"
)

// Released is the value of TagOwner on a bucket or secret that its resource has
// let go of: a Create may adopt it.
const Released = "released"

// identityVersion is part of the hash. A change of it gives every resource a new
// physical id, which CloudFormation carries out as a replacement.
const identityVersion = "1"

// identify computes the physical id and fills in the names that were not given.
// The same stack, logical id and names always give the same identity, so that a
// Delete finds everything whatever id CloudFormation made up.
func (s *Spec) identify() {
	hash := hashOf(identityVersion, s.StackID, s.LogicalID, s.UserName, s.BucketName, s.SecretName)
	s.PhysicalID = cut(s.LogicalID, 32) + "-v" + identityVersion + "-" + hash
	if s.UserName == "" {
		s.UserName = GeneratedUserPrefix + cut(s.LogicalID, 24) + "-" + hash
	}
	if s.BucketName == "" {
		s.BucketName = GeneratedBucketPrefix + s.Account + "-" + s.Region + "-" + hash
	}
	if s.SecretName == "" {
		s.SecretName = GeneratedSecretName(s.LogicalID, s.PhysicalID)
	}
}

// GeneratedSecretName is the name of the secret of a resource to whose SecretName no value was given.
func GeneratedSecretName(logicalID, physicalID string) string {
	_, hash, _ := strings.Cut(physicalID, "-v"+identityVersion+"-")
	return GeneratedSecretPrefix + cut(logicalID, 24) + "-" + hash
}

// Names are those of the parts of a set.
type Names struct{ User, Bucket, Secret string }

// Identify returns what the properties of a resource must have been, as far as its identity tells:
// stack id, logical id and names, given or generated, of which exactly those count that lead to the
// physical id. Everything else holds its default. It reports false if none does.
func Identify(physicalID, stackID, logicalID string, names Names, p Provider) (Spec, bool) {
	for given := range 8 {
		s := Spec{Provider: p, Properties: defaults(), StackID: stackID, LogicalID: logicalID}
		if given&1 != 0 {
			s.UserName = names.User
		}
		if given&2 != 0 {
			s.BucketName = names.Bucket
		}
		if given&4 != 0 {
			s.SecretName = names.Secret
		}
		s.identify()
		if s.PhysicalID == physicalID && (Names{s.UserName, s.BucketName, s.SecretName}) == names {
			return s, len(s.checkOrigin()) == 0 && len(s.Outside()) == 0
		}
	}
	return Spec{}, false
}

// hashOf returns 12 characters (60 bits) that depend on each part and on where
// one part ends and the next begins.
func hashOf(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		_ = binary.Write(h, binary.BigEndian, uint32(len(part))) // a hash never fails
		h.Write([]byte(part))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:12]
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
