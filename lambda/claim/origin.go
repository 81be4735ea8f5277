package claim

import "bucketuser/lambda/spec"

// Origin is what the secret of a set that is begun says of the bucket.
func (c Claim) Origin() string {
	switch c.State {
	case Released, Leaving, Adopted:
		return spec.OriginAdopted
	case Absent, Hidden, Elsewhere, Foreign, Ours:
	}
	return spec.OriginMade
}

// OriginOf is what a secret goes on to say of the bucket of its set. A secret of an earlier
// version says nothing: then the bucket's tags tell. One that has no format either has lost its
// tags, and somebody has put those of the owner back.
func (c Claim) OriginOf(bucket Claim) string {
	switch said := c.tags[spec.TagBucketOrigin]; {
	case said != "":
		return said
	case c.tags[spec.TagFormat] != "":
		return bucket.Origin()
	}
	return spec.OriginUnknown
}

// Confirm returns the claim on a bucket in the light of that on its secret: a bucket of ours
// counts as made by us only if the secret says so, too. Where ours is gone, or an earlier version
// has let go of it, the tags of the bucket decide.
func (c Claim) Confirm(secret Claim) Claim {
	isSilent := secret.IsGone() && secret.State != Leaving || secret.State == Leaving && secret.tags[spec.TagBucketOrigin] == ""
	if c.State != Ours || isSilent {
		return c
	}
	isConfirmed := secret.IsOurs() || secret.State == Leaving
	if !isConfirmed || secret.OriginOf(c) != spec.OriginMade {
		c.State = Adopted
	}
	return c
}

// IsKnownAdopted reports whether a secret says that the bucket was adopted when the set was begun,
// or, of an earlier version, whether the bucket says so.
func (c Claim) IsKnownAdopted(bucket Claim) bool {
	said := c.tags[spec.TagBucketOrigin]
	return said == spec.OriginAdopted || said == "" && bucket.tags[spec.TagAdopted] == "true"
}
