package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// CheckAdoption says why a released bucket cannot be taken over: what its owner has set would have to
// change, or the user could not work with it. It names every reason, and changes nothing. A bucket of
// ours passes.
func (c Client) CheckAdoption(ctx context.Context, b Bucket) error {
	if !b.IsReleased() || c.spec.OnDelete != spec.Retain {
		return nil
	}
	start := time.Now()
	_, err := awscall.Repeat(ctx, c.patience, "S3 shows the settings of the bucket", func() (struct{}, bool, error) {
		err := c.checkOnce(ctx, b)
		var answer smithy.APIError
		isRefusal := err != nil && !errors.As(err, &answer) // of ours
		return struct{}{}, isRefusal && time.Since(start) < awscall.SettingsLag, err
	})
	return err
}

func (c Client) checkOnce(ctx context.Context, b Bucket) error {
	return awscall.Again(errors.Join(c.checkPublicAccess(ctx), c.checkEncryption(ctx), c.checkAbac(ctx), c.checkPolicyOfOthers(ctx), c.checkRulesOfOthers(ctx), b.CheckTags()))
}

// CheckNewTags refuses an Update that would change tags of the owner of an adopted bucket. A read may be
// from before an Update that took a tag of ours off (L4), so it looks again until that can be no more. It
// returns the bucket as seen last.
func (c Client) CheckNewTags(ctx context.Context, b Bucket, before spec.Spec) (Bucket, error) {
	isForeign := func(b Bucket) bool {
		return b.IsKnownAdopted() && (b.CheckNewTags(before) != nil || b.FindsTags(before))
	}
	if !isForeign(b) {
		return b, nil
	}
	b, err := c.Await(ctx, "S3 shows the tags of the bucket as they are", isForeign)
	if err != nil || !isForeign(b) {
		return b, err
	}
	return b, awscall.Again(b.CheckNewTags(before))
}

func (c Client) checkPublicAccess(ctx context.Context) error {
	isBlocked, err := c.isPublicAccessBlocked(ctx)
	if err != nil || isBlocked {
		return err
	}
	return fmt.Errorf("bucket %s: does not block all public access, which its owner decides; turn all four settings of Block Public Access on%s",
		c.spec.BucketName, c.orAnotherName())
}

// checkEncryption refuses SSE-KMS: the permissions boundary of the user allows S3 alone. Where the
// setting may not be read, the proof of the key tells.
func (c Client) checkEncryption(ctx context.Context) error {
	out, err := c.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	switch {
	case awscall.IsByOthers(err), awscall.IsCode(err, "ServerSideEncryptionConfigurationNotFoundError"):
		return nil
	case err != nil:
		return fmt.Errorf("encryption of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if by := rule.ApplyServerSideEncryptionByDefault; by != nil && by.SSEAlgorithm != types.ServerSideEncryptionAes256 {
			return fmt.Errorf("bucket %s: encrypts with SSE-KMS by default (%s), and the user may use no KMS key; set its default encryption to SSE-S3%s",
				c.spec.BucketName, by.SSEAlgorithm, c.orAnotherName())
		}
	}
	return nil
}

// checkAbac refuses attribute-based access control, under which PutBucketTagging is refused (L14). A
// region or a store that does not know the question has none.
func (c Client) checkAbac(ctx context.Context) error {
	out, err := c.s3.GetBucketAbac(ctx, &s3.GetBucketAbacInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	switch {
	case awscall.IsByOthers(err), awscall.IsMissing(err), awscall.IsCode(err, "NotImplemented"):
		return nil
	case err != nil:
		return fmt.Errorf("attribute-based access control of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	case out.AbacStatus != nil && out.AbacStatus.Status == types.BucketAbacStatusEnabled:
		return fmt.Errorf("bucket %s: has attribute-based access control (ABAC) on, under which its tags cannot be written; turn it off%s",
			c.spec.BucketName, c.orAnotherName())
	}
	return nil
}

// checkPolicyOfOthers refuses a policy that could not be written with our statements in it.
func (c Client) checkPolicyOfOthers(ctx context.Context) error {
	current, err := c.readPolicy(ctx)
	if err != nil {
		return err
	}
	_, others := c.split(current.Statement)
	wanted, err := c.merged(current, others)
	if err != nil {
		return err
	}
	if gone := goneIn(others); gone != "" {
		return fmt.Errorf("policy of bucket %s: %s; remove that statement%s", c.spec.BucketName, gone, c.orAnotherName())
	}
	return c.checkPolicy(wanted)
}

// checkRulesOfOthers refuses to ask for our rules beside one of the old form that does the same for keys that
// ours reach: S3 takes no two such (L11).
func (c Client) checkRulesOfOthers(ctx context.Context) error {
	if c.spec.AbortDays(true) == 0 && c.spec.ExpireNoncurrentAfterDays == 0 {
		return nil
	}
	current, err := c.readLifecycle(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, rule := range current.others() {
		prefix := prefixOf(rule)
		isOverlapping := strings.HasPrefix(prefix, c.spec.Prefix) || strings.HasPrefix(c.spec.Prefix, prefix)
		if !isOfOldForm(rule) || !isOverlapping {
			continue
		}
		if rule.AbortIncompleteMultipartUpload != nil && c.spec.AbortDays(true) > 0 {
			failed = append(failed, c.sameAction(rule, "aborts unfinished uploads", "AbortIncompleteUploadsAfterDays"))
		}
		if (rule.NoncurrentVersionExpiration != nil || rule.Expiration != nil) && c.spec.ExpireNoncurrentAfterDays > 0 {
			failed = append(failed, c.sameAction(rule, "expires objects or versions", "ExpireNoncurrentAfterDays"))
		}
	}
	return errors.Join(failed...)
}

// sameAction names a rule of others that does what a property would have ours do.
func (c Client) sameAction(rule types.LifecycleRule, does, property string) error {
	return fmt.Errorf("bucket %s: its lifecycle rule %q %s under %q already, and S3 takes no other beside it; leave %s out",
		c.spec.BucketName, aws.ToString(rule.ID), does, prefixOf(rule), property)
}
