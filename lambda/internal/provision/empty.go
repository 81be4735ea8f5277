package provision

import (
	"context"
	"fmt"
	"net/url"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/spec"
)

// emptyBucket deletes every version and delete marker and aborts every unfinished
// upload, whatever their number. The user's key must be gone before: what is
// written while the bucket is emptied stays.
func (p *Provisioner) emptyBucket(ctx context.Context, s spec.Spec) error {
	deleted := 0
	pages := s3.NewListObjectVersionsPaginator(p.s3, &s3.ListObjectVersionsInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), EncodingType: types.EncodingTypeUrl})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("bucket %s: %d entries deleted so far: %w", s.BucketName, deleted, brief(err))
		}
		entries, err := entriesOf(page)
		if err != nil {
			return fmt.Errorf("bucket %s: %w", s.BucketName, err)
		}
		if err := p.deleteEntries(ctx, s, entries); err != nil {
			return fmt.Errorf("%d entries deleted so far: %w", deleted, err)
		}
		deleted += len(entries)
		p.log.Info("emptying the bucket", "bucket", s.BucketName, "deleted", deleted)
	}
	return p.abortUploads(ctx, s)
}

// deleteEntries deletes a page of entries. DeleteObjects answers 200 even if keys
// were refused, so each error in the answer counts.
func (p *Provisioner) deleteEntries(ctx context.Context, s spec.Spec, entries []entry) error {
	var batch []types.ObjectIdentifier
	for _, e := range entries {
		if !e.isPlain() {
			if err := p.deleteEntry(ctx, s, e); err != nil {
				return err
			}
			continue
		}
		batch = append(batch, types.ObjectIdentifier{Key: aws.String(e.key), VersionId: aws.String(e.version)})
	}
	if len(batch) == 0 {
		return nil
	}
	out, err := p.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(),
		Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)}})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", s.BucketName, brief(err))
	}
	for _, failed := range out.Errors {
		// Once more on its own, where the SDK repeats throttling and server errors.
		e := entry{key: aws.ToString(failed.Key), version: aws.ToString(failed.VersionId)}
		if err := p.deleteEntry(ctx, s, e); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provisioner) deleteEntry(ctx context.Context, s spec.Spec, e entry) error {
	_, err := p.s3.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), Key: &e.key, VersionId: &e.version})
	if err != nil && !isMissing(err) {
		return fmt.Errorf("object %q, version %s, of bucket %s: %w", e.key, e.version, s.BucketName, brief(err))
	}
	return nil
}

// abortUploads removes the parts of unfinished multipart uploads, which are stored
// and paid for but listed nowhere else.
func (p *Provisioner) abortUploads(ctx context.Context, s spec.Spec) error {
	pages := s3.NewListMultipartUploadsPaginator(p.s3, &s3.ListMultipartUploadsInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), EncodingType: types.EncodingTypeUrl})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("uploads of bucket %s: %w", s.BucketName, brief(err))
		}
		for _, upload := range page.Uploads {
			key, err := url.QueryUnescape(aws.ToString(upload.Key))
			if err != nil {
				return fmt.Errorf("uploads of bucket %s: %w", s.BucketName, err)
			}
			_, err = p.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
				Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), Key: &key, UploadId: upload.UploadId})
			if err != nil && !isMissing(err) {
				return fmt.Errorf("upload of %q to bucket %s: %w", key, s.BucketName, brief(err))
			}
		}
	}
	return nil
}

// entriesOf returns versions and delete markers of a page, which was asked for with
// encoded keys, in the order of their keys.
func entriesOf(page *s3.ListObjectVersionsOutput) ([]entry, error) {
	var entries []entry
	add := func(key, version *string, size int64) error {
		decoded, err := url.QueryUnescape(aws.ToString(key))
		if err != nil {
			return fmt.Errorf("key %q: %w", aws.ToString(key), err)
		}
		entries = append(entries, entry{decoded, aws.ToString(version), size})
		return nil
	}
	for _, v := range page.Versions {
		if err := add(v.Key, v.VersionId, aws.ToInt64(v.Size)); err != nil {
			return nil, err
		}
	}
	for _, m := range page.DeleteMarkers {
		if err := add(m.Key, m.VersionId, 0); err != nil {
			return nil, err
		}
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].key < entries[j].key })
	return entries, nil
}
