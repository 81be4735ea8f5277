package bucket

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// planPublicAccessBlock sets all four switches. A new bucket has them by default since April
// 2023. They are set all the same: the policy that follows relies on them. In an adopted bucket they
// are its owner's, who had them on when it was adopted.
func (c Client) planPublicAccessBlock(ctx context.Context, change spec.Change, b Bucket) (write, error) {
	if !b.Fresh {
		isBlocked, err := c.isPublicAccessBlocked(ctx)
		switch {
		case err != nil || isBlocked:
			return nil, err
		case b.State == claim.Adopted:
			c.log.Warn("found that the bucket does not block all public access, which its owner decides", "bucket", c.spec.BucketName)
			return nil, nil
		}
	}
	return func() error {
		c.reportRepair(change, !b.Fresh, "public access block")
		return c.blockPublicAccess(ctx)
	}, nil
}

func (c Client) blockPublicAccess(ctx context.Context) error {
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

// planVersioning turns versioning on, or suspends it where it was on: S3 cannot turn it off. Where
// the property is absent the bucket keeps what others have set: it is suspended only where the property
// had it on before, and not in an adopted bucket, which may have had it on before that.
func (c Client) planVersioning(ctx context.Context, change spec.Change, b Bucket) (write, error) {
	isChanged := change.Changes(func(s spec.Spec) any { return s.IsVersioned() })
	wasOurs := isChanged && change.Before.IsVersioned() && !b.IsKnownAdopted()
	if c.spec.Versioning == nil && !wasOurs {
		return nil, nil
	}
	isOn := false
	if !b.Fresh && !isChanged {
		var err error
		if isOn, err = c.readVersioning(ctx); err != nil {
			return nil, err
		}
	}
	if isOn == c.spec.IsVersioned() && !isChanged {
		return nil, nil
	}
	return func() error { return c.putVersioning(ctx) }, nil
}

func (c Client) putVersioning(ctx context.Context) error {
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
	status, err := c.versioningStatus(ctx)
	return status == types.BucketVersioningStatusEnabled, err
}

// versioningStatus is "" where versioning was never on.
func (c Client) versioningStatus(ctx context.Context) (types.BucketVersioningStatus, error) {
	out, err := c.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if err != nil {
		return "", fmt.Errorf("versioning of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return out.Status, nil
}

// CheckVersioned refuses to begin with ExpireNoncurrentAfterDays in a bucket that was never versioned: nothing in it
// would expire, and whoever asks for the one has most likely forgotten the other. Where the setting may not be read,
// nothing is refused.
func (c Client) CheckVersioned(ctx context.Context, change spec.Change, b Bucket) error {
	days := func(s spec.Spec) any { return s.ExpireNoncurrentAfterDays }
	isBegun := change.Before.ExpireNoncurrentAfterDays == 0 && (change.IsNew || change.Changes(days))
	if c.spec.ExpireNoncurrentAfterDays == 0 || !isBegun || c.spec.IsVersioned() || change.Before.IsVersioned() {
		return nil
	}
	wasVersioned, err := false, error(nil)
	if !change.IsNew || b.IsOurs() || b.IsReleased() { // every other one is about to be made
		wasVersioned, err = c.wasVersioned(ctx, change.IsNew)
	}
	if err != nil || wasVersioned {
		return err
	}
	return fmt.Errorf("ExpireNoncurrentAfterDays: bucket %s was never versioned, so that nothing in it would expire; set Versioning to true, or leave it at 0", c.spec.BucketName)
}

// wasVersioned reports whether versioning is or was on, or may be. A read may be from before that (L4), so it looks
// again: for long where an event of ours may have turned it on.
func (c Client) wasVersioned(ctx context.Context, isNew bool) (bool, error) {
	start := time.Now()
	was, err := awscall.Repeat(ctx, c.patience, "S3 shows the versioning of the bucket", func() (was, isLag bool, err error) {
		status, err := c.versioningStatus(ctx)
		return status != "", err == nil && status == "" && (!isNew || time.Since(start) < awscall.SettingsLag), err
	})
	switch {
	case awscall.IsByOthers(err):
		return true, nil
	case awscall.IsNoBucket(err):
		return false, nil
	}
	return was, err
}
