package bucket

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// ensurePublicAccessBlock sets all four switches. A new bucket has them by default since April
// 2023. They are set all the same: the policy that follows relies on them.
func (c Client) ensurePublicAccessBlock(ctx context.Context, change spec.Change, b Bucket) error {
	wanted := &types.PublicAccessBlockConfiguration{
		BlockPublicAcls:       aws.Bool(true),
		BlockPublicPolicy:     aws.Bool(true),
		IgnorePublicAcls:      aws.Bool(true),
		RestrictPublicBuckets: aws.Bool(true),
	}
	if !b.Fresh {
		out, err := c.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{
			Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
		if err != nil && !awscall.IsCode(err, "NoSuchPublicAccessBlockConfiguration") {
			return fmt.Errorf("public access block of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
		}
		if err == nil && reflect.DeepEqual(out.PublicAccessBlockConfiguration, wanted) {
			return nil
		}
		c.reportRepair(change, true, "public access block")
	}
	_, err := c.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), PublicAccessBlockConfiguration: wanted})
	if err != nil {
		return fmt.Errorf("public access block of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

// ensureVersioning turns versioning on, or suspends it where it was on: S3 cannot
// turn it off.
func (c Client) ensureVersioning(ctx context.Context, change spec.Change, b Bucket) error {
	isOn := false
	if !b.Fresh {
		var err error
		if isOn, err = c.readVersioning(ctx); err != nil {
			return err
		}
	}
	if isOn == c.spec.Versioning && !change.Changes(func(s spec.Spec) any { return s.Versioning }) {
		return nil
	}
	status := types.BucketVersioningStatusSuspended
	if c.spec.Versioning {
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
	days := c.spec.AbortIncompleteUploadsAfterDays
	rules := current.others()
	if days > 0 {
		rules = append(rules, abortRule(days))
	}
	// A bucket that was released a moment ago may still show our rule.
	isChanged := change.IsNew && days > 0 || change.Changes(func(s spec.Spec) any { return s.AbortIncompleteUploadsAfterDays })
	if slices.EqualFunc(rules, current.rules, sameRule) && !isChanged {
		return nil
	}
	current.rules = rules
	return c.putLifecycle(ctx, current)
}

// removeLifecycle takes our rule away and leaves the others. A read may be from before it was
// written (L4), so it is looked for until that can be no more.
func (c Client) removeLifecycle(ctx context.Context, mayLag bool) error {
	current, err := awscall.Repeat(ctx, c.patience, "S3 shows our lifecycle rule", func() (lifecycle, bool, error) {
		current, err := c.readLifecycle(ctx)
		isShown := len(current.others()) < len(current.rules)
		return current, err == nil && !isShown && c.spec.AbortIncompleteUploadsAfterDays > 0 && mayLag, err
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
	return slices.DeleteFunc(slices.Clone(l.rules), func(rule types.LifecycleRule) bool {
		return aws.ToString(rule.ID) == spec.AbortUploadsRuleID
	})
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

// sameRule compares two rules as far as this package changes them: the days of ours, and the
// mere presence of the others, by their ids.
func sameRule(a, b types.LifecycleRule) bool {
	if aws.ToString(a.ID) != aws.ToString(b.ID) || aws.ToString(a.ID) != spec.AbortUploadsRuleID {
		return aws.ToString(a.ID) == aws.ToString(b.ID)
	}
	return b.Status == a.Status && b.AbortIncompleteMultipartUpload != nil &&
		aws.ToInt32(a.AbortIncompleteMultipartUpload.DaysAfterInitiation) ==
			aws.ToInt32(b.AbortIncompleteMultipartUpload.DaysAfterInitiation)
}

func abortRule(days int) types.LifecycleRule {
	return types.LifecycleRule{
		ID:     aws.String(spec.AbortUploadsRuleID),
		Status: types.ExpirationStatusEnabled,
		Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, // the whole bucket
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{
			DaysAfterInitiation: aws.Int32(int32(days))},
	}
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
