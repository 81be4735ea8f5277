// Package purge is the room of everything in a bucket: it lists all versions and delete markers, deletes
// them, and aborts unfinished uploads.
//
// The package knows strings and S3. Whose the bucket is, what it is for and whether it may be emptied its
// callers know.
package purge

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

// A Bucket is the bucket that is listed and emptied.
type Bucket struct {
	S3    *s3.Client
	Name  string
	Owner string // the account; a bucket of the same name in another one is never touched

	// First, where it is set, is the first page as it was listed a moment ago. Empty begins with it instead of listing.
	First *Page

	// Begin, where it is set, is called by Empty once, with the first page that has entries, before it deletes anything.
	// It must not wait.
	Begin func(first Page)

	// End, where it is set, is called by Empty once, when it has ended in whatever way: how many entries and uploads are
	// gone by it, how long it took, and why uploads are left, if any are.
	End func(gone int64, took time.Duration, uploads error)
}

// An ID names a version or delete marker.
type ID struct{ Key, Version string }

// An Entry is one version or delete marker.
type Entry struct {
	ID
	Size     int64 // bytes; 0 for a delete marker
	IsMarker bool  // a delete marker
	IsOlder  bool  // a version that is not the latest of its key
}

// A Page is one answer of a listing.
type Page struct {
	Entries []Entry // in the order of their keys
	IsLast  bool

	next cursor // where the next one begins
}

// Pages lists the versions and delete markers whose keys start with prefix, in the order of their keys. An
// error ends it; a bucket that does not exist is one.
//
// S3 is asked for encoded keys, since XML cannot hold every key. A page says whether its keys are
// encoded: stores that are compatible with S3 may not know the question. The SDK's paginators send an
// encoded marker back as it came, and the next page then starts at the wrong key. So Pages
// decodes the marker itself.
func (b Bucket) Pages(ctx context.Context, prefix string) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for at := (cursor{}); ; {
			page, err := b.list(ctx, prefix, at, pageSize)
			if err != nil {
				yield(Page{}, err)
				return
			}
			if !yield(page, nil) || page.IsLast {
				return
			}
			at = page.next
		}
	}
}

// A cursor is a place in a listing: behind a version of a key, or behind all versions of it. The zero value is the
// beginning.
type cursor struct{ key, version string }

// pageSize is how many entries S3 lists at most.
const pageSize = 1000

// list returns what is behind a place, at most size entries.
func (b Bucket) list(ctx context.Context, prefix string, at cursor, size int32) (page Page, err error) {
	in := &s3.ListObjectVersionsInput{
		Bucket: &b.Name, ExpectedBucketOwner: &b.Owner, Prefix: &prefix, EncodingType: types.EncodingTypeUrl, MaxKeys: &size}
	if at.key != "" {
		in.KeyMarker = &at.key
	}
	if at.version != "" {
		in.VersionIdMarker = &at.version
	}
	out, err := b.S3.ListObjectVersions(ctx, in)
	if err != nil {
		return Page{}, fmt.Errorf("objects of bucket %s: %w", b.Name, awscall.Brief(err))
	}
	if page.Entries, err = entriesOf(out); err == nil {
		page.next.key, err = Decoded(out.NextKeyMarker, out.EncodingType)
	}
	if err != nil {
		return Page{}, fmt.Errorf("objects of bucket %s: %w", b.Name, err)
	}
	page.next.version, page.IsLast = aws.ToString(out.NextVersionIdMarker), !aws.ToBool(out.IsTruncated)
	if page.next.key == "" && len(page.Entries) > 0 { // the store does not say it
		page.next = cursor{key: page.Entries[len(page.Entries)-1].Key}
	}
	if !page.IsLast && (page.next == at || page.next.key == "") {
		return Page{}, fmt.Errorf("objects of bucket %s: the listing does not go on behind %q", b.Name, at.key)
	}
	return page, nil
}

// entriesOf returns the versions and delete markers of a page.
func entriesOf(page *s3.ListObjectVersionsOutput) ([]Entry, error) {
	entries := make([]Entry, 0, len(page.Versions)+len(page.DeleteMarkers))
	for _, v := range page.Versions {
		key, err := Decoded(v.Key, page.EncodingType)
		if err != nil {
			return nil, err
		}
		isOlder := v.IsLatest != nil && !*v.IsLatest
		entries = append(entries, Entry{ID: ID{key, aws.ToString(v.VersionId)}, Size: aws.ToInt64(v.Size), IsOlder: isOlder})
	}
	for _, m := range page.DeleteMarkers {
		key, err := Decoded(m.Key, page.EncodingType)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{ID: ID{key, aws.ToString(m.VersionId)}, IsMarker: true})
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries, nil
}

// Decoded returns a key that was listed in the encoding that its page names, or in none.
func Decoded(key *string, encoding types.EncodingType) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return aws.ToString(key), nil
	}
	text, err := url.QueryUnescape(aws.ToString(key))
	if err != nil {
		return "", fmt.Errorf("key %q: %w", aws.ToString(key), err)
	}
	return text, nil
}
