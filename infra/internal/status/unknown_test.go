package status

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

// What could not be asked is never healthy, and no fault.
func TestUnknown(t *testing.T) {
	denied := func(service, operation string) error {
		return refusal(service, operation, "AccessDeniedException", "You may not")
	}
	for name, test := range map[string]struct {
		change change
		want   string
	}{
		"stack": {func(f *facts) { f.stack.err = denied("CloudFormation", "DescribeStacks") }, "stack: needs cloudformation:DescribeStacks: You may not"},
		"secret": {func(f *facts) {
			f.secret.err = denied("Secrets Manager", "DescribeSecret")
			f.value.err = f.secret.err
			f.tried.err = f.secret.err
		}, "secret: needs secretsmanager:DescribeSecret"},
		"value": {func(f *facts) { f.value.err = denied("Secrets Manager", "GetSecretValue"); f.tried.err = f.value.err }, "key: there is no key in the secret that could be tried"},
		"KMS": {func(f *facts) {
			f.value.err = refusal("Secrets Manager", "GetSecretValue", "AccessDeniedException", "Access to KMS is not allowed")
			f.tried.err = f.value.err
		}, "secret: needs kms:Decrypt"},
		"a later format": {func(f *facts) { f.tagSecretWith(map[string]string{spec.TagFormat: "9"}) }, "format: a later version of the provider keeps the secret, in format 9"},
		"user":           {func(f *facts) { f.user.err = denied("IAM", "GetUser") }, "user: needs iam:GetUser"},
		"keys":           {func(f *facts) { f.keys.err = denied("IAM", "ListAccessKeys"); f.keys.value = nil }, "key: needs iam:ListAccessKeys"},
		"last use": {func(f *facts) {
			f.lastUsed["AKIACURRENT"] = answer[*iamtypes.AccessKeyLastUsed]{err: denied("IAM", "GetAccessKeyLastUsed")}
		}, "key: needs iam:GetAccessKeyLastUsed"},
		"tags":       {func(f *facts) { f.tags.err = denied("S3", "GetBucketTagging") }, "bucketTags: needs s3:GetBucketTagging: You may not; S3 says the same of a bucket of another account"},
		"block":      {func(f *facts) { f.block.err = denied("S3", "GetPublicAccessBlock") }, "publicAccess: needs s3:GetBucketPublicAccessBlock"},
		"policy":     {func(f *facts) { f.policy.err = denied("S3", "GetBucketPolicy") }, "policy: needs s3:GetBucketPolicy"},
		"properties": {func(f *facts) { f.isSaid, f.unsaid = false, denied("CloudFormation", "DescribeStackEvents") }, "policy: needs cloudformation:DescribeStackEvents"},
		"outside":    {func(f *facts) { f.outside.err = denied("S3", "ListObjectsV2") }, "objects: needs s3:ListBucket"},
		"pending":    {func(f *facts) { f.pending = answer[time.Time]{err: denied("Secrets Manager", "ListSecretVersionIds")} }, "rotation: needs secretsmanager:ListSecretVersionIds"},
		"another version": {func(f *facts) {
			f.addKey("AKIAX", day, true)
			f.named.err = denied("Secrets Manager", "GetSecretValue")
		}, "otherKey: whether anything speaks for key AKIAX: needs secretsmanager:GetSecretValue"},
		"S3 does not answer": {func(f *facts) { f.tried.err = fmt.Errorf("x: %w", context.DeadlineExceeded) }, "key: key AKIACURRENT could not be tried: no answer within 1m0s"},
		"S3 is broken":       {func(f *facts) { f.tried.err = noPair("InternalError") }, "could not be tried: InternalError"},
		"the clock is wrong": {func(f *facts) { f.tried.err = noPair("RequestTimeTooSkewed") }, "could not be tried: RequestTimeTooSkewed"},
		"no bucket":          {func(f *facts) { f.tried.err = noPair("NoSuchBucket") }, "could not be tried: NoSuchBucket"},
		"no connection":      {func(f *facts) { f.tried.err = errors.New("connection refused") }, "could not be tried: connection refused"},
		"a new key": {func(f *facts) {
			f.tried.err = noPair("InvalidAccessKeyId")
			f.keys.value[0].CreateDate = before(time.Minute)
		}, "S3 does not know key AKIACURRENT, which is new"},
		"a new value": {func(f *facts) {
			f.tried.err = noPair("InvalidAccessKeyId")
			f.keys.value = nil
			f.value.value.created = *before(time.Minute)
		}, "whose value is new"},
		"names":               {func(f *facts) { *f = f.without("it is not known what it is called") }, "user: it is not known what it is called"},
		"while it is updated": {func(f *facts) { f.stack.value.stack = "UPDATE_IN_PROGRESS"; f.policy.value = "{}" }, "policy: the stack is UPDATE_IN_PROGRESS: statement BucketUserBucket of the bucket policy is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(nil)
			test.change(&f)
			r := judge(f)
			if is := said(r, Unknown); r.ExitCode != 2 || r.Verdict != Undecided || !strings.Contains(is, test.want) {
				t.Errorf("%s, exit %d: %s; want %s; wrong: %s", r.Verdict, r.ExitCode, is, test.want, said(r, Fault))
			}
		})
	}
}

// What is wrong is told whatever else could not be asked.
func TestWrongWeighsMoreThanUnknown(t *testing.T) {
	f := healthy(nil)
	f.block.value.BlockPublicAcls = nil
	f.user.err = refusal("IAM", "GetUser", "AccessDenied", "no")
	if r := judge(f); r.ExitCode != 1 {
		t.Errorf("exit %d", r.ExitCode)
	}
}

// A resource that was never made has nothing else to report on.
func TestNotMade(t *testing.T) {
	for status, want := range map[string]struct {
		exit int
		says string
	}{
		"CREATE_IN_PROGRESS": {2, "stack: resource Disk is not there: it is CREATE_IN_PROGRESS"},
		"CREATE_FAILED":      {1, "stack: stack Storage is CREATE_FAILED"},
	} {
		made := target.Target{StackID: stackID, StackStatus: status, ResourceStatus: status, LogicalID: "Disk"}
		r, err := Check(t.Context(), aws.Config{}, made, now)
		if err != nil || r.ExitCode != want.exit || !strings.Contains(said(r, Unknown, Fault), want.says) {
			t.Errorf("%s: %v, exit %d: %s", status, err, r.ExitCode, said(r, Unknown, Fault, Warning))
		}
	}
}
