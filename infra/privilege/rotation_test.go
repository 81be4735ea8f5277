//go:build e2e

package privilege

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

const probe = "data/" + spec.ProbeName

// onSecret is a call about our secret that names tags.
func (v *victim) onSecret(name, action, more string, tags ...string) cell {
	r := request{action: "secretsmanager:" + action, resource: v.ourSecretARN}
	if len(tags) > 0 {
		r.context = map[string]any{"aws:TagKeys": tags}
	}
	return cell{name: name, call: target("secretsmanager", "secretsmanager."+action, `{"SecretId":"`+v.ourSecretARN+`"`+more+`}`), asks: []request{r}}
}

// onBucket is a call about our bucket, or an object in it.
func onBucket(name, method, path, body, action string) cell {
	resource, _, _ := strings.Cut(ourBucket+path, "?")
	return cell{name: name, call: rest("s3", method, "/"+ourBucket+path, body), asks: on(action, "arn:aws:s3:::"+resource)}
}

// beyondRotation are what the provider's role may do, and that of the rotation not (A25). Those that others in this
// test still need, if they are done, come last.
func (v *victim) beyondRotation() []cell {
	bounded := "PermissionsBoundary=" + v.lane.subject.boundaryARN
	return []cell{
		{name: "a user", call: query("iam", "CreateUser", "UserName=made-by-rotation", "Path="+spec.DefaultIAMPath, bounded),
			asks: []request{{action: "iam:CreateUser", resource: userARN("bucketuser/made-by-rotation"),
				context: map[string]any{"iam:PermissionsBoundary": v.lane.subject.boundaryARN}}}},
		onUser("tag our user", "TagUser", "insider", "Tags.member.1.Key=a", "Tags.member.1.Value=b"),
		onUser("switch a key of our user", "UpdateAccessKey", "insider", "AccessKeyId=AKIAIOSFODNN7EXAMPLE", "Status=Inactive"),
		{name: "list the buckets", call: rest("s3", "GET", "/", ""), asks: on("s3:ListAllMyBuckets", "*")},
		onBucket("the policy of a bucket of ours", "PUT", "?policy", theirPolicy(ourBucket, iamPrefix+"root"), "s3:PutBucketPolicy"),
		onBucket("delete the policy of a bucket of ours", "DELETE", "?policy", "", "s3:DeleteBucketPolicy"),
		onBucket("the tags of a bucket of ours", "PUT", "?tagging", "<Tagging><TagSet/></Tagging>", "s3:PutBucketTagging"),
		onBucket("open a bucket of ours", "DELETE", "?publicAccessBlock", "", "s3:PutBucketPublicAccessBlock"),
		onBucket("the rules of a bucket of ours", "GET", "?lifecycle", "", "s3:GetLifecycleConfiguration"),
		onBucket("write data into a bucket of ours", "PUT", "/data/table", "x", "s3:PutObject"),
		onBucket("write what is called like a probe into a bucket of ours", "PUT", "/data/x"+spec.ProbeName, "x", "s3:PutObject"),
		onBucket("read a probe", "GET", "/"+probe, "", "s3:GetObject"),
		onBucket("delete data from a bucket of ours", "DELETE", "/data/table?versionId=null", "", "s3:DeleteObjectVersion"),
		{name: "a secret", call: target("secretsmanager", "secretsmanager.CreateSecret", `{"Name":"bucketuser/new"}`),
			asks: on("secretsmanager:CreateSecret", "arn:aws:secretsmanager:"+region+":"+account+":secret:bucketuser/new-abcdef")},
		v.onSecret("another key for a secret of ours", "UpdateSecret", `,"Description":"x"`),
		v.onSecret("say whose a secret of ours is", "TagResource", `,"Tags":[{"Key":"bucketuser:owner","Value":"released"}]`, spec.TagOwner),
		v.onSecret("say so beside a tag of its own", "TagResource", `,"Tags":[{"Key":"bucketuser:rotation","Value":"a"},{"Key":"bucketuser:bucket-origin","Value":"made"}]`,
			spec.TagRotation, spec.TagBucketOrigin),
		v.onSecret("take the owner from a secret of ours", "UntagResource", `,"TagKeys":["bucketuser:owner"]`, spec.TagOwner),
		v.onSecret("end a schedule", "CancelRotateSecret", ""),
		v.onSecret("delete a secret of ours", "DeleteSecret", `,"RecoveryWindowInDays":7`),
		v.onSecret("restore a secret of ours", "RestoreSecret", ""),
		onBucket("delete a bucket of ours", "DELETE", "", "", "s3:DeleteBucket"),
		onUser("delete our user", "DeleteUser", "insider"),
	}
}

