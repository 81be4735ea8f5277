package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/spec"
)

// EnsureMarker writes the folder marker, or removes it. It also removes marker and probe of a
// prefix that the resource no longer has, since they would count as data. An object of the
// same key that is not empty is data, and stays. So does a marker in an adopted bucket, which may be
// its owner's.
//
// Where others forbid an Update to write the marker, it goes on: nothing depends on it. The marker is written beside the
// policy. It is tried again once that is settled, if the policy before denied everybody to write.
func (c Client) EnsureMarker(ctx context.Context, change spec.Change, b Bucket, settled <-chan struct{}) error {
	before := change.Before
	if before.Prefix != "" && before.Prefix != c.spec.Prefix {
		keys := []string{before.ProbeKey()}
		if b.State != claim.Adopted {
			keys = append(keys, before.MarkerKey())
		}
		if err := c.of(before).RemoveObjects(ctx, keys...); err != nil {
			return err
		}
	}
	if !c.spec.FolderMarker {
		if before.FolderMarker && b.State != claim.Adopted {
			return c.RemoveObjects(ctx, c.spec.MarkerKey())
		}
		return nil
	}
	out, err := c.putMarker(ctx)
	if awscall.IsDenied(err) {
		if <-settled; c.notes.isOpened {
			out, err = c.putMarker(ctx, func(o *s3.Options) { o.Retryer = c.patience.Retryer(awscall.LateRights, awscall.NewBucket, openedLag) })
		}
	}
	switch {
	case err == nil:
		c.notes.in = c.spec.BucketName
		c.notes.marker = &purge.ID{Key: c.spec.MarkerKey(), Version: cmp.Or(aws.ToString(out.VersionId), "null")}
		return nil
	case awscall.IsCode(err, "PreconditionFailed"): // it is there
		return nil
	case !change.IsNew && awscall.IsByOthers(err):
		c.log.Warn("could not write the folder marker", "bucket", c.spec.BucketName, "key", c.spec.MarkerKey(), "reason", awscall.Brief(err).Error())
		return nil
	}
	failure := fmt.Errorf("folder marker %s of bucket %s: %w", c.spec.MarkerKey(), c.spec.BucketName, ExplainKms(err))
	return c.unlessSo(ctx, setting{what: "folder marker", orElse: ", or set FolderMarker to false", look: awscall.Certain,
		shows: func() (bool, error) { return c.ShowsMarker(ctx) }}, failure)
}

func (c Client) putMarker(ctx context.Context, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return c.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(),
		Key: aws.String(c.spec.MarkerKey()), IfNoneMatch: aws.String("*")}, options...)
}

// ExplainKms is [awscall.Brief], and says what helps where an object could not be written since the bucket encrypts
// with a KMS key.
func ExplainKms(err error) error {
	if !awscall.IsOfKms(err) {
		return awscall.Brief(err)
	}
	return awscall.Again(fmt.Errorf("%w; the bucket encrypts with SSE-KMS by default: set its default encryption to SSE-S3", awscall.Brief(err)))
}

// isOurObject reports whether an entry of the bucket is the folder marker or the
// probe. Both are empty.
func isOurObject(s spec.Spec, key string, size int64) bool {
	return size == 0 && (key == s.MarkerKey() || key == s.ProbeKey())
}

// isOthers reports whether an entry is none of our own objects.
func (c Client) isOthers(e purge.Entry) bool { return !isOurObject(c.spec, e.Key, e.Size) }

// RemoveObjects removes all versions and delete markers of our own objects among
// the keys, whether the bucket is versioned or not. What others forbid to delete, by a lock, say,
// stays: it is empty.
func (c Client) RemoveObjects(ctx context.Context, keys ...string) error {
	_, err := c.removeObjects(ctx, anyVersion, keys...)
	return err
}

func anyVersion(purge.Entry) bool { return true }

// removeObjects removes those versions of our own objects that are meant. It also reports whether any of
// them has stayed.
func (c Client) removeObjects(ctx context.Context, isMeant func(purge.Entry) bool, keys ...string) (isLeft bool, err error) {
	for _, key := range keys {
		for page, err := range c.pages(ctx, key) {
			if err != nil {
				return isLeft, err
			}
			own, isEnd := c.ownEntries(key, page.Entries)
			stays, err := c.deleteOrLeave(ctx, slices.DeleteFunc(own, func(e purge.Entry) bool { return !isMeant(e) }))
			isLeft = isLeft || stays
			if err != nil {
				return isLeft, err
			}
			if isEnd {
				break
			}
		}
	}
	return isLeft, nil
}

