package purge

import (
	"cmp"
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
	page, err := b.S3.ListMultipartUploads(ctx, b.firstUploads())
	if err != nil {
		return false, fmt.Errorf("uploads of bucket %s: %w", b.Name, awscall.Brief(err))
	}
	return len(page.Uploads) > 0, nil
}

// firstUploads asks for the first page of uploads.
func (b Bucket) firstUploads() *s3.ListMultipartUploadsInput {
	return &s3.ListMultipartUploadsInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Owner, EncodingType: types.EncodingTypeUrl}
}

// aborters is how many uploads are aborted at the same time.
const aborters = 64

// abortUploads removes the parts of unfinished multipart uploads, which are stored and paid for but listed nowhere else.
// Where S3 refuses that, they go with the bucket: S3 deletes one that has some, and other stores say why they do not.
func (e *emptying) abortUploads(ctx context.Context) error {
	var left int
	var why error
	in := e.firstUploads()
	for isMore := true; isMore; {
		page, err := e.S3.ListMultipartUploads(ctx, in)
		if err != nil {
			why = cmp.Or(why, err)
			break
		}
		n, err := e.abortPage(ctx, page)
		left += n
		why = cmp.Or(why, err)
		isMore = aws.ToBool(page.IsTruncated) && goesOn(in, page)
	}
	if why != nil && ctx.Err() == nil && !awscall.IsMissing(why) {
		e.uploads = fmt.Errorf("uploads of bucket %s: %w", e.Name, awscall.Brief(why))
		e.log.Warn("left uploads that could not be aborted", "bucket", e.Name, "uploads", left, "reason", awscall.Brief(why).Error())
	}
	return nil
}

// goesOn asks for the page behind another. It reports false where there is none.
func goesOn(in *s3.ListMultipartUploadsInput, page *s3.ListMultipartUploadsOutput) bool {
	next, err := Decoded(page.NextKeyMarker, page.EncodingType)
	if err != nil || next == aws.ToString(in.KeyMarker) && aws.ToString(page.NextUploadIdMarker) == aws.ToString(in.UploadIdMarker) {
		return false
	}
	in.KeyMarker, in.UploadIdMarker = &next, page.NextUploadIdMarker
	return true
}

// abortPage aborts the uploads of a page. It returns how many are left, and why the first of them is.
func (e *emptying) abortPage(ctx context.Context, page *s3.ListMultipartUploadsOutput) (left int, why error) {
	aborting := pool.NewWithResults[error]().WithMaxGoroutines(aborters)
	for _, upload := range page.Uploads {
		aborting.Go(func() error { return e.abortUpload(ctx, upload, page.EncodingType) })
	}
	for _, err := range aborting.Wait() {
		if err != nil {
			left++
			why = cmp.Or(why, err)
		}
	}
	return left, why
}

func (e *emptying) abortUpload(ctx context.Context, upload types.MultipartUpload, encoding types.EncodingType) error {
	key, err := Decoded(upload.Key, encoding)
	if err != nil {
		return err
	}
	_, err = e.S3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &e.Name, ExpectedBucketOwner: &e.Owner, Key: &key, UploadId: upload.UploadId})
	if err != nil && !awscall.IsMissing(err) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.aborted++ // it is less to do
	return nil
}
