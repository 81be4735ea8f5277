//go:build e2e

package privilege

import (
	"context"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// A tenant is a bucket with the policy of a spec, and its user.
type tenant struct {
	name    string
	spec    spec.Spec
	key     aws.Credentials
	client  *s3.Client         // with that key
	plain   *s3.Client         // without TLS
	session *cloudtest.Clients // made from that key
	policy  string             // of the bucket, as S3 has it
}

// newTenant makes what the function would, from the policy of the spec and the
// boundary of the template.
func (s *subject) newTenant(ctx context.Context, name string, props properties) (*tenant, error) {
	props["BucketName"], props["UserName"] = spec.GeneratedBucketPrefix+name, "matrix-"+name // within the provider stack's pattern
	parsed, err := spec.Parse(props, root.stackID, "Matrix", s.provider())
	if err != nil {
		return nil, err
	}
	n := &tenant{name: name, spec: parsed}
	if err := root.CreateBucket(ctx, parsed.BucketName); err != nil {
		return nil, err
	}
	if parsed.IsVersioned() {
		if _, err := root.S3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &parsed.BucketName,
			VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}}); err != nil {
			return nil, err
		}
	}
	if err := n.newUser(ctx); err != nil {
		return nil, err
	}
	if _, err := root.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &parsed.BucketName, Policy: aws.String(string(parsed.PolicyJSON()))}); err != nil {
		return nil, err
	}
	return n, n.read(ctx)
}

// newUser makes the user with a key.
func (n *tenant) newUser(ctx context.Context) error {
	key, err := root.CreateUser(ctx, &iam.CreateUserInput{
		UserName: &n.spec.UserName, Path: &n.spec.IAMPath, PermissionsBoundary: &n.spec.BoundaryARN})
	if err != nil {
		return err
	}
	user, err := root.As(key, nil)
	if err != nil {
		return err
	}
	plain, err := root.As(key, http.Header{"X-Forwarded-Proto": {"http"}})
	if err != nil {
		return err
	}
	n.key, n.client, n.plain = key, user.S3, plain.S3
	n.session, err = root.SessionOf(ctx, user)
	return err
}

// inSession are the condition keys of a request that a session makes.
var inSession = map[string]any{"aws:TokenIssueTime": "2026-01-01T00:00:00Z"}

// read takes the policy that the simulator is given from S3.
func (n *tenant) read(ctx context.Context) error {
	out, err := root.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &n.spec.BucketName})
	if err == nil {
		n.policy = *out.Policy
	}
	return err
}

// seed puts an object and begins an upload for a use.
func (n *tenant) seed(ctx context.Context, key string) (*seed, error) {
	bucket := &n.spec.BucketName
	s := &seed{bucket: *bucket, key: key, versioned: n.spec.IsVersioned(), policy: n.policy}
	put, err := root.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader("theirs")})
	if err != nil {
		return nil, err
	}
	if s.version = aws.ToString(put.VersionId); s.version == "" {
		s.version = "null"
	}
	upload, err := root.S3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: &key})
	if err == nil {
		s.upload = *upload.UploadId
	}
	return s, err
}
