package bucket

import (
	"context"

	"bucketuser/lambda/spec"
)

// A Principal is how the user stands whom the policy of the bucket lets in.
type Principal int

// The principals.
const (
	OldUser  Principal = iota // was there before the event
	NewUser                   // was made by it: the policy is written again, and S3 may not know the user yet
	LostUser                  // is not ours by its tags: a policy would let in whoever has the name now
)

// Equip brings the settings of the bucket in line with the spec, and its tags with those given. S3
// refuses two changes of one bucket's configuration at the same time (OperationAborted), so they
// follow each other: public access block first, policy second. Repeating it converges.
func (c Client) Equip(ctx context.Context, change spec.Change, b Bucket, user Principal, tags map[string]string) error {
	if err := c.ensurePublicAccessBlock(ctx, change, b); err != nil {
		return err
	}
	if user != LostUser {
		if err := c.ensurePolicy(ctx, change, b, user); err != nil {
			return err
		}
	}
	if err := c.ensureVersioning(ctx, change, b); err != nil {
		return err
	}
	if err := c.ensureLifecycle(ctx, change, b); err != nil {
		return err
	}
	return c.ensureTags(ctx, change, b, tags)
}

// reportRepair logs that an Update found a setting missing or changed by hand.
func (c Client) reportRepair(change spec.Change, isRepaired bool, part string) {
	if isRepaired && !change.IsNew {
		c.log.Warn("repaired what was changed by hand", "part", part,
			"secret", c.spec.SecretName, "user", c.spec.UserName, "bucket", c.spec.BucketName)
	}
}
