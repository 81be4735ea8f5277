package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// ensureMarker writes the folder marker, or removes it. It also removes marker and probe of a
// prefix that the resource no longer has, since they would count as data. An object of the
// same key that is not empty is data, and stays.
func (r *run) ensureMarker(ctx context.Context, op operation, made set) error {
	if made.lost.bucket {
		return nil
	}
	s, before := op.spec, op.before()
	if before.Prefix != "" && before.Prefix != s.Prefix {
		if err := r.removeObjects(ctx, before, before.MarkerKey(), before.ProbeKey()); err != nil {
			return err
		}
	}
	if !s.FolderMarker {
		if before.FolderMarker {
			return r.removeObjects(ctx, s, s.MarkerKey())
		}
		return nil
	}
	_, err := r.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(),
		Key: aws.String(s.MarkerKey()), IfNoneMatch: aws.String("*")})
	if err != nil && !awscall.IsCode(err, "PreconditionFailed") { // it is there
		return fmt.Errorf("folder marker %s of bucket %s: %w", s.MarkerKey(), s.BucketName, awscall.Brief(err))
	}
	return nil
}

// isOurObject reports whether an entry of the bucket is the folder marker or the
// probe. Both are empty.
func isOurObject(s spec.Spec, key string, size int64) bool {
	return size == 0 && (key == s.MarkerKey() || key == s.ProbeKey())
}

// removeObjects removes all versions and delete markers of our own objects among
// the keys, whether the bucket is versioned or not.
func (r *run) removeObjects(ctx context.Context, s spec.Spec, keys ...string) error {
	for _, key := range keys {
		err := r.eachPage(ctx, s, key, func(entries []entry, _ bool) (bool, error) {
			return r.removeObject(ctx, s, key, entries)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeObject removes what a page holds of one of our own objects. It has seen enough where
// the page goes on to other keys, which only start with that of the object.
func (r *run) removeObject(ctx context.Context, s spec.Spec, key string, entries []entry) (enough bool, err error) {
	for _, e := range entries {
		if e.key > key {
			return true, nil
		}
		if !isOurObject(s, e.key, e.size) {
			continue
		}
		if err := r.deleteEntry(ctx, s, e); err != nil {
			return false, err
		}
	}
	return false, nil
}

// errHoldsData says that a bucket holds more than our own objects.
var errHoldsData = errors.New("is not empty")

// checkEmpty returns an error that says how much the bucket holds, if it holds
// anything but our own objects.
func (r *run) checkEmpty(ctx context.Context, s spec.Spec) error {
	count, more, err := r.countOthers(ctx, s)
	if err != nil || count == 0 {
		return err
	}
	amount := fmt.Sprint(count)
	if more {
		amount = "more than " + amount
	}
	return fmt.Errorf("bucket %s: %w: %s objects or versions, and OnDelete is %s", s.BucketName, errHoldsData, amount, s.OnDelete)
}

// countOthers counts the versions and delete markers that are not ours. It stops after the
// first page that has any, and reports whether there are more pages.
func (r *run) countOthers(ctx context.Context, s spec.Spec) (count int, more bool, err error) {
	err = r.eachPage(ctx, s, "", func(entries []entry, truncated bool) (bool, error) {
		for _, e := range entries {
			if !isOurObject(s, e.key, e.size) {
				count++
			}
		}
		more = truncated
		return count > 0, nil
	})
	return count, more, err
}
