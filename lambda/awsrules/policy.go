package awsrules

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// document is a policy of these statements. In them, BUCKET and USER stand for ARNs and ROOT for the account.
func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

const allowAll = `{"Sid":"all","Effect":"Allow","Principal":{"AWS":"USER"},"Action":"s3:*","Resource":["BUCKET","BUCKET/*"]}`

func (e *env) policyText(bucket, user, document string) string {
	return strings.NewReplacer("BUCKET", "arn:aws:s3:::"+bucket, "USER", e.userARN(user), "ROOT", e.ID).Replace(document)
}

func (e *env) putPolicy(t T, bucket, user, document string) error {
	document = e.policyText(bucket, user, document)
	_, err := e.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &document})
	return err
}

// openBucket is a bucket and a user who may do everything in it.
func (e *env) openBucket(t T) (bucket, user string) {
	t.Helper()
	bucket, user = e.bucket(t), e.user(t)
	e.eventually(t, func() error { return e.putPolicy(t, bucket, user, document(allowAll)) })
	return bucket, user
}

func policyRules() []Rule {
	refused := func(name, source, message, policy string) Rule {
		return Rule{Name: name, Source: source, play: func(t T, e *env) {
			Want(t, e.putPolicy(t, e.bucket(t), "nobody", policy), 400, "MalformedPolicy", message)
		}}
	}
	statement := func(action, resource, more string) string {
		return document(fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":"ROOT"},"Action":%q,"Resource":%q%s}`, action, resource, more))
	}
	return []Rule{
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
		refused("a bucket whose name starts with the bucket's is another", "S3 User Guide, Bucket policies",
			"Policy has invalid resource", statement("s3:GetObject", "BUCKET-2/*", "")),
		refused("not every resource", "noobaa-core #10058", "Policy has invalid resource", statement("s3:GetObject", "*", "")),
		refused("actions are actions of S3", "versitygw #650", "Policy has invalid action", statement("iam:GetUser", "BUCKET", "")),
		refused("an action on objects needs objects", "versitygw #645; modernisation-platform #10762",
			"Action does not apply to any resource(s) in statement", statement("s3:GetObject", "BUCKET", "")),
		refused("an action on the bucket needs the bucket", "S3-Uploads #239",
			"Action does not apply to any resource(s) in statement", statement("s3:ListBucket", "BUCKET/*", "")),
		refused("a condition on listing goes with listing alone", "S3-Uploads #239; Service Authorization Reference, Amazon S3",
			"Conditions do not apply to combination of actions and resources in statement",
			statement("s3:ListBucketMultipartUploads", "BUCKET", `,"Condition":{"StringLike":{"s3:prefix":"data/*"}}`)),
		{Name: "a principal exists", Source: "S3 re:Post, Invalid principal in policy; versitygw #649; IAM User Guide, JSON policy " +
			"elements: Principal",
			play: func(t T, e *env) {
				bucket, user := e.openBucket(t)
				put := func(principals string) error {
					return e.putPolicy(t, bucket, user, document(strings.Replace(allowAll, `"USER"`, principals, 1)))
				}
				Equal(t, "a user", put(`"USER"`), nil)
				Equal(t, "the account", put(`["ROOT","arn:aws:iam::ROOT:root"]`), nil)
				Want(t, put(`"USER-2"`), 400, "MalformedPolicy", "Invalid principal in policy")
				Want(t, put(`"arn:aws:iam::ROOT:user/`+user+`"`), 400, "MalformedPolicy", "Invalid principal in policy") // without its path
			}},
		{Name: "a policy has 20 KB at most", Source: "S3 User Guide, Bucket policies (the limit); physionet-build #2094 (20,480 bytes, " +
			"without white space); S3 API Reference, Error responses (of the codes for policies, MalformedPolicy alone fits)",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				size := func(size int) string {
					text := e.policyText(bucket, "", document(strings.Replace(allowAll, "USER", "ROOT", 1)))
					return strings.Replace(text, `"all"`, `"`+strings.Repeat("a", size-len(text)+len("all"))+`"`, 1)
				}
				Equal(t, "20 KB", e.putPolicy(t, bucket, "", size(20*1024)), nil)
				Equal(t, "and white space", e.putPolicy(t, bucket, "", "{ "+size(20 * 1024)[1:]), nil)
				Want(t, e.putPolicy(t, bucket, "", size(20*1024+1)), 400, "MalformedPolicy")
			}},
		{Name: "a bucket without a policy is NoSuchBucketPolicy", Source: "localstack test_s3_api.snapshot.json (test_bucket_policy_crud)",
			play: func(t T, e *env) {
				bucket, _ := e.openBucket(t)
				for range 2 { // also when there is none
					Must[*s3.DeleteBucketPolicyOutput](t)(e.s3.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &bucket}))
				}
				_, err := e.s3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
				Want(t, err, 404, "NoSuchBucketPolicy", "The bucket policy does not exist")
			}},
		{Name: "a public policy is blocked", Source: "S3 User Guide, Blocking public access, BlockPublicPolicy; buckup #18",
			play: func(t T, e *env) {
				bucket := e.bucket(t)
				public := document(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"BUCKET/*"}`)
				Want(t, e.putPolicy(t, bucket, "", public), 403, "AccessDenied")
				deny := document(`{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["BUCKET","BUCKET/*"],` +
					`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`)
				Equal(t, "a Deny is not public", e.putPolicy(t, bucket, "", deny), nil)
			}},
		{Name: "the policy shows a deleted user by its id, and takes it no more",
			Source: "IAM User Guide, JSON policy elements: Principal; re:Post, Invalid principal in policy",
			play: func(t T, e *env) {
				bucket, user := e.openBucket(t)
				id := *Must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &user})).User.UserId
				get := func() string {
					return *Must[*s3.GetBucketPolicyOutput](t)(e.s3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})).Policy
				}
				Equal(t, "ARN shown", strings.Contains(get(), e.userARN(user)), true)
				e.removeUser(t.Context(), user)
				e.eventually(t, func() error {
					if !strings.Contains(get(), `"`+id+`"`) {
						return fmt.Errorf("%s is not shown: %s", id, get())
					}
					return nil
				})
				Want(t, e.putPolicy(t, bucket, user, get()), 400, "MalformedPolicy", "Invalid principal in policy")
			}},
	}
}
