package awsfake_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// document is a policy of these statements. In them, BUCKET and USER stand for ARNs and ROOT for the account.
func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const allowAll = `{"Sid":"all","Effect":"Allow","Principal":{"AWS":"USER"},"Action":"s3:*","Resource":["BUCKET","BUCKET/*"]}`

func (e *env) putPolicy(t *testing.T, bucket, user, document string) error {
	document = strings.NewReplacer("BUCKET", "arn:aws:s3:::"+bucket, "USER", e.userARN(user), "ROOT", e.account).Replace(document)
	_, err := e.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &document})
	return err
}

// openBucket is a bucket and a user who may do everything in it.
func (e *env) openBucket(t *testing.T) (bucket, user string) {
	t.Helper()
	bucket, user = e.bucket(t), e.user(t)
	eventually(t, func() error { return e.putPolicy(t, bucket, user, document(allowAll)) })
	return bucket, user
}

func policyRules() []rule {
	refused := func(name, source, message, policy string) rule {
		return rule{name: name, source: source, run: func(t *testing.T, e *env) {
			want(t, e.putPolicy(t, e.bucket(t), "nobody", policy), 400, "MalformedPolicy", message)
		}}
	}
	statement := func(action, resource, more string) string {
		return document(fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"ROOT"},"Action":%q,"Resource":%q%s}`, action, resource, more))
	}
	return []rule{
		refused("a policy is a JSON object", "localstack test_s3_api.snapshot.json (test_bucket_policy_exc)",
			"Policies must be valid JSON and the first byte must be '{'", "policy"),
		refused("a policy has statements", "localstack test_s3_api.snapshot.json (test_bucket_policy_exc)",
			"Missing required field Statement", "{}"),
		refused("a policy has one statement at least", "versitygw #646",
			"Could not parse the policy: Statement is empty!", document()),
		refused("an effect is Allow or Deny", "versitygw #647", "Invalid effect: Maybe",
			document(`{"Effect":"Maybe","Principal":"*","Action":"s3:*","Resource":"BUCKET"}`)),
		refused("resources lie in the bucket", "versitygw #648; S3 User Guide, Bucket policies",
			"Policy has invalid resource", statement("s3:GetObject", "arn:aws:s3:::another/*", "")),
		refused("not every resource", "noobaa-core #10058", "Policy has invalid resource", statement("s3:GetObject", "*", "")),
		refused("actions are actions of S3", "versitygw #650", "Policy has invalid action", statement("iam:GetUser", "BUCKET", "")),
		refused("an action on objects needs objects", "versitygw #645; modernisation-platform #10762",
			"Action does not apply to any resource(s) in statement", statement("s3:GetObject", "BUCKET", "")),
		refused("an action on the bucket needs the bucket", "S3-Uploads #239",
			"Action does not apply to any resource(s) in statement", statement("s3:ListBucket", "BUCKET/*", "")),
		refused("a condition on listing goes with listing alone", "S3-Uploads #239; Service Authorization Reference, Amazon S3",
			"Conditions do not apply to combination of actions and resources in statement",
			statement("s3:ListBucketMultipartUploads", "BUCKET", `,"Condition":{"StringLike":{"s3:prefix":"data/*"}}`)),
		refused("a principal exists", "S3 re:Post, Invalid principal in policy; versitygw #649",
			"Invalid principal in policy", document(allowAll)),
		{name: "a new user is not a principal yet", source: "terraform-provider-aws internal/service/s3/bucket_policy.go; " +
			"IAM User Guide, changes are not always immediately visible", fake: true,
			run: func(t *testing.T, e *env) {
				e.fake.UserPropagation = 10 * time.Second
				start := time.Now()
				e.openBucket(t)
				equal(t, "waited", time.Since(start), 10*time.Second)
			}},
		{name: "a policy has 20 KB at most", source: "S3 User Guide, Bucket policies (the limit; the code is not published)",
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				long := strings.Replace(allowAll, "BUCKET/*", "BUCKET/"+strings.Repeat("x", 20*1024), 1)
				want(t, e.putPolicy(t, bucket, user, document(long)), 400, "MalformedPolicy")
			}},
		{name: "a bucket without a policy is NoSuchBucketPolicy", source: "localstack test_s3_api.snapshot.json (test_bucket_policy_crud)",
			run: func(t *testing.T, e *env) {
				bucket, _ := e.openBucket(t)
				for range 2 { // also when there is none
					must[*s3.DeleteBucketPolicyOutput](t)(e.s3.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &bucket}))
				}
				_, err := e.s3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
				want(t, err, 404, "NoSuchBucketPolicy", "The bucket policy does not exist")
			}},
		{name: "a public policy is blocked", source: "S3 User Guide, Blocking public access, BlockPublicPolicy; buckup #18",
			run: func(t *testing.T, e *env) {
				bucket := e.bucket(t)
				public := document(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"BUCKET/*"}`)
				want(t, e.putPolicy(t, bucket, "", public), 403, "AccessDenied")
				deny := document(`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["BUCKET","BUCKET/*"],` +
					`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)
				equal(t, "a Deny is not public", e.putPolicy(t, bucket, "", deny), nil)
			}},
		{name: "the policy shows a deleted user by its id, and takes it no more",
			source: "IAM User Guide, JSON policy elements: Principal; re:Post, Invalid principal in policy",
			run: func(t *testing.T, e *env) {
				bucket, user := e.openBucket(t)
				id := *must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &user})).User.UserId
				get := func() string {
					return *must[*s3.GetBucketPolicyOutput](t)(e.s3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})).Policy
				}
				equal(t, "ARN shown", strings.Contains(get(), e.userARN(user)), true)
				e.removeUser(t.Context(), user)
				eventually(t, func() error {
					if !strings.Contains(get(), `"`+id+`"`) {
						return fmt.Errorf("%s is not shown: %s", id, get())
					}
					return nil
				})
				want(t, e.putPolicy(t, bucket, user, get()), 400, "MalformedPolicy", "Invalid principal in policy")
			}},
	}
}
