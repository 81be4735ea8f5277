package purge

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/internal/awscall"
)

// HasUploads reports whether there is an unfinished upload.
func (b Bucket) HasUploads(ctx context.Context) (bool, error) {
	page, err := b.S3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Owner, EncodingType: types.EncodingTypeUrl})
	if err != nil {
		return false, fmt.Errorf("uploads of bucket %s: %w", b.Name, awscall.Brief(err))
	}
	return len(page.Uploads) > 0, nil
}

// aborters is how many uploads are aborted at the same time.
const aborters = 8

// abortUploads removes the parts of unfinished multipart uploads, which are stored
// and paid for but listed nowhere else.
func (e *emptying) abortUploads(ctx context.Context) error {
	in := &s3.ListMultipartUploadsInput{Bucket: &e.Name, ExpectedBucketOwner: &e.Owner, EncodingType: types.EncodingTypeUrl}
	for {
		page, err := e.S3.ListMultipartUploads(ctx, in)
		if awscall.IsMissing(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("uploads of bucket %s: %w", e.Name, awscall.Brief(err))
		}
		aborting := pool.New().WithMaxGoroutines(aborters).WithContext(ctx).WithCancelOnError().WithFirstError()
		for _, upload := range page.Uploads {
			aborting.Go(func(ctx context.Context) error { return e.abortUpload(ctx, upload, page.EncodingType) })
		}
		if err := aborting.Wait(); err != nil {
			return err
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		next, err := Decoded(page.NextKeyMarker, page.EncodingType)
		if err != nil {
			return fmt.Errorf("uploads of bucket %s: %w", e.Name, err)
		}
		in.KeyMarker, in.UploadIdMarker = &next, page.NextUploadIdMarker
	}
}

func (e *emptying) abortUpload(ctx context.Context, upload types.MultipartUpload, encoding types.EncodingType) error {
	key, err := Decoded(upload.Key, encoding)
	if err != nil {
		return fmt.Errorf("uploads of bucket %s: %w", e.Name, err)
	}
	_, err = e.S3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &e.Name, ExpectedBucketOwner: &e.Owner, Key: &key, UploadId: upload.UploadId})
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		e.deleted++ // it is less to do
	}
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("upload of %q to bucket %s: %w", key, e.Name, awscall.Brief(err))
	}
	return nil
}
