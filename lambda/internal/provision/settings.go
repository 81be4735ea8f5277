package provision

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/spec"
)

// ensurePublicAccessBlock sets all four switches. New buckets have them, but a
// right that everything else relies on is not left to a default.
func (p *Provisioner) ensurePublicAccessBlock(ctx context.Context, s spec.Spec, c change, b bucket) error {
	wanted := &types.PublicAccessBlockConfiguration{
		BlockPublicAcls:       aws.Bool(true),
		BlockPublicPolicy:     aws.Bool(true),
		IgnorePublicAcls:      aws.Bool(true),
		RestrictPublicBuckets: aws.Bool(true),
	}
	if !b.fresh {
		out, err := p.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()})
		if err != nil && !isCode(err, "NoSuchPublicAccessBlockConfiguration") {
			return fmt.Errorf("public access block of bucket %s: %w", s.BucketName, brief(err))
		}
		if err == nil && reflect.DeepEqual(out.PublicAccessBlockConfiguration, wanted) {
			return nil
		}
		p.reportRepair(c, true, "public access block", s.BucketName)
	}
	_, err := p.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), PublicAccessBlockConfiguration: wanted})
	if err != nil {
		return fmt.Errorf("public access block of bucket %s: %w", s.BucketName, brief(err))
	}
	return nil
}

// ensureVersioning turns versioning on, or suspends it where it was on: S3 cannot
// turn it off.
func (p *Provisioner) ensureVersioning(ctx context.Context, s spec.Spec, b bucket) error {
	isOn := false
	if !b.fresh {
		out, err := p.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()})
		if err != nil {
			return fmt.Errorf("versioning of bucket %s: %w", s.BucketName, brief(err))
		}
		isOn = out.Status == types.BucketVersioningStatusEnabled
	}
	if isOn == s.Versioning {
		return nil
	}
	status := types.BucketVersioningStatusSuspended
	if s.Versioning {
		status = types.BucketVersioningStatusEnabled
	}
	_, err := p.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(),
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	if err != nil {
		return fmt.Errorf("versioning of bucket %s: %w", s.BucketName, brief(err))
	}
	return nil
}

// ensureLifecycle sets or removes the one rule that is ours.
func (p *Provisioner) ensureLifecycle(ctx context.Context, s spec.Spec, b bucket) error {
	var current s3.GetBucketLifecycleConfigurationOutput
	if !b.fresh {
		out, err := p.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()})
		if err != nil && !isCode(err, "NoSuchLifecycleConfiguration") {
			return fmt.Errorf("lifecycle of bucket %s: %w", s.BucketName, brief(err))
		}
		if err == nil {
			current = *out
		}
	}
	rules := slices.DeleteFunc(slices.Clone(current.Rules), func(r types.LifecycleRule) bool {
		return aws.ToString(r.ID) == spec.AbortUploadsRuleID
	})
	if s.AbortIncompleteUploadsAfterDays > 0 {
		rules = append(rules, abortRule(s.AbortIncompleteUploadsAfterDays))
	}
	if slices.EqualFunc(rules, current.Rules, sameRule) {
		return nil
	}
	return p.putLifecycle(ctx, s, rules, current.TransitionDefaultMinimumObjectSize)
}

// removeLifecycle takes our rule away and leaves the others.
func (p *Provisioner) removeLifecycle(ctx context.Context, s spec.Spec) error {
	s.AbortIncompleteUploadsAfterDays = 0
	if err := p.ensureLifecycle(ctx, s, bucket{exists: true}); !isMissing(err) {
		return err
	}
	return nil
}

// sameRule compares the rules as far as this package changes them: ours may differ
// in its days, and others are the same if their ids are.
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

func (p *Provisioner) putLifecycle(ctx context.Context, s spec.Spec, rules []types.LifecycleRule, minimum types.TransitionDefaultMinimumObjectSize) error {
	var err error
	if len(rules) == 0 {
		_, err = p.s3.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()})
	} else {
		_, err = p.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(),
			TransitionDefaultMinimumObjectSize: minimum,
			LifecycleConfiguration:             &types.BucketLifecycleConfiguration{Rules: rules}})
	}
	if err != nil {
		return fmt.Errorf("lifecycle of bucket %s: %w", s.BucketName, brief(err))
	}
	return nil
}
