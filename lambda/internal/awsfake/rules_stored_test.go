package awsfake_test

import (
	"fmt"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// storedRules are about buckets with many or locked objects, and about requests without TLS.
func storedRules() []fakeRule {
	bucket := aws.String("my-bucket")
	deleteAll := func(t *testing.T, c clients, items ...types.ObjectIdentifier) *s3.DeleteObjectsOutput {
		t.Helper()
		return awsrules.Must[*s3.DeleteObjectsOutput](t)(c.s3.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{
			Bucket: bucket, Delete: &types.Delete{Objects: items, Quiet: aws.Bool(true)}}))
	}
	return []fakeRule{
		{"a listing of versions has 1,000 entries and two markers", "S3 API Reference, ListObjectVersions",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(*bucket, nil)
				fake.SetVersioning(*bucket, "Enabled")
				for i := range 1100 {
					fake.PutObject(*bucket, fmt.Sprintf("k%d", i%3), "")
				}
				fake.DeleteObject(*bucket, "k0")
				in, seen := &s3.ListObjectVersionsInput{Bucket: bucket}, map[string]bool{}
				for page := 1; ; page++ {
					out := awsrules.Must[*s3.ListObjectVersionsOutput](t)(c.s3.ListObjectVersions(t.Context(), in))
					items := identifiers(out)
					for _, item := range items {
						seen[*item.Key+*item.VersionId] = true
					}
					deleteAll(t, c, items...) // the markers of the page go as well
					if !*out.IsTruncated {
						awsrules.Equal(t, "pages", page, 2)
						break
					}
					awsrules.Equal(t, "first page", len(items), 1000)
					in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
				}
				awsrules.Equal(t, "seen", len(seen), 1101)
				awsrules.Equal(t, "left", len(fake.Snapshot().Buckets[*bucket].Objects), 0)
			}},
		{"a locked version stays", "localstack test_s3.snapshot.json (test_delete_locked_object)",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(*bucket, nil)
				fake.SetVersioning(*bucket, "Enabled")
				v := fake.PutObject(*bucket, "k", "")
				fake.LockObject(*bucket, "k", v, true)
				_, err := c.s3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("k"), VersionId: &v})
				awsrules.Want(t, err, 403, "AccessDenied", "Access Denied because object protected by object lock.")
				out := deleteAll(t, c, types.ObjectIdentifier{Key: aws.String("k"), VersionId: &v}, types.ObjectIdentifier{Key: aws.String("other")})
				awsrules.Equal(t, "in the errors", *out.Errors[0].Key+" "+*out.Errors[0].Code, "k AccessDenied")
				awsrules.Must[*s3.DeleteObjectOutput](t)(c.s3.DeleteObject(t.Context(),
					&s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("k")})) // a marker is always possible
			}},
		{"a request without TLS is denied by aws:SecureTransport", "re:Post, S3 bucket policy for HTTPS only",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				client := c.as(allowed(t, fake))
				err := fake.SetBucketPolicy(*bucket, `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+account+`:user/alice"},`+
					`"Action":"s3:*","Resource":"arn:aws:s3:::my-bucket"},{"Effect":"Deny","Principal":"*","Action":"s3:*",`+
					`"Resource":["arn:aws:s3:::my-bucket","arn:aws:s3:::my-bucket/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
				if err != nil {
					t.Fatal(err)
				}
				in := &s3.ListObjectsV2Input{Bucket: bucket}
				awsrules.Must[*s3.ListObjectsV2Output](t)(client.ListObjectsV2(t.Context(), in))
				_, err = client.ListObjectsV2(t.Context(), in, func(o *s3.Options) { o.EndpointOptions.DisableHTTPS = true })
				awsrules.Want(t, err, 403, "AccessDenied")
			}},
	}
}

// identifiers name the versions and delete markers of a page.
func identifiers(page *s3.ListObjectVersionsOutput) []types.ObjectIdentifier {
	var items []types.ObjectIdentifier
	for _, v := range page.Versions {
		items = append(items, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range page.DeleteMarkers {
		items = append(items, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	return items
}
