package purge

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

// Empty deletes every version and delete marker, however many there are, and aborts
// every unfinished upload. The user's key must be gone before, since an object that is
// written meanwhile may stay. Repeating it goes on where it stopped: where the time of ctx is over before
// the bucket is empty, the error is an [Unfinished].
func (b Bucket) Empty(ctx context.Context, log *slog.Logger) error {
	start, deleted, left := time.Now(), int64(0), int64(0)
	err := b.eachPage(ctx, func(entries []Entry) error {
		left = int64(len(entries))
		if err := b.deleteEntries(ctx, entries); err != nil {
			return awscall.Again(fmt.Errorf("%w; %d entries are deleted so far", err, deleted))
		}
		deleted, left = deleted+left, 0
		log.Info("deleted objects", "bucket", b.Name, "deleted", deleted)
		return nil
	})
	if err == nil {
		err = b.abortUploads(ctx)
	}
	if err != nil && ctx.Err() != nil {
		rate := float64(deleted) / max(1, time.Since(start).Seconds())
		return &Unfinished{Bucket: b.Name, Deleted: deleted, Rate: rate, Left: left, Cause: err}
	}
	return err
}

// eachPage calls visit with the entries of each page that has any.
func (b Bucket) eachPage(ctx context.Context, visit func([]Entry) error) error {
	isBegun := b.Begin == nil
	for page, err := range b.Pages(ctx, "") {
		switch {
		case err != nil:
			return err
		case len(page.Entries) == 0:
			continue
		case !isBegun:
			b.Begin(page)
			isBegun = true
		}
		if err := visit(page.Entries); err != nil {
			return err
		}
	}
	return nil
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
