package bucket

import (
	"context"
	"errors"
	"time"

	"github.com/sourcegraph/conc"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/purge"
)

// purge deletes everything in the bucket. Beside that it looks whose the bucket is (see watch.go), and closes it for
// writers: one who goes on would keep it from becoming empty. Then it writes the tag that says which run of the event
// empties the bucket: S3 refuses two changes of one bucket's configuration at the same time. It waits for all of that before
// it returns, since the bucket is deleted then, and somebody else may make one of that name. A tag that is not written by
// then is not needed.
func (c Client) purge(ctx context.Context, b Bucket) error {
	emptying, end := context.WithCancelCause(ctx)
	defer end(nil)
	content := c.content()
	if known := b.known(); known != nil {
		content.First = &known.page
	}
	var beside conc.WaitGroup
	content.Begin = func(first purge.Page) {
		beside.Go(func() {
			if c.holdsData(first) && !c.notes.isClosed {
				c.closeForWriters(ctx)
			}
			c.count(emptying, b)
		})
	}
	content.End = func(gone int64, took time.Duration, uploads error) {
		c.notes.uploads = uploads
		c.notes.gone += gone
		c.notes.emptying += took
	}
	beside.Go(func() { c.watch(emptying, end) })
	err := content.Empty(emptying, c.log)
	taken := context.Cause(emptying)
	end(nil)
	beside.Wait()
	if errors.Is(taken, ErrTaken) || errors.Is(taken, claim.ErrLate) {
		c.leaveTaken(taken)
		return taken
	}
	if !c.notes.isPurged { // it may have taken long, and those who keep writing do not prolong the wait
		c.notes.isPurged = true
		c.patience.Changed()
	}
	return err
}

// count writes the tag, once in a run. A run without a number is not counted. Where the tag cannot be written the emptying goes
// on: it ends with this run.
func (c Client) count(ctx context.Context, b Bucket) {
	if c.run == 0 || c.notes.Run > 0 || ctx.Err() != nil {
		return
	}
	switch err := c.PutTags(ctx, b.BeginEmptying(c.run)); {
	case err == nil:
		c.notes.Run = c.run
	case ctx.Err() == nil:
		c.log.Warn("could not count the run", "bucket", c.spec.BucketName, "run", c.run, "reason", err.Error())
	}
}
