package bucket

import (
	"context"
	"maps"

	"bucketuser/lambda/internal/awscall"
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
// after an error that forgive drops, and where others forbid to set what is so already.
//
// What others have put there stays: their statements, rules and tags. In an adopted bucket nothing
// changes that the properties do not name.
func (c Client) Equip(ctx context.Context, change spec.Change, b Bucket, user Principal, tags map[string]string, forgive func(error) error) error {
	const days = "AbortIncompleteUploadsAfterDays and ExpireNoncurrentAfterDays"
	ofNew := awscall.MayBeOld
	if change.IsNew || b.Fresh {
		ofNew = awscall.MayCome
	}
	orLeave := func(inUpdate, inCreate string) string { // to leave out, or set to 0, is a change of its own
		if change.IsNew {
			return inCreate
		}
		return inUpdate
	}
	for _, s := range []setting{
		{"public access block", ", or turn all four of its switches on", ofNew,
			func() error { return c.ensurePublicAccessBlock(ctx, change, b) },
			func() (bool, error) { return c.isPublicAccessBlocked(ctx) }},
		{"policy", "", awscall.MayBeOld,
			func() error { return c.ensurePolicy(ctx, change, b, user) },
			func() (bool, error) { return c.showsPolicyFor(ctx, user) }},
		{"versioning", ", set it as Versioning says, or leave that " + orLeave("as it was", "out"), ofNew,
			func() error { return c.ensureVersioning(ctx, change, b) },
			func() (bool, error) { return c.ShowsVersioning(ctx) }},
		{"lifecycle", ", or " + orLeave("leave "+days+" as they were", "set "+days+" to 0"), awscall.MayBeOld,
			func() error { return c.ensureLifecycle(ctx, change, b) },
			func() (bool, error) { return c.ShowsLifecycle(ctx, b, change.Before) }},
		{"tags", ", or leave Tags as they are", awscall.MayBeOld,
			func() error { return c.ensureTags(ctx, change, b, tags) },
			func() (bool, error) { return c.showsTags(ctx, tags) }},
	} {
		if err := c.unlessSo(ctx, s, forgive(s.ensure())); err != nil {
			return err
		}
	}
	return nil
}

// A setting is something that is set in the bucket.
type setting struct {
	what   string
	orElse string // what helps where others forbid it, beside to allow it
	look   awscall.Look
	ensure func() error
	shows  func() (bool, error) // as ensure would leave it
}

// unlessSo drops the refusal of a setting that others forbid to set and that is so already.
func (c Client) unlessSo(ctx context.Context, s setting, refusal error) error {
	left, err := awscall.UnlessSo(ctx, c.patience, refusal, s.look, s.orElse, s.shows)
	if left {
		c.log.Info("left what others forbid to set, and what is so already", "bucket", c.spec.BucketName, "part", s.what, "reason", refusal.Error())
	}
	return err
}

// reportRepair logs that an Update found a setting missing or changed by hand.
func (c Client) reportRepair(change spec.Change, isRepaired bool, part string) {
	if isRepaired && !change.IsNew {
		c.log.Warn("repaired what was changed by hand", "part", part,
			"secret", c.spec.SecretName, "user", c.spec.UserName, "bucket", c.spec.BucketName)
	}
}

// showsPolicyFor compares our statements wholly. What a policy shows of a user who is new may be from before, of
// another user of the name.
func (c Client) showsPolicyFor(ctx context.Context, user Principal) (bool, error) {
	if user == NewUser {
		return false, nil
	}
	return c.showsPolicy(ctx, func(all statements) statements { return all })
}

// showsTags compares the tags of the bucket.
func (c Client) showsTags(ctx context.Context, tags map[string]string) (bool, error) {
	b, err := c.Look(ctx)
	return maps.Equal(tags, b.Tags()), err
}
