package bucket

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

// entry is one version or delete marker.
type entry struct {
	key      string
	version  string
	size     int64 // bytes; 0 for a delete marker
	isMarker bool  // a delete marker
	isOlder  bool  // a version that is not the latest of its key
}

// isPlain reports whether the key can stand in the XML of DeleteObjects.
func (e entry) isPlain() bool {
	return !strings.ContainsFunc(e.key, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD
	})
}

// eachPage calls visit with the entries of each page, in the order of their keys,
// until it says that it has seen enough. A bucket that does not exist has no pages, unless the
// run asks for that.
//
// S3 is asked for encoded keys, since XML cannot hold every key. A page says whether its keys are
// encoded: stores that are compatible with S3 may not know the question. The SDK's paginators send an
// encoded marker back as it came, and the next page then starts at the wrong key. So eachPage
// decodes the marker itself.
func (c Client) eachPage(ctx context.Context, prefix string, visit func(entries []entry, more bool) (enough bool, err error)) error {
	in := &s3.ListObjectVersionsInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), Prefix: &prefix, EncodingType: types.EncodingTypeUrl}
	for {
		page, err := c.s3.ListObjectVersions(ctx, in)
		if awscall.IsMissing(err) && !c.isAsking {
			return nil
		}
		if err != nil {
			return fmt.Errorf("objects of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
		}
		entries, err := entriesOf(page)
		if err != nil {
			return fmt.Errorf("objects of bucket %s: %w", c.spec.BucketName, err)
		}
		more := aws.ToBool(page.IsTruncated)
		if enough, err := visit(entries, more); enough || err != nil || !more {
			return err
		}
		if in.KeyMarker, err = decoded(page.NextKeyMarker, page.EncodingType); err != nil {
			return fmt.Errorf("objects of bucket %s: %w", c.spec.BucketName, err)
		}
		in.VersionIdMarker = page.NextVersionIdMarker
	}
}

// entriesOf returns the versions and delete markers of a page.
func entriesOf(page *s3.ListObjectVersionsOutput) ([]entry, error) {
	var entries []entry
	for _, v := range page.Versions {
		key, err := decoded(v.Key, page.EncodingType)
		if err != nil {
			return nil, err
		}
		isOlder := v.IsLatest != nil && !*v.IsLatest
		entries = append(entries, entry{key: *key, version: aws.ToString(v.VersionId), size: aws.ToInt64(v.Size), isOlder: isOlder})
	}
	for _, m := range page.DeleteMarkers {
		key, err := decoded(m.Key, page.EncodingType)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{key: *key, version: aws.ToString(m.VersionId), isMarker: true})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries, nil
}

// decoded returns a key that was listed in the encoding that its page names, or in none.
func decoded(key *string, encoding types.EncodingType) (*string, error) {
	if encoding != types.EncodingTypeUrl {
		plain := aws.ToString(key)
		return &plain, nil
	}
	text, err := url.QueryUnescape(aws.ToString(key))
	if err != nil {
		return nil, fmt.Errorf("key %q: %w", aws.ToString(key), err)
	}
	return &text, nil
}
