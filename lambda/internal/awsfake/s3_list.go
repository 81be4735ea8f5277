package awsfake

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// encoder writes keys as a listing asked for: as they are, or URL encoded with EncodingType=url. S3 leaves slashes and
// writes a space as a plus sign.
type encoder struct {
	url     bool
	failure error
}

func (e *encoder) text(s string) *string {
	if e.url {
		return aws.String(strings.ReplaceAll(url.QueryEscape(s), "%2F", "/"))
	}
	if !xmlText(s) && e.failure == nil {
		e.failure = unreadable(s)
	}
	return aws.String(s)
}

func (e *encoder) optional(s *string) *string {
	if s == nil {
		return nil
	}
	return e.text(*s)
}

// withoutEncoding is the input of a listing without its EncodingType, and any other input as it is.
func withoutEncoding(input any) any {
	switch in := input.(type) {
	case *s3.ListObjectsV2Input:
		plain := *in
		plain.EncodingType = ""
		return &plain
	case *s3.ListObjectVersionsInput:
		plain := *in
		plain.EncodingType = ""
		return &plain
	case *s3.ListMultipartUploadsInput:
		plain := *in
		plain.EncodingType = ""
		return &plain
	}
	return input
}

// page is how many entries a listing returns at most.
func page(asked *int32) int {
	if asked != nil && *asked < pageSize {
		return int(*asked)
	}
	return pageSize
}

// listed is the condition keys of a listing: those that the request has.
func listed(prefix, delimiter *string) map[string]string {
	values := map[string]string{}
	if prefix != nil {
		values["s3:prefix"] = *prefix
	}
	if delimiter != nil {
		values["s3:delimiter"] = *delimiter
	}
	return values
}

// listObjects lists current objects; the continuation token is the last key or common prefix.
func (a *AWS) listObjects(r request, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	r.values = listed(in.Prefix, in.Delimiter)
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	enc := &encoder{url: in.EncodingType == types.EncodingTypeUrl}
	out := &s3.ListObjectsV2Output{
		Name: aws.String(b.name), Prefix: enc.optional(in.Prefix), Delimiter: enc.optional(in.Delimiter),
		MaxKeys: aws.Int32(int32(page(in.MaxKeys))), EncodingType: in.EncodingType,
		KeyCount: aws.Int32(0), IsTruncated: aws.Bool(false),
	}
	after := max(aws.ToString(in.StartAfter), aws.ToString(in.ContinuationToken))
	prefix, delimiter := aws.ToString(in.Prefix), aws.ToString(in.Delimiter)
	last := after
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		o := b.find(key, "")
		common := commonPrefix(key, prefix, delimiter)
		entry := cmp.Or(common, key)
		if o.marker || !strings.HasPrefix(key, prefix) || entry <= last || key <= after {
			continue
		}
		if int(*out.KeyCount) == page(in.MaxKeys) {
			out.IsTruncated, out.NextContinuationToken = aws.Bool(true), aws.String(last)
			break
		}
		*out.KeyCount++
		last = entry
		if common != "" {
			out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: enc.text(entry)})
			continue
		}
		out.Contents = append(out.Contents, types.Object{Key: enc.text(key), Size: aws.Int64(int64(len(o.body))),
			ETag: aws.String(o.etag()), LastModified: aws.Time(o.modified), StorageClass: types.ObjectStorageClassStandard})
	}
	if enc.failure != nil {
		return nil, enc.failure
	}
	return out, nil
}

// commonPrefix is what a listing with a delimiter shows in the place of a key, or empty.
func commonPrefix(key, prefix, delimiter string) string {
	rest, isBelow := strings.CutPrefix(key, prefix)
	before, _, isFound := strings.Cut(rest, delimiter)
	if delimiter == "" || !isBelow || !isFound {
		return ""
	}
	return prefix + before + delimiter
}

