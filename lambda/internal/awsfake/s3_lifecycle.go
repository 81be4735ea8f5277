package awsfake

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// SetLifecycle puts rules in the place of all that a bucket has, under the rules of PutBucketLifecycleConfiguration, also
// such with a Prefix of their own instead of a Filter. No rules take the configuration away.
func (a *AWS) SetLifecycle(bucketName string, rules []types.LifecycleRule) error {
	defer a.changing()()
	b := a.buckets[bucketName]
	if b == nil {
		return a.noSuchBucket()
	}
	if len(rules) == 0 {
		b.lifecycle = nil
		return nil
	}
	return a.setLifecycle(b, rules, "")
}

// setLifecycle checks rules and puts them in place. The caller holds the lock.
func (a *AWS) setLifecycle(b *bucket, rules []types.LifecycleRule, minimum types.TransitionDefaultMinimumObjectSize) error {
	rules = copyOf(rules)
	if err := a.checkRules(rules); err != nil {
		return err
	}
	for _, rule := range rules {
		if err := checkRule(rule); err != nil {
			return err
		}
	}
	if err := a.checkForm(rules); err != nil {
		return err
	}
	if err := b.mayHaveLifecycle(); err != nil {
		return err
	}
	b.lifecycle, b.minimum = rules, minimum
	if b.minimum == "" {
		b.minimum = types.TransitionDefaultMinimumObjectSizeAllStorageClasses128k
	}
	return nil
}

// checkForm asks that all rules are of one form (L11): with a Prefix of their own (version 1) or with a Filter (version 2).
// In the first they may not overlap. Sources: ansible #53751 and terraform-provider-aws #23299 (the messages, by what comes
// first), #23228 (NewerNoncurrentVersions); noobaa-core #8426 and ceph PR #23668 (overlaps, which are no error in the second).
func (a *AWS) checkForm(rules []types.LifecycleRule) error {
	isOld := basePrefix(rules[0]) != nil
	for i, rule := range rules {
		newer := rule.NoncurrentVersionExpiration != nil && rule.NoncurrentVersionExpiration.NewerNoncurrentVersions != nil
		switch {
		case isOld && rule.Filter != nil:
			return fail(400, "InvalidRequest", "Filter element can only be used in Lifecycle V2.")
		case !isOld && rule.Filter == nil:
			return fail(400, "InvalidRequest", "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.")
		case isOld && newer:
			return fail(400, "InvalidRequest", "NewerNoncurrentVersions element can only be used in Lifecycle V2.")
		case isOld:
			if err := a.overlap(rules[:i], rule); err != nil {
				return err
			}
		}
	}
	return nil
}

// overlap finds a rule among earlier ones that does the same to some of the same objects.
func (a *AWS) overlap(earlier []types.LifecycleRule, rule types.LifecycleRule) error {
	prefix := *basePrefix(rule)
	for _, other := range earlier {
		before := *basePrefix(other)
		if a.OneRulePerPrefix && before == prefix {
			return fail(400, "InvalidRequest", "Found two rules with same prefix '%s'", prefix)
		}
		if !strings.HasPrefix(prefix, before) && !strings.HasPrefix(before, prefix) {
			continue
		}
		for _, action := range actionsOf(rule) {
			if slices.Contains(actionsOf(other), action) {
				return fail(400, "InvalidRequest", "Found overlapping prefixes '%s' and '%s' for same action type '%s'", before, prefix, action)
			}
		}
	}
	return nil
}

// basePrefix is the prefix of a rule of version 1, or nil.
func basePrefix(rule types.LifecycleRule) *string {
	//lint:ignore SA1019 deprecated, and in many a bucket
	return rule.Prefix
}

// actionsOf are the types of what a rule does.
func actionsOf(rule types.LifecycleRule) []string {
	var actions []string
	for action, does := range map[string]bool{
		"AbortIncompleteMultipartUpload": rule.AbortIncompleteMultipartUpload != nil,
		"Expiration":                     rule.Expiration != nil,
		"NoncurrentVersionExpiration":    rule.NoncurrentVersionExpiration != nil,
		"NoncurrentVersionTransition":    len(rule.NoncurrentVersionTransitions) > 0,
		"Transition":                     len(rule.Transitions) > 0,
	} {
		if does {
			actions = append(actions, action)
		}
	}
	slices.Sort(actions)
	return actions
}

func (a *AWS) getBucketLifecycle(r request, _ *s3.GetBucketLifecycleConfigurationInput) (
	*s3.GetBucketLifecycleConfigurationOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if len(b.lifecycle) == 0 {
		return nil, fail(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
	}
	return &s3.GetBucketLifecycleConfigurationOutput{Rules: copyOf(b.lifecycle), TransitionDefaultMinimumObjectSize: b.minimum}, nil
}

// putBucketLifecycle replaces all rules.
func (a *AWS) putBucketLifecycle(r request, in *s3.PutBucketLifecycleConfigurationInput) (
	*s3.PutBucketLifecycleConfigurationOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	var rules []types.LifecycleRule
	if in.LifecycleConfiguration != nil {
		rules = in.LifecycleConfiguration.Rules
	}
	if err := a.setLifecycle(b, rules, in.TransitionDefaultMinimumObjectSize); err != nil {
		return nil, err
	}
	return &s3.PutBucketLifecycleConfigurationOutput{}, nil
}

func (a *AWS) deleteBucketLifecycle(r request, _ *s3.DeleteBucketLifecycleInput) (*s3.DeleteBucketLifecycleOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	b.lifecycle = nil
	return &s3.DeleteBucketLifecycleOutput{}, nil
}
