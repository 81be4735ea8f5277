//go:build e2e

package examples

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
)

// read returns a file of an example.
func read(t *testing.T, path ...string) string {
	t.Helper()
	return string(cloudtest.Must(os.ReadFile(filepath.Join(path...)))(t))
}

// edit returns text with one passage of it replaced.
func edit(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is %d times in\n%s", old, strings.Count(text, old), text)
	}
	return strings.Replace(text, old, replacement, 1)
}

// user returns the user whose credentials a resource handed out.
func user(t *testing.T, secretArn string) *cloudtest.User {
	t.Helper()
	return cloudtest.Must(cloud.User(t.Context(), secretArn))(t)
}

// use writes, reads and deletes an object below the prefix with the credentials that
// a secret holds, and fails to write one beside it.
func use(t *testing.T, arn, prefix string) {
	t.Helper()
	useAs(t, user(t, arn), prefix)
}

// useAs does so with the credentials of a user.
func useAs(t *testing.T, u *cloudtest.User, prefix string) {
	t.Helper()
	if u.Fields["S3_PREFIX"] != prefix {
		t.Errorf("prefix %s, want %s", u.Fields["S3_PREFIX"], prefix)
	}
	bucket, key := u.Bucket(), prefix+"table"
	if err := u.Put(t.Context(), bucket, key); err != nil {
		t.Fatal(err)
	}
	out := cloudtest.Must(u.S3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key}))(t)
	defer out.Body.Close()
	if got := cloudtest.Must(io.ReadAll(out.Body))(t); string(got) != cloudtest.Content {
		t.Errorf("read %q", got)
	}
	if _, err := u.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
	cloudtest.WantCode(t, u.Put(t.Context(), bucket, "elsewhere/table"), "AccessDenied")
}

// lint has cfn-lint read a template of an example.
func lint(t *testing.T, path ...string) {
	t.Helper()
	cloudtest.Run(t, ".", nil, cloud.Tools.CfnLint, "--", filepath.Join(path...))
}

// deploy creates or updates a stack and returns its outputs.
func deploy(t *testing.T, name, template string) map[string]string {
	t.Helper()
	return cloudtest.Must(cloud.Deploy(t.Context(), name, template, nil))(t)
}

// destroy deletes a stack, which must leave nothing behind that has its name. The
// generated names of users, buckets and secrets have not: whether one of them is left
// is asked after all tests.
func destroy(t *testing.T, name string) {
	t.Helper()
	if err := cloud.DeleteStack(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	cloud.WantNothing(t, name)
}
