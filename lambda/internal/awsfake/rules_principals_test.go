package awsfake_test

import (
	"strings"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// principalRules are about policies of others: whose principals are gone (L9), and of which version (L13).
func principalRules() []fakeRule {
	const bucket = "my-bucket"
	get := func(t *testing.T, c clients) string {
		t.Helper()
		return *awsrules.Must[*s3.GetBucketPolicyOutput](t)(c.s3.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: aws.String(bucket)})).Policy
	}
	put := func(t *testing.T, c clients, document string) error {
		_, err := c.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: &document})
		return err
	}
	statement := func(effect, kind, principal string) string {
		return `{"Effect":"` + effect + `","` + kind + `":{"AWS":"` + principal + `"},"Action":"s3:*","Resource":["arn:aws:s3:::my-bucket","arn:aws:s3:::my-bucket/*"]}`
	}
	policy := func(statements ...string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	const role, user = "arn:aws:iam::" + account + ":role/auditor", "arn:aws:iam::" + account + ":user/alice"
	const sources = "IAM User Guide, JSON policy elements: Principal; physionet-build #2330; ecs-cf-service-broker #241"
	return []fakeRule{
		{"L9: a policy shows a principal who is gone by its unique id, and is not written again", sources,
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for kind, remove := range map[string]func(){
					user: func() { fake.DeleteUser("alice") },
					role: func() { fake.DeleteRole("auditor") },
				} {
					fake.AddBucket(bucket, nil)
					id := map[string]string{user: fake.AddUser("alice", "/", nil), role: "AROA"}[kind]
					fake.AddRole("auditor")
					fake.AddRole("reader")
					ours := strings.Replace(statement("Allow", "Principal", "arn:aws:iam::"+account+":role/reader"), `{`, `{"Sid":"ours",`, 1)
					for _, element := range []string{"Principal", "NotPrincipal"} {
						fake.AddUser("alice", "/", nil)
						fake.AddRole("auditor")
						awsrules.Equal(t, "stored", fake.SetBucketPolicy(bucket, policy(strings.Replace(statement("Deny", element, kind), "s3:*", "s3:GetObject", 1), ours)), nil)
						awsrules.Equal(t, "shown by its ARN", strings.Contains(get(t, c), `"`+kind+`"`), true)
						awsrules.Equal(t, "written again", put(t, c, get(t, c)), nil)
						remove()
						shown := get(t, c)
						awsrules.Equal(t, "shown by its id", strings.Contains(shown, `"`+id[:4]) && !strings.Contains(shown, kind), true)
						awsrules.Want(t, put(t, c, shown), 400, "MalformedPolicy", "Invalid principal in policy")
						awsrules.Equal(t, "still there", get(t, c), shown)
						awsrules.Equal(t, "in the snapshot", fake.Snapshot().Buckets[bucket].Policy, shown)
						awsrules.Equal(t, "without it", put(t, c, policy(ours)), nil)
					}
				}
			}},
		{"L9: a role of the same name is another principal", "IAM User Guide, JSON policy elements: Principal",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				auditor := clientsOf(fake.Session("auditor").Config())
				list := func() error {
					_, err := auditor.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
					return err
				}
				awsrules.Equal(t, "stored", fake.SetBucketPolicy(bucket, policy(statement("Deny", "Principal", role))), nil)
				awsrules.Want(t, list(), 403, "AccessDenied")
				fake.DeleteRole("auditor")
				fake.AddRole("auditor")
				awsrules.Equal(t, "another", list(), nil)
				awsrules.Equal(t, "shown by its id", strings.Contains(get(t, c), `"AROA`), true)
				first := get(t, c)
				awsrules.Equal(t, "stored", fake.SetBucketPolicy(bucket, policy(statement("Deny", "Principal", role))), nil)
				fake.DeleteRole("auditor")
				awsrules.Equal(t, "another id", get(t, c) == first, false)
			}},
		{"L9: a policy goes on showing the ARN of a principal who is gone, for as long as S3 has not heard of it", sources,
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.StalePrincipals = true
				fake.AddBucket(bucket, nil)
				fake.AddRole("auditor")
				awsrules.Equal(t, "stored", fake.SetBucketPolicy(bucket, policy(statement("Deny", "Principal", role))), nil)
				fake.DeleteRole("auditor")
				awsrules.Equal(t, "shown by its ARN", strings.Contains(get(t, c), role), true)
				awsrules.Want(t, put(t, c, get(t, c)), 400, "MalformedPolicy", "Invalid principal in policy")
			}},
		{"L13: a variable is text in a policy of 2008-10-17, and of no version", "IAM User Guide, JSON policy elements: Version; IAM policy " +
			"elements: Variables and tags",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				alice := clients{s3: c.as(allowed(t, fake))}
				allow := `{"Effect":"Allow","Principal":{"AWS":"` + user + `"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::my-bucket/*"}`
				for _, deny := range []string{
					`"Resource":"arn:aws:s3:::my-bucket/${aws:username}/*"`,
					`"Resource":"arn:aws:s3:::my-bucket/alice/*","Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::` + account + `:user/${aws:username}"}}`,
					`"Resource":"arn:aws:s3:::my-bucket/${s3:prefix, 'alice'}/*"`,
				} {
					statements := `"Statement":[` + allow + `,{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",` + deny + `}]}`
					for version, denied := range map[string]bool{`{"Version":"2012-10-17",`: true, `{"Version":"2008-10-17",`: false, `{`: false} {
						awsrules.Equal(t, "stored", fake.SetBucketPolicy(bucket, version+statements), nil)
						awsrules.Equal(t, version+deny, putObject(t, alice, bucket, "alice/k") != nil, denied)
						awsrules.Equal(t, "another's", putObject(t, alice, bucket, "bob/k"), nil)
						awsrules.Equal(t, "a role, which has no name", putObject(t, c, bucket, "alice/k") != nil, denied && strings.Contains(deny, "s3:prefix"))
					}
				}
				literal := strings.Replace(allow, "my-bucket/*", "my-bucket/${aws:username}/*", 1)
				awsrules.Equal(t, "stored", fake.SetBucketPolicy(bucket, `{"Version":"2008-10-17","Statement":`+literal+`}`), nil)
				awsrules.Equal(t, "the text itself", putObject(t, alice, bucket, "${aws:username}/k"), nil)
				awsrules.Want(t, putObject(t, alice, bucket, "alice/k"), 403, "AccessDenied")
			}},
		{"L13: the version and Id of a policy stay as they are", "S3 User Guide, Bucket policies; IAM User Guide, JSON policy elements: Id; Version",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				for _, head := range []string{``, `"Id":"theirs",`, `"Version":"2008-10-17",`, `"Id":"theirs","Version":"2008-10-17",`, `"Version":"2012-10-17",`} {
					document := `{` + head + `"Statement":[` + strings.Replace(statement("Deny", "Principal", account), "s3:*", "s3:GetObject", 1) + `]}`
					awsrules.Equal(t, "put", put(t, c, document), nil)
					awsrules.Equal(t, "shown", strings.HasPrefix(get(t, c), `{`+head+`"Statement"`), true)
					awsrules.Equal(t, "put as shown", put(t, c, get(t, c)), nil)
					restored := awsfake.New(account, "eu-west-1")
					awsrules.Equal(t, "restored", restored.Restore(fake.Snapshot()), nil)
					awsrules.Equal(t, "in the snapshot", restored.Snapshot().Buckets[bucket].Policy, get(t, c))
				}
			}},
		{"L13: a policy has one of two versions", "pageflow PR #902 (the S3 console); versitygw #1536",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				document := `{"Version":"2017-06-20","Statement":[` + statement("Deny", "Principal", account) + `]}`
				awsrules.Want(t, put(t, c, document), 400, "MalformedPolicy", "The policy must contain a valid version string")
			}},
	}
}
