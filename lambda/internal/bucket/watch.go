package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bucketuser/lambda/claim"
)

// To empty a bucket takes as long as a run, and CloudFormation may have given the Delete up meanwhile: then somebody may have
// added the resource again, or have deleted the bucket and made another under its name. What is written there is not what
// the Delete was to delete. So as long as a bucket is emptied it is asked whose it is.

// watchPeriod is how long what was written into the next life of a bucket may go on being deleted.
const watchPeriod = 20 * time.Second

// ErrTaken says that a bucket stopped being this resource's while it was emptied.
var ErrTaken = errors.New("is not this resource's any more")

// watch ends the emptying with the reason once the bucket is not ours any more, or a later event has ensured it.
func (c Client) watch(ctx context.Context, end context.CancelCauseFunc) {
	ticker := time.NewTicker(watchPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := c.checkTaken(ctx); err != nil {
			end(err)
			return
		}
	}
}

// checkTaken looks whose the bucket is. No answer says nothing, and neither does what a read may show from before
// another (L4), as of a bucket that is new. One that is gone, or that S3 hides, ends the emptying by itself.
func (c Client) checkTaken(ctx context.Context) error {
	now, err := c.Look(ctx)
	switch {
	case err != nil || now.State == claim.Absent || now.State == claim.Hidden || now.MayYetBeOurs() && !c.patience.IsOver():
		return nil
	case now.State != claim.Ours:
		return fmt.Errorf("bucket %s: %w, so emptying it has ended: %s", c.spec.BucketName, ErrTaken, now.Lacks())
	}
	if err := now.CheckLate(); err != nil {
		return fmt.Errorf("bucket %s: emptying it has ended: %w", c.spec.BucketName, err)
	}
	return nil
}

// leaveTaken has nothing more done to the bucket: what is set there now is not ours to change.
func (c Client) leaveTaken(why error) {
	if c.notes.isClosed {
		c.notes.isClosed = false
		c.reportClosed(why)
	}
}
