package status

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/spec"
)

func noPair(code string) error { return refusal("S3", "ListObjectsV2", code, "no such pair") }

// without takes a statement out of a policy.
func without(policy, sid string) string {
	var document map[string]any
	_ = json.Unmarshal([]byte(policy), &document)
	var kept []any
	for _, statement := range document["Statement"].([]any) {
		if statement.(map[string]any)["Sid"] != sid {
			kept = append(kept, statement)
		}
	}
	document["Statement"] = kept
	text, _ := json.Marshal(document)
	return string(text)
}

// Each of these is a fault, and is named.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		change change
		check  string
		want   string
		todo   string // part of what to do, or of a command
	}{
		"key deleted": {func(f *facts) { f.tried.err = noPair("InvalidAccessKeyId"); f.keys.value = nil }, "key", "key AKIACURRENT in the secret was deleted", "another Trigger"},
		"key inactive": {func(f *facts) {
			f.tried.err = noPair("InvalidAccessKeyId")
			f.keys.value[0].Status = iamtypes.StatusTypeInactive
		}, "key", "is inactive", "update-access-key"},
		"key active, and not known": {func(f *facts) { f.tried.err = noPair("InvalidAccessKeyId") }, "key", "which IAM lists as active", "Trigger"},
		"wrong secret":              {func(f *facts) { f.tried.err = noPair("SignatureDoesNotMatch") }, "key", "another secret access key than that of AKIACURRENT", "Trigger"},
		"wrong secret, of a stranger": {func(f *facts) { f.tried.err = noPair("SignatureDoesNotMatch"); f.keys.value = nil }, "key",
			"a wrong secret access key for AKIACURRENT", "Trigger"},
		"dead, and IAM may not be asked": {func(f *facts) {
			f.tried.err, f.keys.err = noPair("InvalidAccessKeyId"), refusal("IAM", "ListAccessKeys", "AccessDenied", "no")
		}, "key", "S3 does not know key AKIACURRENT", "Trigger"},
		"key of somebody else": {func(f *facts) { f.value.value.fields[spec.FieldAccessKeyID] = "AKIAADMIN" }, "key", "key AKIAADMIN in the secret is none of user", "Trigger"},
		"denied":               {func(f *facts) { f.tried.err = refusal("S3", "ListObjectsV2", "AccessDenied", "an explicit deny") }, "key", "does not let it list the bucket: an explicit deny", "policy"},
		"made by hand":         {func(f *facts) { f.addKey("AKIAHAND", day, true) }, "otherKey", "nothing speaks for key AKIAHAND, which works", "delete-access-key"},
		"user gone":            {func(f *facts) { f.user = answer[*iamtypes.User]{isNone: true} }, "user", "is gone", "Trigger"},
		"user moved":           {func(f *facts) { f.user.value.Arn = aws.String("arn:aws:iam::123456789012:user/x/u") }, "user", "reaches it no more", "--new-path /bucketuser/"},
		"user untagged":        {func(f *facts) { f.user.value.Tags = nil }, "userTags", "lacks the tags bucketuser:logical-id=Disk", "aws iam tag-user"},
		"user made again":      {madeAgain, "user", "was made again, 24 hours ago", "aws iam delete-user"},
		"principal of the dead": {func(f *facts) {
			f.policy.value = strings.ReplaceAll(f.policy.value, f.spec.UserARN(), "AIDAFAKE0000000000009")
		}, "policy", "a user who is gone", "Trigger"},
		"another principal": {func(f *facts) {
			f.policy.value = strings.ReplaceAll(f.policy.value, f.spec.UserARN(), "arn:aws:iam::1:root")
		}, "policy", "instead of", "Trigger"},
		"boundary off": {func(f *facts) { f.user.value.PermissionsBoundary = nil }, "boundary", "no permissions boundary", "put-user-permissions-boundary"},
		"bucket gone": {func(f *facts) {
			f.tags, f.block, f.policy = answer[map[string]string]{isNone: true}, answer[*s3types.PublicAccessBlockConfiguration]{isNone: true}, answer[string]{isNone: true}
			f.tried.err = noPair("NoSuchBucket")
		}, "bucket", "is gone, with all data", "Trigger"},
		"bucket untagged":        {func(f *facts) { f.tags.value = map[string]string{"team": "it's"} }, "bucketTags", "lacks the tags", `{"Key":"team","Value":"it'\''s"}`},
		"bucket of another":      {func(f *facts) { f.tags.value[spec.TagLogicalID] = "Other" }, "bucketTags", "bears the tags of resource Other of stack Storage", "put-bucket-tagging"},
		"bucket let go of":       {func(f *facts) { f.tags.value = map[string]string{spec.TagOwner: spec.Released} }, "bucketTags", "was let go of", "put-bucket-tagging"},
		"public access":          {func(f *facts) { f.block.value.BlockPublicPolicy = nil }, "publicAccess", "off are BlockPublicPolicy", "put-public-access-block"},
		"no public access block": {func(f *facts) { f.block.value = &s3types.PublicAccessBlockConfiguration{} }, "publicAccess", "RestrictPublicBuckets", "put-public-access-block"},
		"statement gone":         {func(f *facts) { f.policy.value = without(f.policy.value, "BucketUserObjects") }, "policy", "statement BucketUserObjects of the bucket policy is gone", "Trigger"},
		"no policy":              {func(f *facts) { f.policy.value = "{}" }, "policy", "BucketUserBucket", "Trigger"},
		"plain http":             {func(f *facts) { f.policy.value = without(f.policy.value, "BucketUserDenyInsecureTransport") }, "policy", "BucketUserDenyInsecureTransport", "Trigger"},
		"another prefix":         {func(f *facts) { f.policy.value = strings.Replace(f.policy.value, "/data/*", "/old/*", 1) }, "policy", `has the Resource ["arn:aws:s3:::`, "Trigger"},
		"less access":            {func(f *facts) { f.policy.value = strings.Replace(f.policy.value, `"s3:PutObject",`, "", 1) }, "policy", "has the Action", "Trigger"},
		"a condition": {func(f *facts) {
			f.policy.value = strings.Replace(f.policy.value, `"Effect":"Allow"`, `"Effect":"Allow","Condition":{"IpAddress":{"aws:SourceIp":"1.2.3.4"}}`, 1)
		}, "policy", "has the Condition", "Trigger"},
		"no writes": {denyWrites, "policy", "keeps everybody from writing", "Trigger"},
		"secret gone": {func(f *facts) {
			f.secret.isNone, f.secret.value, f.value = true, nil, answer[value]{isNone: true}
			f.tried.isNone = true
		}, "secret", "is gone", "Trigger"},
		"secret deleted":           {func(f *facts) { f.secret.value.DeletedDate = before(day); f.value.isNone, f.tried.isNone = true, true }, "secret", "recovery window", "restore-secret"},
		"secret untagged":          {func(f *facts) { f.secret.value.Tags = nil }, "secretTags", "lacks the tags", "tag-resource --secret-id " + secretARN},
		"value replaced":           {func(f *facts) { f.value.value.fields = map[string]string{"password": "x"}; f.tried.isNone = true }, "secret", "holds no access key", "Trigger"},
		"value of a removed set":   {func(f *facts) { f.value.value.isNull, f.value.value.fields, f.tried.isNone = true, nil, true }, "secret", "holds no value", "Trigger"},
		"value of an earlier life": {func(f *facts) { f.tagSecretWith(map[string]string{spec.TagBefore: "version-1"}) }, "secret", "earlier life", "Trigger"},
		"value of another bucket":  {func(f *facts) { f.value.value.fields[spec.FieldBucket] = "mine" }, "secret", "S3_BUCKET=mine instead of", "Trigger"},
		"KMS": {func(f *facts) {
			f.value.err = refusal("Secrets Manager", "GetSecretValue", "DecryptionFailure", "the key is disabled")
			f.tried.err = f.value.err
		}, "secret", "its KMS key is alias/aws/secretsmanager", "make the KMS key usable"},
		"stack deleted":      {func(f *facts) { f.stack = answer[stackState]{isNone: true} }, "stack", "was deleted", "end the access"},
		"resource taken out": {func(f *facts) { f.stack.value.resource = "" }, "stack", "no longer has resource Disk", "add the resource again"},
		"replaced":           {func(f *facts) { f.stack.value.physicalID = "Disk-v1-other" }, "stack", "this set was replaced", "bucketuser status --stack Storage"},
		"rollback failed":    {func(f *facts) { f.stack.value.stack = "UPDATE_ROLLBACK_FAILED" }, "stack", "UPDATE_ROLLBACK_FAILED", "continue-update-rollback"},
		"deletion failed":    {func(f *facts) { f.stack.value.stack = "DELETE_FAILED" }, "stack", "DELETE_FAILED", "describe-stack-events"},
		"resource failed":    {func(f *facts) { f.stack.value.resource = "UPDATE_FAILED"; f.stack.value.reason = "no\x1b[2J" }, "stack", "resource Disk is UPDATE_FAILED: no [2J", "describe-stack-events"},
		"stuck":              {stuck, "rotation", "a rotation is stuck: it began 2 hours ago", `--filter-pattern '"version-2"'`},
		"overdue":            {func(f *facts) { *f = healthy(rotated); f.secret.value.NextRotationDate = before(time.Minute) }, "rotation", "a rotation is overdue: it was to be done by 2026-11-27T11:59:00Z", "bucketuser rotate Storage --resource Disk"},
		"schedule off":       {func(f *facts) { *f = healthy(rotated); f.secret.value.RotationEnabled = aws.Bool(false) }, "rotation", "RotateAfterDays is 30, and Secrets Manager has off", "Trigger"},
		"another schedule": {func(f *facts) {
			*f = healthy(rotated)
			f.secret.value.RotationRules.AutomaticallyAfterDays = aws.Int64(7)
		}, "rotation", "every 7 days", "Trigger"},
		"user not bound":         {func(f *facts) { *f = healthy(rotated); f.tagUserWith(map[string]string{spec.TagSecret: "other"}) }, "rotation", "its key cannot be rotated", "Trigger"},
		"secret without access":  {func(f *facts) { *f = healthy(rotated); f.tagSecretWith(map[string]string{spec.TagAccess: ""}) }, "rotation", spec.TagAccess, "Trigger"},
		"statement gone, unsaid": {func(f *facts) { f.isSaid = false; f.policy.value = without(f.policy.value, "BucketUserBucket") }, "policy", "BucketUserBucket", "Trigger"},
		"dead principal, unsaid": {func(f *facts) {
			*f = healthy(map[string]any{"Statements": []any{map[string]any{"Effect": "Allow", "Action": "s3:GetBucketTagging"}}})
			f.isSaid = false
			f.policy.value = strings.ReplaceAll(f.policy.value, f.spec.UserARN(), "AIDAFAKE1")
		}, "policy", "BucketUserStatement1 names AIDAFAKE1", "Trigger"},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(nil)
			test.change(&f)
			r := judge(f)
			if r.ExitCode != 1 || r.Verdict != Faulty {
				t.Errorf("%s, exit %d", r.Verdict, r.ExitCode)
			}
			for _, found := range r.Checks {
				todo := found.Todo + "\n" + strings.Join(found.Commands, "\n")
				if found.Check == test.check && found.State == Fault && strings.Contains(found.What, test.want) && strings.Contains(todo, test.todo) {
					return
				}
			}
			t.Errorf("does not say %q of %s with %q, but\n%s", test.want, test.check, test.todo, said(r, Fault, Unknown, Warning))
		})
	}
}

func madeAgain(f *facts) {
	f.user.value.CreateDate, f.user.value.Tags, f.keys.value = before(day), nil, nil
	f.tried.err = noPair("InvalidAccessKeyId")
	f.addKey("AKIATHEIRS", day, true)
}

func denyWrites(f *facts) {
	var document map[string]any
	_ = json.Unmarshal([]byte(f.policy.value), &document)
	document["Statement"] = append(document["Statement"].([]any), f.spec.DenyWrites())
	text, _ := json.Marshal(document)
	f.policy.value = string(text)
}

func stuck(f *facts) {
	*f = healthy(rotated)
	f.secret.value.VersionIdsToStages["version-2"] = []string{labelPending}
	f.pending = answer[time.Time]{value: *before(2 * time.Hour)}
}
