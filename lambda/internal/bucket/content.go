package bucket

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/purge"
)

// A removal lists the bucket beside its first look. Most buckets that are removed are empty but for our own objects: then
// the list tells what is to be deleted, and nothing is listed again. In the end DeleteBucket decides, which S3 refuses for
// a bucket that is not empty. A purge of any other bucket begins with what was listed. All others are listed when their
// turn comes.

// A Content is the first page of what a bucket held at a time.
type Content struct {
	page   purge.Page
	listed time.Time
}

// contentAge is how old a list may be that a removal goes by.
const contentAge = 5 * time.Second

// List lists a bucket that may not be there, or not be ours. It asks once, and returns nil without an answer.
func (c Client) List(ctx context.Context) *Content {
	ctx, cancel := context.WithTimeout(ctx, contentAge)
	defer cancel()
	c.s3 = purge.Derived(c.s3, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	is := Content{listed: time.Now()}
	for page, err := range c.content().Pages(ctx, "") {
		if err != nil {
			return nil
		}
		is.page = page
		break
	}
	return &is
}

// known is the content of a bucket that was listed a moment ago, else nil.
func (b Bucket) known() *Content {
	if b.Content == nil || time.Since(b.Content.listed) > contentAge {
		return nil
	}
	return b.Content
}

// knownOwn is the content of a bucket of ours if it is known to be nothing but our own objects, else nil.
func (c Client) knownOwn(b Bucket) *Content {
	if content := b.known(); content != nil && !c.holdsData(content.page) {
		return content
	}
	return nil
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
	clearing.Go(func() (err error) { isLeft, err = c.deleteOrLeave(ctx, content.page.Entries); return err })
	if data == PurgeData {
		clearing.Go(func() (err error) { hasUploads, err = c.content().HasUploads(ctx); return err })
	}
	b.Content = nil
	if err := clearing.Wait(); err == nil && !isLeft && !hasUploads {
		b.Content = &Content{page: purge.Page{IsLast: true}, listed: time.Now()}
	}
	return b
}

// isKnownEmpty reports whether nothing is left to be deleted in a bucket.
func (c Client) isKnownEmpty(b Bucket) bool {
	content := c.knownOwn(b)
	return content != nil && len(content.page.Entries) == 0
}
