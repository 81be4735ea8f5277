package bucket

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/purge"
)

// A removal lists the bucket beside its first look. Most buckets that are removed are empty but for our own objects: then
// the list tells what is to be deleted, and nothing is listed again. In the end DeleteBucket decides, which S3 refuses for
// a bucket that is not empty. Every other bucket is listed when its turn comes.

// A Content is what a bucket held at a time, where one page shows all of it.
type Content struct {
	entries []purge.Entry
	listed  time.Time
}

// contentAge is how old a list may be that a removal goes by.
const contentAge = 5 * time.Second

// List lists a bucket that may not be there, or not be ours. It asks once, and returns nil without an answer, or if
// there is more than a page.
func (c Client) List(ctx context.Context) *Content {
	ctx, cancel := context.WithTimeout(ctx, contentAge)
	defer cancel()
	c.s3 = purge.Derived(c.s3, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	is := Content{listed: time.Now()}
	for page, err := range c.content().Pages(ctx, "") {
		if err != nil || !page.IsLast {
			return nil
		}
		is.entries = page.Entries
	}
	return &is
}

// knownOwn is the content of a bucket of ours if it is known to be nothing but our own objects, else nil.
func (c Client) knownOwn(b Bucket) *Content {
	if b.Content == nil || time.Since(b.Content.listed) > contentAge || slices.ContainsFunc(b.Content.entries, c.isOthers) {
		return nil
	}
	return b.Content
}

// Clear deletes our own objects from a bucket that is about to be deleted, if it is known to hold nothing else. It returns
// the bucket as one that is known to be empty then. What goes wrong here goes wrong again when it is emptied. A purge
// also asks for unfinished uploads.
func (c Client) Clear(ctx context.Context, b Bucket, data Disposal) Bucket {
	content := c.knownOwn(b)
	if b.State != claim.Ours || content == nil {
		return b
	}
	var isLeft, hasUploads bool
	clearing := pool.New().WithErrors()
	clearing.Go(func() (err error) { isLeft, err = c.deleteOrLeave(ctx, content.entries); return err })
	if data == PurgeData {
		clearing.Go(func() (err error) { hasUploads, err = c.content().HasUploads(ctx); return err })
	}
	b.Content = nil
	if err := clearing.Wait(); err == nil && !isLeft && !hasUploads {
		b.Content = &Content{listed: time.Now()}
	}
	return b
}

// isKnownEmpty reports whether nothing is left to be deleted in a bucket.
func (c Client) isKnownEmpty(b Bucket) bool {
	content := c.knownOwn(b)
	return content != nil && len(content.entries) == 0
}
