package purge

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
)

// Delete deletes one version or delete marker. What is missing counts as deleted, the bucket too.
func (b Bucket) Delete(ctx context.Context, i ID, options ...func(*s3.Options)) error {
	_, err := b.S3.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &b.Name, ExpectedBucketOwner: &b.Owner, Key: &i.Key, VersionId: i.versionID()}, options...)
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("object %q, version %s, of bucket %s: %w", i.Key, i.Version, b.Name, awscall.Brief(err))
	}
	return nil
}

// versionID is nil where a store does not name versions.
func (i ID) versionID() *string {
	if i.Version == "" {
		return nil
	}
	return &i.Version
}