// permittedToRotation are what the role of the rotation may do, to show that the harness can tell.
func (v *victim) permittedToRotation() []cell {
	permitted := []cell{
		onUser("the keys of a user on its path", "ListAccessKeys", "insider"),
		onUser("look at a user outside the path", "GetUser", "stranger"),
		onBucket("the policy of a bucket of ours", "GET", "?policy", "", "s3:GetBucketPolicy"),
		onBucket("the tags of a bucket of ours", "GET", "?tagging", "", "s3:GetBucketTagging"),
		onBucket("put a probe", "PUT", "/"+probe, "", "s3:PutObject"),
		onBucket("put a probe deep below", "PUT", "/disks/a/"+spec.ProbeName, "", "s3:PutObject"),
		onBucket("take a probe away", "DELETE", "/"+probe+"?versionId=null", "", "s3:DeleteObjectVersion"),
		v.onSecret("read a secret of ours", "GetSecretValue", ""),
		v.onSecret("note a rotation", "TagResource", `,"Tags":[{"Key":"bucketuser:rotation","Value":"a"},{"Key":"bucketuser:format","Value":"2"}]`,
			spec.TagRotation, spec.TagFormat),
		v.onSecret("forget it", "UntagResource", `,"TagKeys":["bucketuser:rotation"]`, spec.TagRotation),
	}
	for i := range permitted {
		permitted[i].allowed = true
	}
	return permitted
}

// rotationRequests are what the calls of a rotation ask for, and services in the name of its role: on a set whose
// names are given, or generated.
func rotationRequests(given bool) []request {
	bucket, user, secret := spec.GeneratedBucketPrefix+account+"-"+region+"-x", "bucketuser-x", spec.GeneratedSecretPrefix+"x"
	if given {
		bucket, user, secret = givenBucket, givenUser, givenSecret
	}
	all := slices.Clone(requestsOfServices)
	add := func(resource string, actions ...string) {
		for _, action := range actions {
			all = append(all, request{action: action, resource: resource})
		}
	}
	add(userARN("bucketuser/"+user), "iam:GetUser", "iam:ListAccessKeys", "iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:GetAccessKeyLastUsed")
	add("arn:aws:s3:::"+bucket, "s3:GetBucketTagging", "s3:GetBucketPolicy", "s3:ListBucketVersions")
	add("arn:aws:s3:::"+bucket+"/"+probe, "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
	arn := "arn:aws:secretsmanager:" + region + ":" + account + ":secret:" + secret + "-AbCdEf"
	add(arn, "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
	return append(all,
		request{action: "secretsmanager:TagResource", resource: arn, context: map[string]any{"aws:TagKeys": []string{spec.TagRotation, spec.TagPreviousKey, spec.TagFormat}}},
		request{action: "secretsmanager:UntagResource", resource: arn, context: map[string]any{"aws:TagKeys": []string{spec.TagRotation}}})
}

// TestMinimalRotation drops each action and each statement of the role of the rotation in turn: a call of a rotation
// must be refused then, as the simulator reads the policies.
func TestMinimalRotation(t *testing.T) {
	for _, s := range []*subject{rotation, sharedRotation} {
		t.Run(s.name, func(t *testing.T) {
			start := time.Now()
			documents := cloudtest.Must(s.rights(runMark))(t)
			drops := dropsOf(documents)
			shown := simulatedWants(t, drops, documents, func(d drop) []request { return rotationRequests(strings.HasPrefix(d.sid, "Named")) })
			summary.set("minimal, "+s.name, "%d rights dropped one by one: %d missed by the simulator, %d too many; %s",
				len(drops), shown, len(drops)-shown, since(start))
		})
	}
}
