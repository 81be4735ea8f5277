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

// ensurePublicAccessBlock sets all four switches. A new bucket has them by default since April
// 2023. They are set all the same: the policy that follows relies on them. In an adopted bucket they
// are its owner's, who had them on when it was adopted.
func (c Client) ensurePublicAccessBlock(ctx context.Context, change spec.Change, b Bucket) error {
	if !b.Fresh {
		isBlocked, err := c.isPublicAccessBlocked(ctx)
		switch {
		case err != nil || isBlocked:
			return err
		case b.State == claim.Adopted:
			c.log.Warn("found that the bucket does not block all public access, which its owner decides", "bucket", c.spec.BucketName)
			return nil
		}
		c.reportRepair(change, true, "public access block")
	}
	_, err := c.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), PublicAccessBlockConfiguration: &blocked})
	if err != nil {
		return fmt.Errorf("public access block of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

// blocked has all public access blocked.
var blocked = types.PublicAccessBlockConfiguration{
	BlockPublicAcls:       aws.Bool(true),
	BlockPublicPolicy:     aws.Bool(true),
	IgnorePublicAcls:      aws.Bool(true),
	RestrictPublicBuckets: aws.Bool(true),
}

func (c Client) isPublicAccessBlocked(ctx context.Context) (bool, error) {
	out, err := c.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if awscall.IsCode(err, "NoSuchPublicAccessBlockConfiguration") {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("public access block of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return reflect.DeepEqual(out.PublicAccessBlockConfiguration, &blocked), nil
}

// ensureVersioning turns versioning on, or suspends it where it was on: S3 cannot turn it off. Where
// the property is absent the bucket keeps what others have set: it is suspended only where the property
// had it on before, and not in an adopted bucket, which may have had it on before that.
func (c Client) ensureVersioning(ctx context.Context, change spec.Change, b Bucket) error {
	isChanged := change.Changes(func(s spec.Spec) any { return s.IsVersioned() })
	wasOurs := isChanged && change.Before.IsVersioned() && !b.IsKnownAdopted()
	if c.spec.Versioning == nil && !wasOurs {
		return nil
	}
	isOn := false
	if !b.Fresh {
		var err error
		if isOn, err = c.readVersioning(ctx); err != nil {
			return err
		}
	}
	if isOn == c.spec.IsVersioned() && !isChanged {
		return nil
	}
	status := types.BucketVersioningStatusSuspended
	if c.spec.IsVersioned() {
		status = types.BucketVersioningStatusEnabled
	}
	_, err := c.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(),
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	if err != nil {
		return fmt.Errorf("versioning of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

// readVersioning reports whether versioning is on.
func (c Client) readVersioning(ctx context.Context) (bool, error) {
	out, err := c.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if err != nil {
		return false, fmt.Errorf("versioning of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return out.Status == types.BucketVersioningStatusEnabled, nil
}

// ensureLifecycle sets the one rule that is ours, or removes it at 0 days.
func (c Client) ensureLifecycle(ctx context.Context, change spec.Change, b Bucket) error {
	var current lifecycle
	if !b.Fresh {
		var err error
		if current, err = c.readLifecycle(ctx); err != nil {
			return err
		}
	}
	rules := current.others()
	rule, isWanted := c.abortRule(b, current, change.Before)
	if isWanted {
		rules = append(rules, rule)
	}
	// A bucket that was released a moment ago may still show our rule.
	isChanged := change.IsNew && isWanted || change.Changes(func(s spec.Spec) any { return abortsOf(s, b) })
	if slices.EqualFunc(rules, current.rules, sameRule) && !isChanged {
		return nil
	}
	current.rules = rules
	return c.putLifecycle(ctx, current)
}

// removeLifecycle takes our rule away and leaves the others. A read may be from before it was
// written (L4), so it is looked for until that can be no more.
func (c Client) removeLifecycle(ctx context.Context, b Bucket, mayLag bool) error {
	current, err := awscall.Repeat(ctx, c.patience, "S3 shows our lifecycle rule", func() (lifecycle, bool, error) {
		current, err := c.readLifecycle(ctx)
		isShown := len(current.others()) < len(current.rules)
		_, isWanted := c.abortRule(b, current, spec.Spec{})
		return current, err == nil && !isShown && isWanted && mayLag, err
	})
	others := current.others()
	if err == nil && len(others) < len(current.rules) {
		current.rules = others
		err = c.putLifecycle(ctx, current)
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

func isOurRule(rule types.LifecycleRule) bool {
	return aws.ToString(rule.ID) == spec.AbortUploadsRuleID
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
	if aws.ToString(a.ID) != aws.ToString(b.ID) || aws.ToString(a.ID) != spec.AbortUploadsRuleID {
		return aws.ToString(a.ID) == aws.ToString(b.ID)
	}
	return b.Status == a.Status && prefixOf(a) == prefixOf(b) && b.AbortIncompleteMultipartUpload != nil &&
		aws.ToInt32(a.AbortIncompleteMultipartUpload.DaysAfterInitiation) ==
			aws.ToInt32(b.AbortIncompleteMultipartUpload.DaysAfterInitiation)
}

// prefixOf is what a rule of either form reaches.
func prefixOf(rule types.LifecycleRule) string {
	if isOfOldForm(rule) {
		//lint:ignore SA1019 deprecated, and in many a bucket
		return aws.ToString(rule.Prefix)
	}
	return aws.ToString(rule.Filter.Prefix)
}

// isOfOldForm reports whether a rule has a prefix of its own in the place of a filter.
func isOfOldForm(rule types.LifecycleRule) bool { return rule.Filter == nil }

// abortsOf is what the rule depends on.
func abortsOf(s spec.Spec, b Bucket) any {
	if days := s.AbortDays(b.IsKnownAdopted()); b.State == claim.Adopted && days > 0 {
		return [2]any{days, s.Prefix}
	}
	if b.State == claim.Adopted {
		return [2]any{0, ""}
	}
	return [2]any{s.AbortDays(false), ""}
}

// abortRule is our rule, if there is to be one. In a bucket of ours it reaches everything, and in an
// adopted one the prefix. Where it is only doubted that the bucket is ours, a rule stays as it is that
// the property does not name, nor named before. It is of the form of the rules that are there (L11).
func (c Client) abortRule(b Bucket, current lifecycle, before spec.Spec) (rule types.LifecycleRule, isWanted bool) {
	days, prefix := c.spec.AbortDays(b.IsKnownAdopted()), ""
	if b.State == claim.Adopted {
		prefix = c.spec.Prefix
	}
	if at := slices.IndexFunc(current.rules, isOurRule); b.State == claim.Adopted && !b.IsKnownAdopted() {
		isNamed := c.spec.AbortIncompleteUploadsAfterDays != nil || before.AbortIncompleteUploadsAfterDays != nil
		switch {
		case at >= 0 && !isNamed:
			return current.rules[at], true
		case at >= 0:
			prefix = prefixOf(current.rules[at])
		case !isNamed:
			return types.LifecycleRule{}, false
		}
	}
	rule = types.LifecycleRule{
		ID:     aws.String(spec.AbortUploadsRuleID),
		Status: types.ExpirationStatusEnabled,
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{
			DaysAfterInitiation: aws.Int32(int32(days))},
	}
	if slices.ContainsFunc(current.others(), isOfOldForm) {
		//lint:ignore SA1019 deprecated, and in many a bucket
		rule.Prefix = &prefix
	} else {
		rule.Filter = &types.LifecycleRuleFilter{Prefix: &prefix}
	}
	return rule, days > 0
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
