package bucket

import (
	"context"
	"errors"
	"fmt"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A Disposal is what a removal does with a bucket that holds more than our own objects.
type Disposal int

// The disposals.
const (
	RefuseData  Disposal = iota // it stays, and the removal fails
	PurgeData                   // everything in the bucket is deleted
	ReleaseData                 // the bucket is kept and released
)

// DisposalOf is what the property OnDelete asks for.
func DisposalOf(onDelete string) Disposal {
	switch onDelete {
	case spec.Purge:
		return PurgeData
	case spec.Retain:
		return ReleaseData
	default:
		return RefuseData
	}
}

// Remove deletes a bucket of ours and releases one that was adopted. It also releases one that is
// empty, but for our own objects, where others forbid to delete those or the bucket. An event that is
// still at work may write its marker after ours was removed, and S3 may still count what was
// deleted (L8). So a bucket that holds nothing else is tried again. What mayLag means is said at
// [Client.removePolicy].
//
// A bucket that stays is open for writers again, unless there is no time for that.
func (c Client) Remove(ctx context.Context, b Bucket, data Disposal, mayLag bool) error {
	err := c.remove(ctx, b, data, mayLag)
	if err != nil && ctx.Err() == nil {
		c.Open(ctx)
	}
	return err
}

func (c Client) remove(ctx context.Context, b Bucket, data Disposal, mayLag bool) error {
	switch b.State {
	case claim.Absent, claim.Hidden, claim.Elsewhere, claim.Foreign, claim.Released, claim.Leaving:
		return nil
	case claim.Adopted:
		return c.release(ctx, b, mayLag)
	case claim.Ours:
	}
	err := c.deleteOwn(ctx, b, data)
	if errors.Is(err, errKept) {
		return c.releaseKept(ctx, b, mayLag, err)
	}
	isFull := awscall.IsCode(err, "BucketNotEmpty")
	switch {
	case isFull && c.notes.uploads != nil:
		return awscall.Again(err)
	case isFull && !c.patience.IsOver(): // the time of the event has ended
		return awscall.Again(fmt.Errorf("%w; it is empty, and S3 may still count what was deleted", err))
	case data == ReleaseData && (errors.Is(err, ErrHoldsData) || isFull):
		return c.release(ctx, b, mayLag)
	case data == ReleaseData && awscall.IsByOthers(err):
		return c.releaseKept(ctx, b, mayLag, err)
	case isFull:
		return awscall.Again(fmt.Errorf("%w; somebody keeps writing to it: stop that", err))
	}
	return c.UnlessGone(ctx, err)
}

// errKept says that others forbid to delete a bucket that is empty but for our own objects, or those.
var errKept = errors.New("others forbid to delete it")

// releaseKept lets go of such a bucket, unless it is gone by now: S3 may hide from the role what does
// not exist.
func (c Client) releaseKept(ctx context.Context, b Bucket, mayLag bool, why error) error {
	now, err := c.Look(ctx)
	if err != nil || !now.IsOurs() && !now.IsUntagged() { // gone, or somebody else's by now
		return err
	}
	c.log.Warn("lets go of a bucket that others forbid to delete", "bucket", c.spec.BucketName, "reason", why.Error())
	return c.release(ctx, b, mayLag)
}

// deleteOwn empties the bucket and deletes it, again and again while it may be there. Between
// two attempts it looks whose the bucket is: another delivery may have deleted it, and somebody
// else may have made one of that name.
func (c Client) deleteOwn(ctx context.Context, b Bucket, data Disposal) error {
	c.patience.Changed()
	asking, isAgain := c.asking(), false
	_, err := awscall.Repeat(ctx, c.patience, "S3 counts what was deleted as gone", func() (struct{}, bool, error) {
		if isAgain {
			if isOwn, isLag, err := c.lookAgain(ctx); !isOwn || err != nil {
				return struct{}{}, isLag, err
			}
			b.Content = nil
		}
		isAgain = true
		switch err := asking.empty(ctx, b, data); {
		case awscall.IsNoBucket(err):
			return struct{}{}, true, nil
		case err != nil:
			return struct{}{}, false, err
		}
		wasThere, err := asking.deleteEmptied(ctx)
		isLag := awscall.IsCode(err, "BucketNotEmpty") && c.notes.uploads == nil
		return struct{}{}, err == nil && !wasThere || isLag, err
	})
	if err == nil {
		c.log.Info("removed", "bucket", c.spec.BucketName)
	}
	return err
}

// deleteEmptied deletes the bucket, and reports whether it was there. A store may keep one for unfinished uploads.
func (c Client) deleteEmptied(ctx context.Context) (wasThere bool, err error) {
	wasThere, err = c.deleteBucket(ctx)
	switch {
	case err != nil && c.notes.uploads != nil:
		err = fmt.Errorf("%w; %w", err, c.notes.uploads)
	case awscall.IsByOthers(err):
		err = fmt.Errorf("%w: %w", errKept, err)
	}
	return wasThere, err
}

// lookAgain looks whether the bucket is ours still. One that is gone may be there, as before another event has deleted it.
func (c Client) lookAgain(ctx context.Context) (isOwn, isLag bool, err error) {
	now, err := c.Look(ctx)
	if err != nil || !now.Exists() || !now.IsOurs() && !now.MayYetBeOurs() {
		return false, err == nil && !now.Exists(), err
	}
	return true, false, now.CheckLate()
}

// UnlessGone drops a refusal that S3 may give for a bucket that is gone by now, as another
// delivery has removed it: S3 may hide from the role what does not exist.
func (c Client) UnlessGone(ctx context.Context, refusal error) error {
	if !awscall.IsDenied(refusal) {
		return refusal
	}
	now, err := c.Await(ctx, "S3 shows whether the bucket is gone", func(b Bucket) bool { return !b.Exists() })
	if err != nil || now.Exists() {
		return refusal
	}
	return nil
}

// empty makes a bucket ready to be deleted: it removes everything, or else marker and probe
// where there is nothing else. One that is known to be empty is ready.
func (c Client) empty(ctx context.Context, b Bucket, data Disposal) error {
	switch {
	case c.isKnownEmpty(b):
		return nil
	case data == PurgeData:
		return c.purge(ctx, b)
	}
	if err := c.CheckEmpty(ctx, Bucket{}); err != nil {
		return err
	}
	isLeft, err := c.removeObjects(ctx, anyVersion, c.spec.MarkerKey(), c.spec.ProbeKey())
	if isLeft && err == nil {
		err = fmt.Errorf("bucket %s: holds our own objects, and %w", c.spec.BucketName, errKept)
	}
	return err
}
