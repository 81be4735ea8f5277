package awsrules

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func accessRules() []Rule {
	return []Rule{
		{Name: "a policy that names the user suffices", Source: "IAM User Guide, Policy evaluation logic, same account",
			play: func(t T, e *env) {
				bucket, user := e.openBucket(t)
				_, client := e.key(t, user, e.patient)
				Must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k")}))
				another := e.bucket(t)
				_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &another, Key: aws.String("k")}, once)
				Want(t, err, 403, "AccessDenied")
				_, err = client.ListBuckets(t.Context(), &s3.ListBucketsInput{}, once)
				Want(t, err, 403, "AccessDenied")
			}},
		{Name: "a user created again is not let in by the old policy", Source: "IAM User Guide, JSON policy elements: Principal",
			play: func(t T, e *env) {
				bucket, user := e.openBucket(t)
				e.removeUser(t.Context(), user)
				Must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &user, Path: aws.String(userPath)}))
				_, client := e.key(t, user)
				list := func() error {
					_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket}, once)
					return err
				}
				e.untilRefused(t, "AccessDenied", list) // and not as a key that is unknown yet
				e.eventually(t, func() error { return e.putPolicy(t, bucket, user, document(allowAll)) })
				e.eventually(t, list)
			}},
		{Name: "Allow is limited by action, prefix and condition", Source: "S3 User Guide, Bucket policy examples using condition keys",
			play: func(t T, e *env) {
				bucket, user := e.openBucket(t)
				_, client := e.key(t, user, e.patient)
				limited := document(`{"Effect":"Allow","Principal":{"AWS":"USER"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"BUCKET/data/*"}`,
					`{"Effect":"Allow","Principal":{"AWS":"USER"},"Action":"s3:ListBucket","Resource":"BUCKET",`+
						`"Condition":{"StringLike":{"s3:prefix":["data/*"]}}}`)
				Equal(t, "policy", e.putPolicy(t, bucket, user, limited), nil)
				put := func(key string) error {
					_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}, once)
					return err
				}
				list := func(prefix *string) error {
					_, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: prefix}, once)
					return err
				}
				e.eventually(t, func() error { return put("data/k") })
				Want(t, put("k"), 403, "AccessDenied")
				Equal(t, "list", list(aws.String("data/x")), nil)
				Want(t, list(aws.String("dat")), 403, "AccessDenied")
				Want(t, list(nil), 403, "AccessDenied")
				_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("data/k")}, once)
				Want(t, err, 403, "AccessDenied")
				out := Must[*s3.DeleteObjectsOutput](t)(client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket,
					Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("data/k")}}}}, once))
				Equal(t, "DeleteObjects refuses by key", len(out.Errors), 1)
			}},
		{Name: "a missing key is 403 for those who may not list", Source: "S3 API Reference, GetObject and HeadObject, Permissions",
			play: func(t T, e *env) {
				bucket, user := e.openBucket(t)
				_, client := e.key(t, user, e.patient)
				e.put(t, bucket, "there", "")
				Must[*s3.HeadObjectOutput](t)(client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("there")}))
				get := func(key string) error {
					_, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key}, once)
					return err
				}
				Want(t, get("missing"), 404, "NoSuchKey")
				Equal(t, "policy", e.putPolicy(t, bucket, user,
					document(`{"Effect":"Allow","Principal":{"AWS":"USER"},"Action":"s3:GetObject","Resource":"BUCKET/*"}`)), nil)
				e.untilRefused(t, "AccessDenied", func() error { return get("missing") })
				Equal(t, "there", get("there"), nil)
				_, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("missing")}, once)
				Want(t, err, 403, "Forbidden") // HEAD has no body: the code is made of the status
			}},
		{Name: "a Deny wins, for roles too", Source: "IAM User Guide, Policy evaluation logic, explicit deny",
			play: func(t T, e *env) {
				bucket, user := e.openBucket(t)
				_, client := e.key(t, user, e.patient)
				Must[*s3.PutObjectOutput](t)(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k")}))
				deny := `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"BUCKET/*"}`
				Equal(t, "policy", e.putPolicy(t, bucket, user, document(allowAll, deny)), nil)
				for _, c := range []*s3.Client{client, e.s3} {
					e.untilRefused(t, "AccessDenied", func() error {
						_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k")}, once)
						return err
					})
				}
			}},
		{Name: "an unknown key is refused by each service in its way", Source: "S3 API Reference, Error responses; " +
			"IAM and Secrets Manager API References, Common errors",
			play: func(t T, e *env) {
				bucket, account := e.bucket(t), e.Account
				account.Config.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", "")
				stranger := newEnv(account)
				_, err := stranger.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
				Want(t, err, 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
				_, err = stranger.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("u")})
				Want(t, err, 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
				_, err = stranger.get(t, "s")
				Want(t, err, 400, "UnrecognizedClientException", "The security token included in the request is invalid.")
			}},
		{Name: "an unsigned request is AccessDenied", Source: "S3 API Reference, Error responses",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				anonymous := e.s3Client(func(o *s3.Options) { o.Credentials = aws.AnonymousCredentials{} })
				_, err := anonymous.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
				Want(t, err, 403, "AccessDenied")
			}},
		{Name: "a user has no rights in IAM", Source: "IAM User Guide, implicit denial",
			play: func(t T, e *env) {
				_, user := e.openBucket(t)
				_, client := e.key(t, user)
				asUser := func(o *iam.Options) { o.Credentials = client.Options().Credentials }
				e.untilRefused(t, "AccessDenied", func() error {
					_, err := e.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &user}, asUser)
					return err
				})
			}},
	}
}