// listObjectVersions lists versions and delete markers by key, the newest first.
func (a *AWS) listObjectVersions(r request, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput, error) {
	r.values = listed(in.Prefix, in.Delimiter)
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if in.VersionIdMarker != nil && in.KeyMarker == nil {
		return nil, fail(400, "InvalidArgument", "A version-id marker cannot be specified without a key marker.")
	}
	enc := &encoder{url: in.EncodingType == types.EncodingTypeUrl}
	out := &s3.ListObjectVersionsOutput{
		Name: aws.String(b.name), Prefix: enc.optional(in.Prefix), Delimiter: enc.optional(in.Delimiter), KeyMarker: enc.optional(in.KeyMarker),
		VersionIdMarker: in.VersionIdMarker, MaxKeys: aws.Int32(int32(page(in.MaxKeys))),
		EncodingType: in.EncodingType, IsTruncated: aws.Bool(false),
	}
	p := versionPage{out: out, enc: enc, size: page(in.MaxKeys)}
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if strings.HasPrefix(key, aws.ToString(in.Prefix)) && p.add(b, key, in) {
			break
		}
	}
	return out, enc.failure
}

// versionPage is a page of a listing of versions that is being filled.
type versionPage struct {
	out          *s3.ListObjectVersionsOutput
	enc          *encoder
	size, count  int
	key, version string // the last
}

// add enters all of a key, or the common prefix that stands for it. It reports whether the page is full.
func (p *versionPage) add(b *bucket, key string, in *s3.ListObjectVersionsInput) bool {
	if common := commonPrefix(key, aws.ToString(in.Prefix), aws.ToString(in.Delimiter)); common != "" {
		isListed := common == p.key || common <= aws.ToString(in.KeyMarker)
		if !isListed && !p.isFull(common, "") {
			p.out.CommonPrefixes = append(p.out.CommonPrefixes, types.CommonPrefix{Prefix: p.enc.text(common)})
		}
		return aws.ToBool(p.out.IsTruncated)
	}
	versions := b.objects[key]
	for i, o := range slices.Backward(versions) {
		if !afterMarker(b, key, o, aws.ToString(in.KeyMarker), in.VersionIdMarker) {
			continue
		}
		if p.isFull(key, o.version) {
			return true
		}
		addVersion(p.out, p.enc.text(key), o, i == len(versions)-1)
	}
	return false
}

// isFull reports whether there is no room for another entry, and notes it where there is.
func (p *versionPage) isFull(key, version string) bool {
	if p.count == p.size {
		p.out.IsTruncated, p.out.NextKeyMarker, p.out.NextVersionIdMarker = aws.Bool(true), p.enc.text(p.key), aws.String(p.version)
		return true
	}
	p.count, p.key, p.version = p.count+1, key, version
	return false
}

// addVersion enters a version or a delete marker of a key into a listing.
func addVersion(out *s3.ListObjectVersionsOutput, key *string, o *object, latest bool) {
	if o.marker {
		out.DeleteMarkers = append(out.DeleteMarkers, types.DeleteMarkerEntry{Key: key,
			VersionId: aws.String(o.version), IsLatest: aws.Bool(latest), LastModified: aws.Time(o.modified)})
		return
	}
	out.Versions = append(out.Versions, types.ObjectVersion{Key: key, VersionId: aws.String(o.version),
		IsLatest: aws.Bool(latest), LastModified: aws.Time(o.modified), Size: aws.Int64(int64(len(o.body))), ETag: aws.String(o.etag())})
}

// afterMarker tells whether a version comes after the markers of the page before. The marker's version may have been
// deleted since; version ids carry their age for that, except null, after which the whole key is listed again.
func afterMarker(b *bucket, key string, o *object, keyMarker string, versionMarker *string) bool {
	if key != keyMarker || versionMarker == nil {
		return key > keyMarker
	}
	if m := b.find(key, *versionMarker); m != nil {
		return o.serial < m.serial
	}
	return o.version == nullVersion || *versionMarker == nullVersion || o.version < *versionMarker
}
