package bucket

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

// purge deletes every version and delete marker, however many there are, and aborts
// every unfinished upload. The user's key must be gone before, since an object that is
// written meanwhile may stay. Repeating it goes on where it stopped.
func (c Client) purge(ctx context.Context) error {
	deleted := 0
	err := c.eachPage(ctx, "", func(entries []entry, _ bool) (bool, error) {
		if err := c.deleteEntries(ctx, entries); err != nil {
			return false, awscall.Again(fmt.Errorf("%w; %d entries are deleted so far", err, deleted))
		}
		deleted += len(entries)
		c.log.Info("deleted objects", "bucket", c.spec.BucketName, "deleted", deleted)
		return false, nil
	})
	if err != nil {
		return err
	}
	return c.abortUploads(ctx)
}

// deleteEntries deletes a page of entries. DeleteObjects answers 200 even where S3 has
// refused some keys, and names those in its answer. Each of them is tried once more.
func (c Client) deleteEntries(ctx context.Context, entries []entry) error {
	var batch []types.ObjectIdentifier
	for _, e := range entries {
		if !e.isPlain() {
			if err := c.deleteEntry(ctx, e); err != nil {
				return err
			}
			continue
		}
		batch = append(batch, types.ObjectIdentifier{Key: aws.String(e.key), VersionId: aws.String(e.version)})
	}
	if len(batch) == 0 {
		return nil
	}
	out, err := c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(),
		Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)}})
	if awscall.IsMissing(err) { // another delivery of this Delete has got further
		return nil
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	for _, failed := range out.Errors {
		// The SDK repeats throttling and server errors of a call, not those inside an answer.
		e := entry{key: aws.ToString(failed.Key), version: aws.ToString(failed.VersionId)}
		if err := c.deleteEntry(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (c Client) deleteEntry(ctx context.Context, e entry) error {
	_, err := c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), Key: &e.key, VersionId: &e.version})
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("object %q, version %s, of bucket %s: %w", e.key, e.version, c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

// abortUploads removes the parts of unfinished multipart uploads, which are stored
// and paid for but listed nowhere else.
func (c Client) abortUploads(ctx context.Context) error {
	in := &s3.ListMultipartUploadsInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), EncodingType: types.EncodingTypeUrl}
	for {
		page, err := c.s3.ListMultipartUploads(ctx, in)
		if awscall.IsMissing(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("uploads of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
		}
		for _, upload := range page.Uploads {
			if err := c.abortUpload(ctx, upload, page.EncodingType); err != nil {
				return err
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		if in.KeyMarker, err = decoded(page.NextKeyMarker, page.EncodingType); err != nil {
			return fmt.Errorf("uploads of bucket %s: %w", c.spec.BucketName, err)
		}
		in.UploadIdMarker = page.NextUploadIdMarker
	}
}

func (c Client) abortUpload(ctx context.Context, upload types.MultipartUpload, encoding types.EncodingType) error {
	key, err := decoded(upload.Key, encoding)
	if err != nil {
		return fmt.Errorf("uploads of bucket %s: %w", c.spec.BucketName, err)
	}
	_, err = c.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), Key: key, UploadId: upload.UploadId})
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("upload of %q to bucket %s: %w", *key, c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}
