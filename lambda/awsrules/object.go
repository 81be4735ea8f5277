package awsrules

import (
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (e *env) delete(t T, bucket, key, version string) (*s3.DeleteObjectOutput, error) {
	in := &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	return e.s3.DeleteObject(t.Context(), in)
}

func (e *env) deleteAll(t T, bucket string, quiet bool, objects ...types.ObjectIdentifier) (*s3.DeleteObjectsOutput, error) {
	return e.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: objects, Quiet: &quiet}})
}

// versions lists what a bucket holds, as "key version latest" with "marker" for delete markers.
func (e *env) versions(t T, bucket string) []string {
	t.Helper()
	out := Must[*s3.ListObjectVersionsOutput](t)(e.s3.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket}))
	var all []string
	for _, v := range out.Versions {
		all = append(all, fmt.Sprintf("%s %s %v", *v.Key, *v.VersionId, *v.IsLatest))
	}
	for _, m := range out.DeleteMarkers {
		all = append(all, fmt.Sprintf("%s %s %v marker", *m.Key, *m.VersionId, *m.IsLatest))
	}
	return all
}

func objectRules() []Rule {
	const recorded = "localstack test_s3_api.snapshot.json "
	return []Rule{
		{Name: "what is written is read", Source: "S3 API Reference, PutObject and GetObject",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				e.put(t, bucket, "k", "body")
				out := Must[*s3.GetObjectOutput](t)(e.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k")}))
				body := Must[[]byte](t)(io.ReadAll(out.Body))
				Equal(t, "body", string(body), "body")
				head := Must[*s3.HeadObjectOutput](t)(e.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("k")}))
				Equal(t, "length", *head.ContentLength, 4)
				_, err := e.s3.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("missing")})
				Want(t, err, 404, "NotFound")
			}},
		{Name: "If-None-Match writes once", Source: "S3 API Reference, PutObject, IfNoneMatch; localstack test_s3_preconditions",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				in := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), IfNoneMatch: aws.String("*")}
				Must[*s3.PutObjectOutput](t)(e.s3.PutObject(t.Context(), in))
				_, err := e.s3.PutObject(t.Context(), in)
				Want(t, err, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
			}},
		{Name: "deleting what is not there succeeds", Source: recorded + "(test_delete_object, test_delete_objects)",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				Must[*s3.DeleteObjectOutput](t)(e.delete(t, bucket, "missing", ""))
				out := Must[*s3.DeleteObjectsOutput](t)(e.deleteAll(t, bucket, false, types.ObjectIdentifier{Key: aws.String("missing")}))
				Equal(t, "deleted", len(out.Deleted), 1)
				out = Must[*s3.DeleteObjectsOutput](t)(e.deleteAll(t, bucket, true, types.ObjectIdentifier{Key: aws.String("missing")}))
				Equal(t, "quiet", len(out.Deleted), 0)
			}},
		{Name: "a versioned delete adds a marker", Source: recorded + "(test_delete_object_versioned)",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				e.versioning(t, bucket, types.BucketVersioningStatusEnabled)
				v1, v2 := e.put(t, bucket, "k", "1"), e.put(t, bucket, "k", "2")
				marker := Must[*s3.DeleteObjectOutput](t)(e.delete(t, bucket, "k", ""))
				Equal(t, "marker", *marker.DeleteMarker, true)
				got := strings.Join(e.versions(t, bucket), "; ")
				Equal(t, "versions", got, "k "+v2+" false; k "+v1+" false; k "+*marker.VersionId+" true marker")
				_, err := e.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k")})
				Want(t, err, 404, "NoSuchKey", "The specified key does not exist.")
				_, err = e.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k"), VersionId: marker.VersionId})
				Want(t, err, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
				gone := Must[*s3.DeleteObjectOutput](t)(e.delete(t, bucket, "k", *marker.VersionId))
				Equal(t, "a marker says so when it goes", aws.ToBool(gone.DeleteMarker), true)
				for range 2 { // again is success as well
					Must[*s3.DeleteObjectOutput](t)(e.delete(t, bucket, "k", v1))
				}
				_, err = e.s3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k"), VersionId: &v1})
				Want(t, err, 404, "NoSuchVersion", "The specified version does not exist.")
				Equal(t, "left", strings.Join(e.versions(t, bucket), "; "), "k "+v2+" true")
			}},
		{Name: "while versioning is suspended the null version is replaced", Source: recorded +
			"(test_put_object_on_suspended_bucket, test_delete_object_on_suspended_bucket)",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				e.put(t, bucket, "k", "before")
				e.versioning(t, bucket, types.BucketVersioningStatusEnabled)
				v := e.put(t, bucket, "k", "enabled")
				e.versioning(t, bucket, types.BucketVersioningStatusSuspended)
				Equal(t, "no version id", e.put(t, bucket, "k", "suspended"), "")
				Equal(t, "put", strings.Join(e.versions(t, bucket), "; "), "k null true; k "+v+" false")
				Must[*s3.DeleteObjectOutput](t)(e.delete(t, bucket, "k", ""))
				Equal(t, "deleted", strings.Join(e.versions(t, bucket), "; "), "k "+v+" false; k null true marker")
				Must[*s3.DeleteObjectOutput](t)(e.delete(t, bucket, "k", "null"))
				Equal(t, "marker deleted", strings.Join(e.versions(t, bucket), "; "), "k "+v+" true")
			}},
		{Name: "what is no version id is refused", Source: recorded + "(test_delete_object, test_delete_objects)",
			play: func(t T, e *env) {
				bucket, bad := e.bucket(t), "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
				_, err := e.delete(t, bucket, "k", bad)
				Want(t, err, 400, "InvalidArgument", "Invalid version id specified")
				out := Must[*s3.DeleteObjectsOutput](t)(e.deleteAll(t, bucket, false, types.ObjectIdentifier{Key: aws.String("k"), VersionId: &bad}))
				Equal(t, "in the errors", *out.Errors[0].Code, "NoSuchVersion")
			}},
		{Name: "DeleteObjects takes 1,000 keys", Source: "S3 API Reference, DeleteObjects",
			play: func(t T, e *env) {
				_, err := e.deleteAll(t, e.bucket(t), true, make1001()...)
				Want(t, err, 400, "MalformedXML")
			}},
		{Name: "DeleteObjects cannot carry every key", Source: "S3 User Guide, Naming objects, XML related object key constraints",
			play: func(t T, e *env) {
				bucket, key := e.bucket(t), unprintable
				e.put(t, bucket, key, "")
				_, err := e.deleteAll(t, bucket, true, types.ObjectIdentifier{Key: &key})
				Want(t, err, 400, "MalformedXML")
				Must[*s3.DeleteObjectOutput](t)(e.delete(t, bucket, key, ""))
				Equal(t, "left", len(e.versions(t, bucket)), 0)
			}},
	}
}

// unprintable is a key that XML 1.0 cannot carry.
const unprintable = "bad\x01key"

func make1001() []types.ObjectIdentifier {
	objects := make([]types.ObjectIdentifier, 1001)
	for i := range objects {
		objects[i].Key = aws.String(fmt.Sprint(i))
	}
	return objects
}
