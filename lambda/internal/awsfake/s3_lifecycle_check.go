package awsfake

import (
	"cmp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// checkRules asks of each rule what S3's schema asks: a status, and a filter or prefix. It names those without an ID.
// Source: noobaa-core #8549 (the length of an ID).
func (a *AWS) checkRules(rules []types.LifecycleRule) error {
	malformed := len(rules) == 0 || len(rules) > 1000
	ids := map[string]bool{}
	for i, rule := range rules {
		isStatus := rule.Status == types.ExpirationStatusEnabled || rule.Status == types.ExpirationStatusDisabled
		malformed = malformed || !isStatus || (rule.Filter != nil) == (basePrefix(rule) != nil)
		id := aws.ToString(rule.ID)
		if len(id) > 255 {
			return fail(400, "InvalidArgument", "ID length should not exceed allowed limit of 255")
		}
		if id != "" && ids[id] {
			return fail(400, "InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
		}
		if ids[id] = true; id == "" {
			rules[i].ID = aws.String(requestID(a.next()))
		}
	}
	if malformed {
		return malformedXML()
	}
	return nil
}

// checkRule asks of one rule that it does something, and that its parts go together. Source: crossplane-contrib/provider-aws
// #1337 (the message).
func checkRule(rule types.LifecycleRule) error {
	if len(actionsOf(rule)) == 0 {
		return fail(400, "InvalidRequest", "At least one action needs to be specified in a rule")
	}
	return cmp.Or(checkFilter(rule), checkExpiration(rule.Expiration), checkDays(rule))
}

// checkFilter asks for one condition, since several stand in an And. What has no tags and no size, a marker and an
// upload, is not told by them. Sources: S3 API Reference, LifecycleRuleFilter; S3 User Guide, Examples of S3 Lifecycle
// configurations; noobaa-core #8870 and terraform-aws-modules/terraform-aws-s3-bucket #109 (the message).
func checkFilter(rule types.LifecycleRule) error {
	is := rule.Filter
	if is == nil {
		return nil
	}
	if count(is.Prefix != nil, is.Tag != nil, is.And != nil, is.ObjectSizeGreaterThan != nil, is.ObjectSizeLessThan != nil) > 1 {
		return malformedXML()
	}
	by := conditionOf(*is)
	switch {
	case by == "":
	case rule.AbortIncompleteMultipartUpload != nil:
		return fail(400, "InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with %s.", by)
	case rule.Expiration != nil && rule.Expiration.ExpiredObjectDeleteMarker != nil:
		return fail(400, "InvalidRequest", "ExpiredObjectDeleteMarker cannot be specified with %s.", by)
	}
	return nil
}

// conditionOf is what a filter asks beside the prefix, in S3's words.
func conditionOf(filter types.LifecycleRuleFilter) string {
	and := types.LifecycleRuleAndOperator{}
	if filter.And != nil {
		and = *filter.And
	}
	switch {
	case filter.Tag != nil || len(and.Tags) > 0:
		return "Tags"
	case filter.ObjectSizeGreaterThan != nil, filter.ObjectSizeLessThan != nil, and.ObjectSizeGreaterThan != nil, and.ObjectSizeLessThan != nil:
		return "Object Size"
	}
	return ""
}

// checkExpiration asks for days, a date or ExpiredObjectDeleteMarker, and for no two of them. Sources: S3 API Reference,
// LifecycleExpiration; crossplane-contrib/provider-aws PR #2116 and aws-sdk-ruby #2350 (MalformedXML); noobaa-core #8870
// (midnight).
func checkExpiration(is *types.LifecycleExpiration) error {
	switch {
	case is == nil:
		return nil
	case count(is.Days != nil, is.Date != nil, is.ExpiredObjectDeleteMarker != nil) != 1:
		return malformedXML()
	case is.Date != nil && !is.Date.Equal(is.Date.Truncate(24*time.Hour)):
		return fail(400, "InvalidArgument", "'Date' must be at midnight GMT")
	}
	return nil
}

// checkDays asks for days above zero. Sources: terraform-provider-aws, which shows S3's message about NoncurrentDays;
// scality/Arsenal PR #2648, which shows all three as AWS gives them.
func checkDays(rule types.LifecycleRule) error {
	const notPositive = "'%s' for %s action must be a positive integer"
	if is := rule.Expiration; is != nil && is.Days != nil && *is.Days < 1 {
		return fail(400, "InvalidArgument", notPositive, "Days", "Expiration")
	}
	if is := rule.NoncurrentVersionExpiration; is != nil && aws.ToInt32(is.NoncurrentDays) < 1 {
		return fail(400, "InvalidArgument", notPositive, "NoncurrentDays", "NoncurrentVersionExpiration")
	}
	if is := rule.AbortIncompleteMultipartUpload; is != nil && aws.ToInt32(is.DaysAfterInitiation) < 1 {
		return fail(400, "InvalidArgument", notPositive, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
	}
	return nil
}

// count is how many of the conditions hold.
func count(conditions ...bool) (n int) {
	for _, holds := range conditions {
		if holds {
			n++
		}
	}
	return n
}
