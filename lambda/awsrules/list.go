package awsrules

import (
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func listRules() []Rule {
	return []Rule{
		{Name: "a version marker needs a key marker", Source: "localstack test_s3_list_operations.snapshot.json",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				_, err := e.s3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket, VersionIdMarker: aws.String("v")})
				Want(t, err, 400, "InvalidArgument", "A version-id marker cannot be specified without a key marker.")
			}},
		{Name: "EncodingType=url encodes keys, and the SDK does not decode them", Source: "S3 API Reference, ListObjectVersions, EncodingType; " +
			"localstack test_s3.snapshot.json (test_url_encoded_key)",
			play: func(t T, e *env) {
				bucket, key := e.bucket(t), "a b/ü+%@"
				e.put(t, bucket, key, "")
				out := Must[*s3.ListObjectVersionsOutput](t)(e.s3.ListObjectVersions(t.Context(),
					&s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}))
				Equal(t, "encoded", *out.Versions[0].Key != key, true)
				Equal(t, "decoded", Must[string](t)(url.QueryUnescape(*out.Versions[0].Key)), key)
			}},
		{Name: "objects are listed by prefix, delimiter and page", Source: "S3 API Reference, ListObjectsV2",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				for _, key := range []string{"a/1", "a/2", "a/b/3", "c"} {
					e.put(t, bucket, key, "")
				}
				Equal(t, "all", e.listing(t, bucket, "", nil), "a/1 a/2 a/b/3 c ")
				Equal(t, "folders", e.listing(t, bucket, "", aws.String("/")), "a/ c ")
				Equal(t, "folder", e.listing(t, bucket, "a/", aws.String("/")), "a/1 a/2 a/b/ ")
			}},
		{Name: "an upload is aborted once", Source: "S3 API Reference, AbortMultipartUpload, Errors; localstack test_multipart_no_such_upload",
			play: func(t T, e *env) {
				bucket, key := e.bucket(t), "k"
				upload := Must[*s3.CreateMultipartUploadOutput](t)(e.s3.CreateMultipartUpload(t.Context(),
					&s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}))
				abort := &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: upload.UploadId}
				Must[*s3.AbortMultipartUploadOutput](t)(e.s3.AbortMultipartUpload(t.Context(), abort))
				_, err := e.s3.AbortMultipartUpload(t.Context(), abort)
				Want(t, err, 404, "NoSuchUpload")
			}},
		{Name: "a key that XML cannot carry breaks a listing", Source: "S3 API Reference, ListObjectsV2, EncodingType: XML 1.0 parsers",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				e.put(t, bucket, unprintable, "")
				if _, err := e.s3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket}); err == nil {
					t.Errorf("listed")
				}
				out := Must[*s3.ListObjectVersionsOutput](t)(e.s3.ListObjectVersions(t.Context(),
					&s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}))
				Equal(t, "encoded", *out.Versions[0].Key, "bad%01key")
			}},
		{Name: "a delimiter rolls versions up, too", Source: "S3 API Reference, ListObjectVersions, delimiter",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				for _, key := range []string{"a/b/c/x", "a/b/c/y", "a/b/z", "a/c/x", "b/c/x"} {
					e.put(t, bucket, key, "")
				}
				out := Must[*s3.ListObjectVersionsOutput](t)(e.s3.ListObjectVersions(t.Context(),
					&s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: aws.String("a/"), Delimiter: aws.String("b/c/")}))
				var got string
				for _, v := range out.Versions {
					got += *v.Key + " "
				}
				for _, p := range out.CommonPrefixes {
					got += *p.Prefix + " "
				}
				Equal(t, "versions and prefixes", got, "a/b/z a/c/x a/b/c/ ")
			}},
		{Name: "uploads are listed in pages and aborted", Source: "S3 API Reference, ListMultipartUploads",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				for _, key := range []string{"a", "a", "b"} {
					Must[*s3.CreateMultipartUploadOutput](t)(e.s3.CreateMultipartUpload(t.Context(),
						&s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}))
				}
				Equal(t, "uploads", e.abortAll(t, bucket), 3)
			}},
	}
}

// listing is all keys and common prefixes, one on a page.
func (e *env) listing(t T, bucket, prefix string, delimiter *string) (got string) {
	t.Helper()
	pages := s3.NewListObjectsV2Paginator(e.s3,
		&s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, Delimiter: delimiter, MaxKeys: aws.Int32(1)})
	for pages.HasMorePages() {
		out := Must[*s3.ListObjectsV2Output](t)(pages.NextPage(t.Context()))
		for _, o := range out.Contents {
			got += *o.Key + " "
		}
		for _, p := range out.CommonPrefixes {
			got += *p.Prefix + " "
		}
	}
	return got
}

// abortAll aborts all uploads, one on a page, and counts them.
func (e *env) abortAll(t T, bucket string) (count int) {
	t.Helper()
	for in := (&s3.ListMultipartUploadsInput{Bucket: &bucket, MaxUploads: aws.Int32(1)}); ; {
		out := Must[*s3.ListMultipartUploadsOutput](t)(e.s3.ListMultipartUploads(t.Context(), in))
		for _, u := range out.Uploads {
			count++
			Must[*s3.AbortMultipartUploadOutput](t)(e.s3.AbortMultipartUpload(t.Context(),
				&s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId}))
		}
		if !*out.IsTruncated {
			return count
		}
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
}
