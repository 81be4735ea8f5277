package purge

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

// abortUploads removes the parts of unfinished multipart uploads, which are stored
// and paid for but listed nowhere else.
func (b Bucket) abortUploads(ctx context.Context) error {
	in := &s3.ListMultipartUploadsInput{Bucket: &b.Name, ExpectedBucketOwner: &b.Owner, EncodingType: types.EncodingTypeUrl}
	for {
		page, err := b.S3.ListMultipartUploads(ctx, in)
		if awscall.IsMissing(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("uploads of bucket %s: %w", b.Name, awscall.Brief(err))
		}
		for _, upload := range page.Uploads {
			if err := b.abortUpload(ctx, upload, page.EncodingType); err != nil {
				return err
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		next, err := Decoded(page.NextKeyMarker, page.EncodingType)
		if err != nil {
			return fmt.Errorf("uploads of bucket %s: %w", b.Name, err)
		}
		in.KeyMarker, in.UploadIdMarker = &next, page.NextUploadIdMarker
	}
}

func (b Bucket) abortUpload(ctx context.Context, upload types.MultipartUpload, encoding types.EncodingType) error {
	key, err := Decoded(upload.Key, encoding)
	if err != nil {
		return fmt.Errorf("uploads of bucket %s: %w", b.Name, err)
	}
	_, err = b.S3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &b.Name, ExpectedBucketOwner: &b.Owner, Key: &key, UploadId: upload.UploadId})
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("upload of %q to bucket %s: %w", key, b.Name, awscall.Brief(err))
	}
	return nil
}
