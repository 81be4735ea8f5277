// Package status tells whether a resource that is deployed works: the key in its secret, and all that the key depends on.
//
// [Check] reads, and changes nothing. It first looks at everything, and then judges what it has seen. What it calls, and
// with that the rights that it needs beside those of package target:
//
//	cloudformation:DescribeStackEvents  the properties that the resource was given
//	cloudformation:DescribeStacks, DescribeStackResource  for a secret alone
//	secretsmanager:GetSecretValue       the key; kms:Decrypt where the secret names a KMS key
//	secretsmanager:ListSecretVersionIds where a rotation is under way
//	lambda:GetFunctionConfiguration     the provider's function
//	iam:GetUser, iam:ListAccessKeys, iam:GetAccessKeyLastUsed
//	s3:GetBucketTagging, s3:GetBucketPolicy, s3:GetBucketPublicAccessBlock
//
// A right that is missing makes its check unknown. The key is tried by one listing, as the function does it, which also
// counts objects, without a right of the caller's. The previous key is never tried, so that its last use stays that of a consumer.
//
// Whose a thing is, package claim decides alone, by its tags. The package knows nothing of how a report is asked for.
package status

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/internal/target"
)

// limit is how long a check takes at most.
const limit = time.Minute

// Check reports on what was found, as of a time by this machine's clock. Its error says that the target is of no resource.
// A target whose secret is gone is one, too.
func Check(ctx context.Context, config aws.Config, t target.Target, now time.Time) (Report, error) {
	if t.PhysicalID == "" && t.StackStatus != "" {
		return unmade(t, now), nil
	}
	if t.PhysicalID == "" || t.StackID == "" || t.LogicalID == "" {
		return Report{}, fmt.Errorf("secret %s: has no tags of a resource; name the stack that it is of", t.SecretName)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return judge(newLooker(config, t).look(ctx, now)), nil
}

// unmade is the report on a resource that CloudFormation has not made, or not yet.
func unmade(t target.Target, now time.Time) Report {
	f := facts{now: now, target: t, stack: answer[stackState]{value: stackState{stack: t.StackStatus, resource: t.ResourceStatus, reason: t.StatusReason}}}
	r := newReport(f)
	r.Checks = append(ofStack(f), Finding{Check: "stack", State: Unknown, What: "resource " + t.LogicalID + " is not there: it is " + t.ResourceStatus})
	r.conclude()
	return r
}

// judge makes a report of what was seen.
func judge(f facts) Report {
	r := newReport(f)
	for _, of := range []func(facts) []Finding{
		ofStack, ofProvider, ofSecret, ofKey, ofOtherKeys, ofRotation, ofUser, ofBucket, ofPublicAccess, ofPolicy, ofObjects,
	} {
		r.Checks = append(r.Checks, of(f)...)
	}
	f.excuse(r.Checks)
	r.KeySerial = f.reportSerial()
	r.Keys, r.Rotation, r.Objects = f.reportKeys(), f.reportRotation(), f.reportObjects()
	r.conclude()
	return r
}
