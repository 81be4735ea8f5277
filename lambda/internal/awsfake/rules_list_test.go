package awsfake_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func listRules() []rule {
	return []rule{
		{name: "a listing of versions has 1,000 entries and two markers", source: "S3 API Reference, ListObjectVersions", fake: true,
			run: func(t *testing.T, e *env) {
				bucket := e.bucket(t)
				e.fake.SetVersioning(bucket, "Enabled")
				for i := range 1100 {
					e.fake.PutObject(bucket, fmt.Sprintf("k%d", i%3), "")
				}
				e.fake.DeleteObject(bucket, "k0")
				in, seen := &s3.ListObjectVersionsInput{Bucket: &bucket}, map[string]bool{}
				for page := 1; ; page++ {
					out := must[*s3.ListObjectVersionsOutput](t)(e.s3.ListObjectVersions(t.Context(), in))
					var items []types.ObjectIdentifier
					for _, v := range out.Versions {
						items = append(items, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
					}
					for _, m := range out.DeleteMarkers {
						items = append(items, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
					}
					for _, item := range items {
						seen[*item.Key+*item.VersionId] = true
					}
					must[*s3.DeleteObjectsOutput](t)(e.deleteAll(t, bucket, true, items...)) // the markers of the page go as well
					if !*out.IsTruncated {
						equal(t, "pages", page, 2)
						break
					}
					equal(t, "first page", len(items), 1000)
					in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
				}
				equal(t, "seen", len(seen), 1101)
				equal(t, "left", len(e.fake.Snapshot().Buckets[bucket].Objects), 0)
			}},
		{name: "a version marker needs a key marker", source: "localstack test_s3_list_operations.snapshot.json",
			run: func(t *testing.T, e *env) {
				bucket := e.bucket(t)
				_, err := e.s3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket, VersionIdMarker: aws.String("v")})
				want(t, err, 400, "InvalidArgument", "A version-id marker cannot be specified without a key marker.")
			}},
		{name: "EncodingType=url encodes keys, and the SDK does not decode them", source: "S3 API Reference, ListObjectVersions, EncodingType; " +
			"localstack test_s3.snapshot.json (test_url_encoded_key)",
			run: func(t *testing.T, e *env) {
				bucket, key := e.bucket(t), "a b/ü+%@"
				e.put(t, bucket, key, "")
				out := must[*s3.ListObjectVersionsOutput](t)(e.s3.ListObjectVersions(t.Context(),
					&s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}))
				equal(t, "encoded", *out.Versions[0].Key != key, true)
				equal(t, "decoded", must[string](t)(url.QueryUnescape(*out.Versions[0].Key)), key)
			}},
		{name: "a key that XML cannot carry breaks a listing", source: "S3 API Reference, ListObjectsV2, EncodingType: XML 1.0 parsers", fake: true,
			run: func(t *testing.T, e *env) {
				bucket := e.bucket(t)
				e.fake.PutObject(bucket, "bad\x01key", "")
				if _, err := e.s3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket}); err == nil {
					t.Error("listed")
				}
				out := must[*s3.ListObjectVersionsOutput](t)(e.s3.ListObjectVersions(t.Context(),
					&s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}))
				equal(t, "encoded", *out.Versions[0].Key, "bad%01key")
			}},
		{name: "objects are listed by prefix, delimiter and page", source: "S3 API Reference, ListObjectsV2",
			run: func(t *testing.T, e *env) {
				bucket := e.bucket(t)
				for _, key := range []string{"a/1", "a/2", "a/b/3", "c"} {
					e.put(t, bucket, key, "")
				}
				list := func(prefix, delimiter string) (got string) {
					in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, MaxKeys: aws.Int32(1)}
					if delimiter != "" {
						in.Delimiter = &delimiter
					}
					pages := s3.NewListObjectsV2Paginator(e.s3, in)
					for pages.HasMorePages() {
						out := must[*s3.ListObjectsV2Output](t)(pages.NextPage(t.Context()))
						for _, o := range out.Contents {
							got += *o.Key + " "
						}
						for _, p := range out.CommonPrefixes {
							got += *p.Prefix + " "
						}
					}
					return got
				}
				equal(t, "all", list("", ""), "a/1 a/2 a/b/3 c ")
				equal(t, "folders", list("", "/"), "a/ c ")
				equal(t, "folder", list("a/", "/"), "a/1 a/2 a/b/ ")
			}},
		{name: "uploads are listed in pages, and aborted once", source: "S3 API Reference, ListMultipartUploads; localstack test_multipart_no_such_upload",
			run: func(t *testing.T, e *env) {
				bucket := e.bucket(t)
				for _, key := range []string{"a", "a", "b"} {
					must[*s3.CreateMultipartUploadOutput](t)(e.s3.CreateMultipartUpload(t.Context(),
						&s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}))
				}
				in, count := &s3.ListMultipartUploadsInput{Bucket: &bucket, MaxUploads: aws.Int32(1)}, 0
				for {
					out := must[*s3.ListMultipartUploadsOutput](t)(e.s3.ListMultipartUploads(t.Context(), in))
					for _, u := range out.Uploads {
						count++
						abort := &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId}
						must[*s3.AbortMultipartUploadOutput](t)(e.s3.AbortMultipartUpload(t.Context(), abort))
						if e.fake != nil {
							_, err := e.s3.AbortMultipartUpload(t.Context(), abort)
							want(t, err, 404, "NoSuchUpload")
						}
					}
					if !*out.IsTruncated {
						break
					}
					in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
				}
				equal(t, "uploads", count, 3)
			}},
	}
}
