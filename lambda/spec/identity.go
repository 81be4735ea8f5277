package spec

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
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

// Tags that mark a thing as ours. Only a thing on which the first three match is
// ever changed or removed; they are set by the call that creates it.
const (
	TagOwner     = "bucketuser:owner" // the physical id, or Released
	TagStackID   = "bucketuser:stack-id"
	TagLogicalID = "bucketuser:logical-id"
	TagAdopted   = "bucketuser:adopted" // "true": taken over, so never deleted

	// TagLastEvent is when the last event that ensured the set was sent, RFC 3339 in
	// UTC. On user and bucket it is the event that made or adopted them.
	TagLastEvent = "bucketuser:last-event"
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
		s.SecretName = GeneratedSecretPrefix + cut(s.LogicalID, 24) + "-" + hash
	}
}

// OwnerTags returns the tags that mark a user, bucket or secret as this
// resource's own.
func (s Spec) OwnerTags() map[string]string {
	return map[string]string{TagOwner: s.PhysicalID, TagStackID: s.StackID, TagLogicalID: s.LogicalID}
}

// AllTags returns the tags for a thing of this resource: the property Tags, the
// owner tags and the time of the event, if that is known.
func (s Spec) AllTags() map[string]string {
	tags := s.OwnerTags()
	if !s.Sent.IsZero() {
		tags[TagLastEvent] = s.Sent.UTC().Format(time.RFC3339)
	}
	for _, tag := range s.Tags {
		tags[tag.Key] = tag.Value
	}
	return tags
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