// deletions is how many entries are deleted beside each other.
const deletions = 10

// deleteOrLeave deletes entries. It leaves what others forbid to delete, and reports whether there is any.
func (c Client) deleteOrLeave(ctx context.Context, entries []purge.Entry) (isLeft bool, err error) {
	var left atomic.Bool
	deleting := pool.New().WithErrors().WithMaxGoroutines(deletions)
	for _, e := range entries {
		deleting.Go(func() error {
			err := c.content().Delete(ctx, e.ID)
			if !awscall.IsByOthers(err) {
				return err
			}
			left.Store(true)
			c.log.Warn("left what others forbid to delete", "bucket", c.spec.BucketName, "key", e.Key, "version", e.Version, "reason", err.Error())
			return nil
		})
	}
	err = deleting.Wait()
	return left.Load(), err
}

// RemoveVersions removes versions of one of our own objects, as RemoveObjects does.
func (c Client) RemoveVersions(ctx context.Context, key string, versions []string) error {
	var entries []purge.Entry
	for _, version := range slices.Compact(slices.Sorted(slices.Values(versions))) {
		entries = append(entries, purge.Entry{ID: purge.ID{Key: key, Version: version}})
	}
	_, err := c.deleteOrLeave(ctx, entries)
	return err
}

// ownEntries are those of a page that are of one of our own objects. It is the end of them where the
// page goes on to other keys, which only start with that of the object.
func (c Client) ownEntries(key string, entries []purge.Entry) (own []purge.Entry, isEnd bool) {
	for _, e := range entries {
		if e.Key > key {
			return own, true
		}
		if !c.isOthers(e) {
			own = append(own, e)
		}
	}
	return own, false
}

// ErrHoldsData says that a bucket holds more than our own objects.
var ErrHoldsData = errors.New("is not empty")

// CheckEmpty returns an error that says how much the bucket holds, if it holds
// anything but our own objects. It is an [ErrHoldsData], and a [Holding] tells more.
func (c Client) CheckEmpty(ctx context.Context, b Bucket) error {
	if c.knownOwn(b) != nil {
		return nil
	}
	holds, err := c.countOthers(ctx)
	if err != nil || holds == (Holding{bucket: holds.bucket}) {
		return err
	}
	return &holds
}

// A Holding says what a bucket holds beside our own objects.
type Holding struct {
	bucket                  string
	objects, older, markers int  // current objects, versions that are not current, delete markers
	isMore                  bool // the listing goes on
	IsVersioned             bool // what it holds has versions, so that deleting the objects leaves something
}

func (h *Holding) Unwrap() error { return ErrHoldsData }

func (h *Holding) Error() string {
	var kinds []string
	for _, kind := range []struct {
		count     int
		one, many string
	}{{h.objects, "object", "objects"}, {h.older, "older version", "older versions"}, {h.markers, "delete marker", "delete markers"}} {
		switch kind.count {
		case 0:
		case 1:
			kinds = append(kinds, "1 "+kind.one)
		default:
			kinds = append(kinds, fmt.Sprintf("%d %s", kind.count, kind.many))
		}
	}
	amount := kinds[len(kinds)-1]
	if last := len(kinds) - 1; last > 0 {
		amount = strings.Join(kinds[:last], ", ") + " and " + amount
	}
	if h.isMore {
		amount = "more than " + amount
	}
	return fmt.Sprintf("bucket %s: %s: it holds %s", h.bucket, ErrHoldsData, amount)
}

// countOthers counts the versions and delete markers that are not ours. It stops after the
// first page that has any.
func (c Client) countOthers(ctx context.Context) (Holding, error) {
	holds := Holding{bucket: c.spec.BucketName}
	for page, err := range c.pages(ctx, "") {
		if err != nil {
			return holds, err
		}
		for _, e := range page.Entries {
			if c.isOthers(e) {
				holds.count(e)
			}
		}
		if holds.objects+holds.older+holds.markers > 0 {
			holds.isMore = !page.IsLast
			break
		}
	}
	return holds, nil
}

func (h *Holding) count(e purge.Entry) {
	switch {
	case e.IsMarker:
		h.markers++
	case e.IsOlder:
		h.older++
	default:
		h.objects++
	}
	h.IsVersioned = h.IsVersioned || e.IsMarker || e.IsOlder || e.Version != "" && e.Version != "null"
}
