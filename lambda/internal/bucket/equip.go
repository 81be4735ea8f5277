package bucket

import (
	"context"

	"bucketuser/lambda/spec"
)

// A Principal is how the user stands whom the policy of the bucket lets in.
type Principal int

// The principals.
const (
	OldUser   Principal = iota // was there long before the event
	YoungUser                  // was made a moment ago, by an earlier delivery: S3 may not know the user yet
	NewUser                    // was made by this delivery: the policy is written again
	LostUser                   // is not ours by its tags: a policy would let in whoever has the name now
)

// Equip brings the settings of the bucket in line with the spec, and its tags with those given. S3
// refuses two changes of one bucket's configuration at the same time (OperationAborted), so they
// follow each other: public access block first, policy second. Repeating it converges. It goes on
// after an error that forgive drops.
//
// What others have put there stays: their statements, rules and tags. In an adopted bucket nothing
// changes that the properties do not name.
func (c Client) Equip(ctx context.Context, change spec.Change, b Bucket, user Principal, tags map[string]string, forgive func(error) error) error {
	for _, step := range []func() error{
		func() error { return c.ensurePublicAccessBlock(ctx, change, b) },
		func() error { return c.ensurePolicy(ctx, change, b, user) },
		func() error { return c.ensureVersioning(ctx, change, b) },
		func() error { return c.ensureLifecycle(ctx, change, b) },
		func() error { return c.ensureTags(ctx, change, b, tags) },
	} {
		if err := forgive(step()); err != nil {
			return err
		}
	}
	return nil
}

// reportRepair logs that an Update found a setting missing or changed by hand.
func (c Client) reportRepair(change spec.Change, isRepaired bool, part string) {
	if isRepaired && !change.IsNew {
		c.log.Warn("repaired what was changed by hand", "part", part,
			"secret", c.spec.SecretName, "user", c.spec.UserName, "bucket", c.spec.BucketName)
	}
}
