package bucket

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A rule is one of ours in the lifecycle configuration of a bucket.
type rule struct {
	id      string
	days    func(s spec.Spec, isAdopted bool) int // 0: there is none
	isNamed func(spec.Spec) bool                  // by the properties
	act     func(r *types.LifecycleRule, days int32)
}

// ourRules are all of them. S3 takes no days beside ExpiredObjectDeleteMarker, which has a rule of its own, and
// removes a marker as soon as nothing is under it (S3 API Reference, LifecycleExpiration).
var ourRules = []rule{
	{spec.AbortUploadsRuleID, spec.Spec.AbortDays,
		func(s spec.Spec) bool { return s.AbortIncompleteUploadsAfterDays != nil },
		func(r *types.LifecycleRule, days int32) {
			r.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: &days}
		}},
	{spec.ExpireVersionsRuleID, expireDays, isExpiring,
		func(r *types.LifecycleRule, days int32) {
			r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: &days}
		}},
	{spec.ExpireMarkersRuleID, expireDays, isExpiring,
		func(r *types.LifecycleRule, _ int32) {
			r.Expiration = &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}
		}},
}

func expireDays(s spec.Spec, _ bool) int { return s.ExpireNoncurrentAfterDays }

func isExpiring(s spec.Spec) bool { return s.ExpireNoncurrentAfterDays > 0 }

func isOurRule(r types.LifecycleRule) bool {
	return slices.ContainsFunc(ourRules, func(ours rule) bool { return aws.ToString(r.ID) == ours.id })
}

// planLifecycle sets the rules that are ours, or removes those of 0 days.
func (c Client) planLifecycle(ctx context.Context, change spec.Change, b Bucket) (write, error) {
	var current lifecycle
	if !b.Fresh {
		var err error
		if current, err = c.readLifecycle(ctx); err != nil {
			return nil, err
		}
	}
	ours := c.rules(b, current, change.Before)
	// A bucket that was released a moment ago may still show our rules.
	isChanged := change.IsNew && len(ours) > 0 || change.Changes(func(s spec.Spec) any { return rulesOf(s, b) })
	rules := slices.Concat(current.others(), ours)
	if slices.EqualFunc(rules, current.rules, sameRule) && !isChanged {
		return nil, nil
	}
	current.rules = rules
	return func() error { return c.putLifecycle(ctx, current) }, nil
}

// removeLifecycle takes our rules away and leaves the others. A read may be from before they were
// written (L4), so they are looked for until that can be no more.
func (c Client) removeLifecycle(ctx context.Context, b Bucket, mayLag bool) error {
	isHidden := func(l lifecycle) bool { return len(l.ours()) == 0 && len(c.rules(b, l, spec.Spec{})) > 0 }
	current, err := awscall.Repeat(ctx, c.patience, "S3 shows our lifecycle rules", func() (lifecycle, bool, error) {
		current, err := c.readLifecycle(ctx)
		return current, err == nil && mayLag && isHidden(current), err
	})
	switch {
	case err != nil: // below
	case len(current.ours()) > 0:
		current.rules = current.others()
		err = c.putLifecycle(ctx, current)
	case isHidden(current):
		err = c.checkShown("lifecycle rules", mayLag)
	}
	if awscall.IsMissing(err) {
		return nil
	}
	return err
}

// lifecycle is the lifecycle configuration of a bucket, whose rules may be anybody's.
type lifecycle struct {
	rules   []types.LifecycleRule
	minimum types.TransitionDefaultMinimumObjectSize
}

// others are the rules that are not ours.
func (l lifecycle) others() []types.LifecycleRule {
	return slices.DeleteFunc(slices.Clone(l.rules), isOurRule)
}

// ours are the rules that are.
func (l lifecycle) ours() []types.LifecycleRule {
	return slices.DeleteFunc(slices.Clone(l.rules), func(r types.LifecycleRule) bool { return !isOurRule(r) })
}

