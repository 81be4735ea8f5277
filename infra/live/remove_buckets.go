package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// emptyBuckets empties those of a run.
func (c clients) emptyBuckets(ctx context.Context, name string) error {
	buckets, err := listBuckets(ctx, c)
	for _, b := range buckets {
		if runOf(b.name) != name {
			continue
		}
		if emptied := c.empty(ctx, b.name); emptied != nil && !isGone(emptied) {
			err = errors.Join(err, fmt.Errorf("bucket %s: %w", b.name, emptied))
		}
	}
	return err
}

// empty deletes every version, delete marker and unfinished upload of a bucket.
func (c clients) empty(ctx context.Context, bucket string) error {
	pages := s3.NewListObjectVersionsPaginator(c.s3, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		if err := c.deleteVersions(ctx, bucket, page); err != nil {
			return err
		}
	}
	uploads, err := c.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		return err
	}
	for _, u := range uploads.Uploads {
		if _, err := c.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId}); err != nil {
			return err
		}
	}
	return nil
}

// deleteVersions deletes what a page of a listing has.
func (c clients) deleteVersions(ctx context.Context, bucket string, page *s3.ListObjectVersionsOutput) error {
	var doomed []s3types.ObjectIdentifier
	for _, v := range page.Versions {
		doomed = append(doomed, s3types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range page.DeleteMarkers {
		doomed = append(doomed, s3types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	if len(doomed) == 0 {
		return nil
	}
	out, err := c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &s3types.Delete{Objects: doomed, Quiet: aws.Bool(true)}})
	if err == nil && len(out.Errors) > 0 {
		err = fmt.Errorf("%s: %s", aws.ToString(out.Errors[0].Key), aws.ToString(out.Errors[0].Message))
	}
	return err
}

// removeBucket takes the policy off first: one may deny everybody to delete.
func removeBucket(ctx context.Context, c clients, t thing) error {
	if _, err := c.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &t.name}); err != nil {
		return err
	}
	if err := c.empty(ctx, t.name); err != nil {
		return err
	}
	_, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &t.name})
	return err
}
