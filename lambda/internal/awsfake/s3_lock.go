package awsfake

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// SetDefaultRetention enables Object Lock for a bucket, and its versioning with it: every version that is written from now
// on cannot be deleted for so many days. With no days new versions are free, but Object Lock stays, and versioning cannot
// be suspended any more: that is 409 InvalidBucketState. Delete markers are not protected. Sources: S3 User Guide, Locking
// objects with Object Lock; Managing delete markers with Object Lock; terraform-provider-aws
// internal/service/s3/bucket_versioning.go (the code).
func (a *AWS) SetDefaultRetention(bucketName string, days int) {
	defer a.changing()()
	if b := a.buckets[bucketName]; b != nil {
		b.objectLock, b.retention, b.versioning = true, days, types.BucketVersioningStatusEnabled
	}
}

// SetLegalHold puts a version under legal hold, or ends that: until then it cannot be deleted, whatever its retention. The
// empty version is the current one. Source: S3 User Guide, Object Lock considerations, Legal holds.
func (a *AWS) SetLegalHold(bucketName, key, version string, on bool) {
	a.changeObject(bucketName, key, version, func(o *object) { o.legalHold = on })
}

// LockObject puts a version under retention without an end, or takes it off. The empty version is the current one.
func (a *AWS) LockObject(bucketName, key, version string, locked bool) {
	a.changeObject(bucketName, key, version, func(o *object) { o.locked = locked })
}

func (a *AWS) changeObject(bucketName, key, version string, change func(*object)) {
	defer a.changing()()
	if b := a.buckets[bucketName]; b != nil {
		if o := b.find(key, version); o != nil {
			change(o)
		}
	}
}

// SetMFADelete enables MFA delete for a bucket, and its versioning with it, or disables it. While it is on, nobody without
// MFA, as here, deletes a version, changes versioning or writes lifecycle rules; a delete without a version adds a marker.
// It returns an error for a bucket with lifecycle rules, which cannot have MFA delete. Sources: S3 User Guide, Configuring
// MFA delete; Deleting an object from an MFA delete-enabled bucket; cloudposse/terraform-aws-codebuild #76.
func (a *AWS) SetMFADelete(bucketName string, on bool) error {
	defer a.changing()()
	b := a.buckets[bucketName]
	switch {
	case b == nil:
		return a.noSuchBucket()
	case on && len(b.lifecycle) > 0:
		return fail(409, "InvalidBucketState", "Mfa Authentication is not supported on a bucket with lifecycle configuration. "+
			"Delete lifecycle configuration before enabling Mfa Authentication.")
	case on && b.versioning == "":
		b.versioning = types.BucketVersioningStatusEnabled
	}
	b.mfaDelete = types.MFADeleteStatusDisabled
	if on {
		b.mfaDelete = types.MFADeleteStatusEnabled
	}
	return nil
}

// isLocked tells whether a version cannot be deleted.
func (o *object) isLocked() bool {
	retained := time.Since(o.modified) < time.Duration(o.retention)*24*time.Hour
	return o.locked || o.legalHold || retained
}

func lockedError() *Error {
	return fail(403, "AccessDenied", "Access Denied because object protected by object lock.")
}

// withoutMFA refuses what MFA delete asks a device for.
func (b *bucket) withoutMFA() error {
	if b.mfaDelete != types.MFADeleteStatusEnabled {
		return nil
	}
	return fail(403, "AccessDenied", "Mfa Authentication must be used for this request")
}

// mayChangeVersioning refuses a new status of versioning that locks forbid.
func (b *bucket) mayChangeVersioning(status types.BucketVersioningStatus) error {
	if b.objectLock && status == types.BucketVersioningStatusSuspended {
		return fail(409, "InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state "+
			"cannot be changed.")
	}
	return b.withoutMFA()
}

// mayHaveLifecycle refuses lifecycle rules beside MFA delete. Sources: S3 User Guide, S3 Lifecycle configuration on
// MFA-enabled buckets: not supported; the code is that of the opposite case, in [AWS.SetMFADelete].
func (b *bucket) mayHaveLifecycle() error {
	if b.mfaDelete != types.MFADeleteStatusEnabled {
		return nil
	}
	return fail(409, "InvalidBucketState", "Lifecycle configuration is not supported on a bucket with Mfa Authentication.")
}
