package purge

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

// Empty deletes every version and delete marker, however many there are, and aborts
// every unfinished upload. The user's key must be gone before, since an object that is
// written meanwhile may stay. Repeating it goes on where it stopped.
func (b Bucket) Empty(ctx context.Context, log *slog.Logger) error {
	deleted := 0
	for page, err := range b.Pages(ctx, "") {
		if err != nil {
			return err
		}
		if b.Begin != nil && deleted == 0 && len(page.Entries) > 0 {
			b.Begin(page)
		}
		if err := b.deleteEntries(ctx, page.Entries); err != nil {
			return awscall.Again(fmt.Errorf("%w; %d entries are deleted so far", err, deleted))
		}
		deleted += len(page.Entries)
		log.Info("deleted objects", "bucket", b.Name, "deleted", deleted)
	}
	return b.abortUploads(ctx)
}

// deleteEntries deletes a page of entries. DeleteObjects answers 200 even where S3 has
// refused some keys, and names those in its answer. Each of them is tried once more.
func (b Bucket) deleteEntries(ctx context.Context, entries []Entry) error {
	var batch []types.ObjectIdentifier
	for _, e := range entries {
		if !e.isPlain() {
			if err := b.Delete(ctx, e); err != nil {
				return err
			}
			continue
		}
		batch = append(batch, types.ObjectIdentifier{Key: aws.String(e.Key), VersionId: aws.String(e.Version)})
	}
	if len(batch) == 0 {
		return nil
	}
	out, err := b.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &b.Name, ExpectedBucketOwner: &b.Owner, Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)}})
	if awscall.IsMissing(err) { // another delivery of this Delete has got further
		return nil
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", b.Name, awscall.Brief(err))
	}
	for _, failed := range out.Errors {
		// The SDK repeats throttling and server errors of a call, not those inside an answer.
		if err := b.Delete(ctx, Entry{Key: aws.ToString(failed.Key), Version: aws.ToString(failed.VersionId)}); err != nil {
			return err
		}
	}
	return nil
}

// isPlain reports whether the key can stand in the XML of DeleteObjects.
func (e Entry) isPlain() bool {
	return !strings.ContainsFunc(e.Key, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD
	})
}
