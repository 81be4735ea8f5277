package bucket

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// EnsureMarker writes the folder marker, or removes it. It also removes marker and probe of a
// prefix that the resource no longer has, since they would count as data. An object of the
// same key that is not empty is data, and stays.
func (c Client) EnsureMarker(ctx context.Context, change spec.Change) error {
	before := change.Before
	if before.Prefix != "" && before.Prefix != c.spec.Prefix {
		if err := c.of(before).RemoveObjects(ctx, before.MarkerKey(), before.ProbeKey()); err != nil {
			return err
		}
	}
	if !c.spec.FolderMarker {
		if before.FolderMarker {
			return c.RemoveObjects(ctx, c.spec.MarkerKey())
		}
		return nil
	}
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(),
		Key: aws.String(c.spec.MarkerKey()), IfNoneMatch: aws.String("*")})
	if err != nil && !awscall.IsCode(err, "PreconditionFailed") { // it is there
		return fmt.Errorf("folder marker %s of bucket %s: %w", c.spec.MarkerKey(), c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

// isOurObject reports whether an entry of the bucket is the folder marker or the
// probe. Both are empty.
func isOurObject(s spec.Spec, key string, size int64) bool {
	return size == 0 && (key == s.MarkerKey() || key == s.ProbeKey())
}

// RemoveObjects removes all versions and delete markers of our own objects among
// the keys, whether the bucket is versioned or not.
func (c Client) RemoveObjects(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		err := c.eachPage(ctx, key, func(entries []entry, _ bool) (bool, error) {
			return c.removeObject(ctx, key, entries)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeObject removes what a page holds of one of our own objects. It has seen enough where
// the page goes on to other keys, which only start with that of the object.
func (c Client) removeObject(ctx context.Context, key string, entries []entry) (enough bool, err error) {
	for _, e := range entries {
		if e.key > key {
			return true, nil
		}
		if !isOurObject(c.spec, e.key, e.size) {
			continue
		}
		if err := c.deleteEntry(ctx, e); err != nil {
			return false, err
		}
	}
	return false, nil
}

// ErrHoldsData says that a bucket holds more than our own objects.
var ErrHoldsData = errors.New("is not empty")

// CheckEmpty returns an error that says how much the bucket holds, if it holds
// anything but our own objects.
func (c Client) CheckEmpty(ctx context.Context) error {
	count, more, err := c.countOthers(ctx)
	if err != nil || count == 0 {
		return err
	}
	amount := fmt.Sprint(count)
	if more {
		amount = "more than " + amount
	}
	return fmt.Errorf("bucket %s: %w: %s objects or versions, and OnDelete is %s", c.spec.BucketName, ErrHoldsData, amount, c.spec.OnDelete)
}

// countOthers counts the versions and delete markers that are not ours. It stops after the
// first page that has any, and reports whether there are more pages.
func (c Client) countOthers(ctx context.Context) (count int, more bool, err error) {
	err = c.eachPage(ctx, "", func(entries []entry, truncated bool) (bool, error) {
		for _, e := range entries {
			if !isOurObject(c.spec, e.key, e.size) {
				count++
			}
		}
		more = truncated
		return count > 0, nil
	})
	return count, more, err
}
