package awsfake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func accessRules() []rule {
	return []rule{
		{name: "a policy that names the user suffices", source: "IAM User Guide, Policy evaluation logic, same account",
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				_, client := e.key(t, user, patient)
				must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k")}))
				another := e.bucket(t)
				_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &another, Key: aws.String("k")}, once)
				want(t, err, 403, "AccessDenied")
				_, err = client.ListBuckets(t.Context(), &s3.ListBucketsInput{}, once)
				want(t, err, 403, "AccessDenied")
			}},
		{name: "a user created again is not let in by the old policy", source: "IAM User Guide, JSON policy elements: Principal",
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				e.removeUser(t.Context(), user)
				must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user, Path: aws.String("/awsfake/")}))
				_, client := e.key(t, user)
				eventually(t, func() error {
					_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
					if err == nil || strings.Contains(err.Error(), "InvalidAccessKeyId") {
						return fmt.Errorf("not refused as somebody else: %v", err)
					}
					want(t, err, 403, "AccessDenied")
					return nil
				})
			}},
		{name: "Allow is limited by action, prefix and condition", source: "S3 User Guide, Bucket policy examples using condition keys",
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				_, client := e.key(t, user, patient)
				limited := document(`{"Effect":"Allow","Principal":{"AWS":"USER"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"BUCKET/data/*"}`,
					`{"Effect":"Allow","Principal":{"AWS":"USER"},"Action":"s3:ListBucket","Resource":"BUCKET",`+
						`"Condition":{"StringLike":{"s3:prefix":["data/*"]}}}`)
				equal(t, "policy", e.putPolicy(t, bucket, user, limited), nil)
				put := func(key string) error {
					_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}, once)
					return err
				}
				list := func(prefix *string) error {
					_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: prefix}, once)
					return err
				}
				eventually(t, func() error { return put("data/k") })
				want(t, put("k"), 403, "AccessDenied")
				equal(t, "list", list(aws.String("data/x")), nil)
				want(t, list(aws.String("dat")), 403, "AccessDenied")
				want(t, list(nil), 403, "AccessDenied")
				_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("data/k")}, once)
				want(t, err, 403, "AccessDenied")
				out := must[*s3.DeleteObjectsOutput](t)(client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket,
					Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("data/k")}}}}, once))
				equal(t, "DeleteObjects refuses by key", len(out.Errors), 1)
			}},
		{name: "a missing key is 403 for those who may not list", source: "S3 API Reference, GetObject and HeadObject, Permissions",
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				_, client := e.key(t, user, patient)
				e.put(t, bucket, "there", "")
				must[*s3.HeadObjectOutput](t)(client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("there")}))
				get := func(key string) error {
					_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key}, once)
					return err
				}
				want(t, get("missing"), 404, "NoSuchKey")
				equal(t, "policy", e.putPolicy(t, bucket, user,
					document(`{"Effect":"Allow","Principal":{"AWS":"USER"},"Action":"s3:GetObject","Resource":"BUCKET/*"}`)), nil)
				eventually(t, func() error {
					if err := get("missing"); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
						return fmt.Errorf("got %v, want AccessDenied", err)
					}
					return nil
				})
				equal(t, "there", get("there"), nil)
			}},
		{name: "a Deny wins, for roles too", source: "IAM User Guide, Policy evaluation logic, explicit deny", fake: true,
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				deny := `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"BUCKET/*"}`
				equal(t, "policy", e.putPolicy(t, bucket, user, document(allowAll, deny)), nil)
				_, client := e.key(t, user)
				for _, c := range []*s3.Client{client, e.s3} {
					_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k")})
					want(t, err, 403, "AccessDenied")
				}
			}},
		{name: "a request without TLS is denied by aws:SecureTransport", source: "re:Post, S3 bucket policy for HTTPS only", fake: true,
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				deny := `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["BUCKET","BUCKET/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
				equal(t, "policy", e.putPolicy(t, bucket, user, document(allowAll, deny)), nil)
				_, client := e.key(t, user)
				in := &s3.ListObjectsV2Input{Bucket: &bucket}
				must[*s3.ListObjectsV2Output](t)(client.ListObjectsV2(t.Context(), in))
				_, err := client.ListObjectsV2(t.Context(), in, func(o *s3.Options) { o.EndpointOptions.DisableHTTPS = true })
				want(t, err, 403, "AccessDenied")
			}},
		{name: "a boundary takes away, and does not limit what the policy gives by name", fake: true,
			source: "IAM User Guide, Permissions boundaries, Evaluating effective permissions with boundaries",
			run: func(t *testing.T, e *env) {
				boundary := "arn:aws:iam::" + account + ":policy/boundary"
				deny := `{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"secret/"}}}}`
				if err := e.fake.AddManagedPolicy(boundary, deny); err != nil {
					t.Fatal(err)
				}
				bucket, user := e.bucket(t), e.name()
				must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user,
					Path: aws.String("/awsfake/"), PermissionsBoundary: &boundary}))
				equal(t, "policy", e.putPolicy(t, bucket, user, document(allowAll)), nil)
				_, client := e.key(t, user)
				must[*s3.ListObjectsV2Output](t)(client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}))
				_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String("secret/")})
				want(t, err, 403, "AccessDenied")
			}},
		{name: "an unknown key is refused by each service in its way", source: "S3 API Reference, Error responses; " +
			"IAM and Secrets Manager API References, Common errors",
			run: func(t *testing.T, e *env) {
				bucket, cfg := e.bucket(t), e.cfg.Copy()
				cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")
				stranger := newEnv(cfg, e.account, func(o *s3.Options) { o.UsePathStyle = e.s3.Options().UsePathStyle })
				_, err := stranger.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
				want(t, err, 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
				_, err = stranger.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("u")})
				want(t, err, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
				_, err = stranger.get(t, "s")
				want(t, err, 400, "UnrecognizedClientException", "The security token included in the request is invalid.")
			}},
		{name: "an unsigned request is AccessDenied", source: "S3 API Reference, Error responses", fake: true,
			run: func(t *testing.T, e *env) {
				bucket := e.bucket(t)
				cfg := e.cfg.Copy()
				cfg.Credentials = aws.AnonymousCredentials{}
				_, err := s3.NewFromConfig(cfg).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
				want(t, err, 403, "AccessDenied")
			}},
		{name: "a user has no rights in IAM", source: "IAM User Guide, implicit denial",
			run: func(t *testing.T, e *env) {
				_, user := e.openBucket(t)
				_, client := e.key(t, user)
				asUser := func(o *iam.Options) { o.Credentials = client.Options().Credentials }
				eventually(t, func() error {
					_, err := e.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &user}, asUser)
					if err == nil || strings.Contains(err.Error(), "InvalidClientTokenId") {
						return fmt.Errorf("got %v, want AccessDenied", err)
					}
					want(t, err, 403, "AccessDenied")
					return nil
				})
			}},
	}
}
