package provision

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
func (r *run) ensurePublicAccessBlock(ctx context.Context, op operation, b bucket) error {
	s := op.spec
	wanted := &types.PublicAccessBlockConfiguration{
		BlockPublicAcls:       aws.Bool(true),
		BlockPublicPolicy:     aws.Bool(true),
		IgnorePublicAcls:      aws.Bool(true),
		RestrictPublicBuckets: aws.Bool(true),
	}
	if !b.fresh {
		out, err := r.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()})
		if err != nil && !awscall.IsCode(err, "NoSuchPublicAccessBlockConfiguration") {
			return fmt.Errorf("public access block of bucket %s: %w", s.BucketName, awscall.Brief(err))
		}
		if err == nil && reflect.DeepEqual(out.PublicAccessBlockConfiguration, wanted) {
			return nil
		}
		r.reportRepair(op, true, "public access block")
	}
	_, err := r.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), PublicAccessBlockConfiguration: wanted})
	if err != nil {
		return fmt.Errorf("public access block of bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	return nil
}

// ensureVersioning turns versioning on, or suspends it where it was on: S3 cannot
// turn it off.
func (r *run) ensureVersioning(ctx context.Context, s spec.Spec, b bucket) error {
	isOn := false
	if !b.fresh {
		out, err := r.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()})
		if err != nil {
			return fmt.Errorf("versioning of bucket %s: %w", s.BucketName, awscall.Brief(err))
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
	_, err := r.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(),
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	if err != nil {
		return fmt.Errorf("versioning of bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	return nil
}

// ensureLifecycle sets the one rule that is ours to a number of days, or removes it at 0.
func (r *run) ensureLifecycle(ctx context.Context, s spec.Spec, b bucket, days int) error {
	var current s3.GetBucketLifecycleConfigurationOutput
	if !b.fresh {
		out, err := r.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()})
		if err != nil && !awscall.IsCode(err, "NoSuchLifecycleConfiguration") {
			return fmt.Errorf("lifecycle of bucket %s: %w", s.BucketName, awscall.Brief(err))
		}
		if err == nil {
			current = *out
		}
	}
	rules := slices.DeleteFunc(slices.Clone(current.Rules), func(rule types.LifecycleRule) bool {
		return aws.ToString(rule.ID) == spec.AbortUploadsRuleID
	})
	if days > 0 {
		rules = append(rules, abortRule(days))
	}
	if slices.EqualFunc(rules, current.Rules, sameRule) {
		return nil
	}
	return r.putLifecycle(ctx, s, rules, current.TransitionDefaultMinimumObjectSize)
}

// removeLifecycle takes our rule away and leaves the others.
func (r *run) removeLifecycle(ctx context.Context, s spec.Spec) error {
	if err := r.ensureLifecycle(ctx, s, bucket{}, 0); !awscall.IsMissing(err) {
		return err
	}
	return nil
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

func (r *run) putLifecycle(ctx context.Context, s spec.Spec, rules []types.LifecycleRule, minimum types.TransitionDefaultMinimumObjectSize) error {
	var err error
	if len(rules) == 0 {
		_, err = r.s3.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()})
	} else {
		_, err = r.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(),
			TransitionDefaultMinimumObjectSize: minimum,
			LifecycleConfiguration:             &types.BucketLifecycleConfiguration{Rules: rules}})
	}
	if err != nil {
		return fmt.Errorf("lifecycle of bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	return nil
}
