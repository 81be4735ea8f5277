package bucket

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/spec"
)

// To close a bucket for writers, and to open it again, helps and is never needed. So it is tried for a short time, and no
// refusal is waited for as a lag.
const (
	closeTimeout  = 5 * time.Second
	closeAttempts = 3 // of a call that meets a server error, throttling or another change of the bucket
)

// openedLag is a denial by a policy that was in force a moment ago (L4).
var openedLag = awscall.LagOf("S3 knows the policy", awscall.LateRights.Is)

// holdsData reports whether a bucket with that first page holds more than our own objects.
func (c Client) holdsData(first purge.Page) bool {
	return !first.IsLast || slices.ContainsFunc(first.Entries, c.isOthers)
}

// closeForWriters denies everybody to write to the bucket. What refuses that is logged. The statement spares nobody. It
// goes with the bucket, or by [Client.Open], with the next policy that is written, and in a release.
func (c Client) closeForWriters(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := c.briefly().close(ctx); err != nil && !awscall.IsMissing(err) {
		c.log.Warn("could not deny everybody to write to the bucket while it is emptied", "bucket", c.spec.BucketName, "reason", err.Error())
	}
}

func (c Client) close(ctx context.Context) error {
	current, err := c.readPolicy(ctx)
	if err != nil {
		return err
	}
	if c.notes.isClosed = isClosed(current.Statement); c.notes.isClosed {
		return nil
	}
	deny, err := json.Marshal(c.spec.DenyWrites())
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, err)
	}
	wanted := c.withoutUser(current)
	if gone := goneIn(wanted.Statement); gone != "" {
		return fmt.Errorf("policy of bucket %s: %s", c.spec.BucketName, gone)
	}
	wanted.Statement = append(wanted.Statement, deny)
	err = c.sendPolicy(ctx, wanted)
	c.notes.isClosed = !awscall.IsRefused(err) // an answer may be lost
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	c.log.Info("denied everybody to write to the bucket while it is emptied", "bucket", c.spec.BucketName)
	return nil
}

// Open takes off what closed the bucket in this run, or was found to do so. What refuses that is logged. What the policy
// shows may be from before the bucket was closed (L4).
func (c Client) Open(ctx context.Context) {
	if !c.notes.isClosed {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	c = c.briefly()
	current, err := c.readPolicy(ctx)
	if ours, _ := c.split(current.Statement); err == nil && len(ours) > 0 {
		err = c.open(ctx, current)
	}
	c.reportClosed(err)
}

// planOpen takes off what is seen to close the bucket. It serves an Update that writes no policy.
func (c Client) planOpen(ctx context.Context) write {
	c = c.briefly()
	reading, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	current, err := c.readPolicy(reading)
	if err != nil || !isClosed(current.Statement) {
		return nil
	}
	return func() error {
		opening, cancel := context.WithTimeout(ctx, closeTimeout)
		defer cancel()
		err := c.open(opening, current)
		c.notes.isOpened = err == nil
		c.reportClosed(err)
		return nil
	}
}

func (c Client) reportClosed(err error) {
	if err != nil {
		c.log.Warn("could not let writers into the bucket again", "bucket", c.spec.BucketName, "sid", spec.SidDenyWrites, "reason", err.Error())
	}
}

func (c Client) open(ctx context.Context, current document) error {
	wanted := c.withoutUser(current)
	if len(wanted.Statement) == 0 {
		return c.deletePolicy(ctx)
	}
	if err := c.sendPolicy(ctx, wanted); err != nil {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

// withoutUser is a policy without what closes the bucket and without the statements that name our user: who empties a
// bucket has deleted the user, and S3 takes no policy that names one who is gone (L9).
func (c Client) withoutUser(current document) document {
	ours, others := c.split(current.Statement)
	ours = slices.DeleteFunc(ours, func(text json.RawMessage) bool {
		is := headerOf(text)
		return is.Sid == spec.SidDenyWrites || c.isUser(is.Principal)
	})
	if len(others) == 0 {
		current.Version, current.ID = currentVersion, spec.PolicyID
	}
	current.Statement = slices.Concat(others, ours)
	return current
}

// isClosed reports whether one of the statements closes the bucket.
func isClosed(all statements) bool {
	return slices.ContainsFunc(all, func(text json.RawMessage) bool { return headerOf(text).Sid == spec.SidDenyWrites })
}

// briefly is a client that repeats calls few times.
func (c Client) briefly() Client {
	c.s3 = purge.Derived(c.s3, func(o *s3.Options) { o.Retryer = retry.AddWithMaxAttempts(awscall.Standard(), closeAttempts) })
	return c
}