// readLifecycle returns a configuration without rules where the bucket has none.
func (c Client) readLifecycle(ctx context.Context) (lifecycle, error) {
	out, err := c.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if awscall.IsCode(err, "NoSuchLifecycleConfiguration") {
		return lifecycle{}, nil
	}
	if err != nil {
		return lifecycle{}, fmt.Errorf("lifecycle of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return lifecycle{out.Rules, out.TransitionDefaultMinimumObjectSize}, nil
}

// sameRule compares two rules as far as this package changes them: ours wholly but for its form, and
// the mere presence of the others, by their ids.
func sameRule(a, b types.LifecycleRule) bool {
	if aws.ToString(a.ID) != aws.ToString(b.ID) || !isOurRule(a) {
		return aws.ToString(a.ID) == aws.ToString(b.ID)
	}
	does := func(r types.LifecycleRule) any {
		return []any{r.Status, prefixOf(r), r.AbortIncompleteMultipartUpload, r.NoncurrentVersionExpiration, r.Expiration}
	}
	return reflect.DeepEqual(does(a), does(b))
}

// prefixOf is what a rule of either form reaches.
func prefixOf(r types.LifecycleRule) string {
	if isOfOldForm(r) {
		//lint:ignore SA1019 deprecated, and in many a bucket
		return aws.ToString(r.Prefix)
	}
	return aws.ToString(r.Filter.Prefix)
}

// isOfOldForm reports whether a rule has a prefix of its own in the place of a filter.
func isOfOldForm(r types.LifecycleRule) bool { return r.Filter == nil }

// rulesOf is what our rules depend on: their days, and in an adopted bucket the prefix.
func rulesOf(s spec.Spec, b Bucket) any {
	var all []any
	for _, ours := range ourRules {
		days, prefix := ours.days(s, b.IsKnownAdopted()), ""
		if b.State == claim.Adopted && days > 0 {
			prefix = s.Prefix
		}
		all = append(all, days, prefix)
	}
	return all
}

// rules are those of ours that there are to be. They are of the form of the rules that are there (L11). In the
// old form S3 may take no two with one prefix, so one rule does all there.
func (c Client) rules(b Bucket, current lifecycle, before spec.Spec) []types.LifecycleRule {
	isOld := slices.ContainsFunc(current.others(), isOfOldForm)
	var rules []types.LifecycleRule
	for _, ours := range ourRules {
		r, prefix, isWanted := c.ruleOf(ours, b, current, before)
		at := slices.IndexFunc(rules, func(r types.LifecycleRule) bool { return isOld && prefixOf(r) == prefix })
		switch {
		case !isWanted:
		case at >= 0:
			rules[at] = joined(rules[at], r)
		default:
			rules = append(rules, inForm(r, prefix, isOld))
		}
	}
	return rules
}

// ruleOf is one of our rules, and what it reaches. In a bucket of ours that is everything, and in an adopted one
// the prefix. Where it is only doubted that the bucket is ours, a rule stays as it is that the properties do not
// name, nor named before.
func (c Client) ruleOf(ours rule, b Bucket, current lifecycle, before spec.Spec) (r types.LifecycleRule, prefix string, isWanted bool) {
	days := ours.days(c.spec, b.IsKnownAdopted())
	if b.State == claim.Adopted {
		prefix = c.spec.Prefix
	}
	at := slices.IndexFunc(current.rules, func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == ours.id })
	if b.State == claim.Adopted && !b.IsKnownAdopted() {
		isNamed := ours.isNamed(c.spec) || ours.isNamed(before)
		switch {
		case at >= 0 && !isNamed:
			return c.unnamed(current.rules[at], before), prefixOf(current.rules[at]), true
		case at >= 0 && prefixOf(current.rules[at]) != before.Prefix: // it goes along with the prefix
			prefix = prefixOf(current.rules[at])
		case !isNamed:
			return types.LifecycleRule{}, "", false
		}
	}
	r = types.LifecycleRule{ID: &ours.id, Status: types.ExpirationStatusEnabled}
	ours.act(&r, int32(days))
	return r, prefix, days > 0
}

// unnamed is a rule that the properties do not name, without what they do: in the old form that is joined to it.
func (c Client) unnamed(r types.LifecycleRule, before spec.Spec) types.LifecycleRule {
	if isExpiring(c.spec) || isExpiring(before) {
		r.NoncurrentVersionExpiration, r.Expiration = nil, nil
	}
	return r
}

// inForm is a rule that reaches a prefix, in the form of the rules that are there.
func inForm(r types.LifecycleRule, prefix string, isOld bool) types.LifecycleRule {
	//lint:ignore SA1019 deprecated, and in many a bucket
	r.Prefix, r.Filter = nil, &types.LifecycleRuleFilter{Prefix: &prefix}
	if isOld {
		//lint:ignore SA1019 as above
		r.Prefix, r.Filter = &prefix, nil
	}
	return r
}

// joined is a rule that also does what another does.
func joined(r, other types.LifecycleRule) types.LifecycleRule {
	if other.NoncurrentVersionExpiration != nil {
		r.NoncurrentVersionExpiration = other.NoncurrentVersionExpiration
	}
	if other.Expiration != nil {
		r.Expiration = other.Expiration
	}
	return r
}

func (c Client) putLifecycle(ctx context.Context, l lifecycle) error {
	var err error
	if len(l.rules) == 0 {
		_, err = c.s3.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{
			Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	} else {
		_, err = c.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(),
			TransitionDefaultMinimumObjectSize: l.minimum,
			LifecycleConfiguration:             &types.BucketLifecycleConfiguration{Rules: l.rules}})
	}
	if err != nil {
		return fmt.Errorf("lifecycle of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}
