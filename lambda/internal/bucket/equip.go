package bucket

import (
	"context"
	"maps"

	"github.com/sourcegraph/conc/iter"

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

// Equip brings the settings of the bucket in line with the spec, and its tags with those given. They are
// read beside each other. S3 refuses two changes of one bucket's configuration at the same time
// (OperationAborted), so what differs is written one after the other: public access block first, policy
// second. What was read before another setting was written is read again before it is written: others
// may have changed it meanwhile. Repeating it converges. It goes on after an error that forgive drops,
// and where others forbid to set what is so already. It calls opened once the policy is as it should be.
//
// What others have put there stays: their statements, rules and tags. In an adopted bucket nothing
// changes that the properties do not name.
func (c Client) Equip(ctx context.Context, change spec.Change, b Bucket, user Principal, tags map[string]string, forgive func(error) error, opened func()) error {
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
	settings := []setting{
		{"public access block", ", or turn all four of its switches on", ofNew,
			func() (write, error) { return c.planPublicAccessBlock(ctx, change, b) },
			func() (bool, error) { return c.isPublicAccessBlocked(ctx) }},
		{policy, "", awscall.MayBeOld,
			func() (write, error) { return c.planPolicy(ctx, change, b, user) },
			func() (bool, error) { return c.showsPolicyFor(ctx, user) }},
		{"versioning", ", set it as Versioning says, or leave that " + orLeave("as it was", "out"), ofNew,
			func() (write, error) { return c.planVersioning(ctx, change, b) },
			func() (bool, error) { return c.ShowsVersioning(ctx) }},
		{"lifecycle", ", or " + orLeave("leave "+days+" as they were", "set "+days+" to 0"), awscall.MayBeOld,
			func() (write, error) { return c.planLifecycle(ctx, change, b) },
			func() (bool, error) { return c.ShowsLifecycle(ctx, b, change.Before) }},
		{"tags", ", or leave Tags as they are", awscall.MayBeOld,
			func() (write, error) { return c.planTags(ctx, change, b, tags), nil },
			func() (bool, error) { return c.showsTags(ctx, tags) }},
	}
	plans := iter.Mapper[setting, planned]{MaxGoroutines: len(settings)}.Map(settings, (*setting).planned)
	isPast := false // what the plans have read is from before a setting was written
	for i, s := range settings {
		if isPast && plans[i].write != nil {
			plans[i] = s.planned()
		}
		err := plans[i].carryOut()
		isPast = isPast || err != nil || plans[i].write != nil
		if err := c.unlessSo(ctx, s, forgive(err)); err != nil {
			return err
		}
		if s.what == policy {
			opened()
		}
	}
	return nil
}

// policy is the setting that lets the user in.
const policy = "policy"

// A setting is something that is set in the bucket.
type setting struct {
	what   string
	orElse string // what helps where others forbid it, beside to allow it
	look   awscall.Look
	plan   func() (write, error) // reads it
	shows  func() (bool, error)  // as write would leave it
}

// write sets something. It is nil where there is nothing to do.
type write func() error

// planned is what is to be done about a setting, or why that is not known.
type planned struct {
	write
	err error
}

func (s *setting) planned() (p planned) {
	p.write, p.err = s.plan()
	return p
}

func (p planned) carryOut() error {
	if p.err != nil || p.write == nil {
		return p.err
	}
	return p.write()
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
