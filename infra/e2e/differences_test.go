//go:build e2e

package e2e

// difference is one way in which an emulator is not as AWS is, and the rules of AWS
// that do not hold there for it. A rule that starts to hold has to leave it.
type difference struct {
	number int // D1, D2 …
	on     []emulator
	what   string
	rules  []string
}

var differences = []difference{
	{1, []emulator{embedded, moto}, "statements are not checked for effects, actions and conditions", []string{
		"a policy has one statement at least",
		"an effect is Allow or Deny",
		"actions are actions of S3",
		"an action on objects needs objects",
		"an action on the bucket needs the bucket",
		"a condition on listing goes with listing alone",
	}},
	{2, []emulator{embedded, moto}, "CreateBucket takes every tag", []string{"CreateBucket refuses system tags"}},
	{3, []emulator{embedded, moto}, "an empty versioning status is taken, or not found", []string{"versioning is never off again"}},
	{4, []emulator{embedded, moto}, "versions and delete markers: other messages, no refusal of an id that is none", []string{
		"a delete marker keeps a bucket",
		"what is no version id is refused",
		"a version marker needs a key marker",
	}},
	{5, []emulator{embedded, moto}, "DeleteObjects takes 1,001 keys, and keys that XML cannot carry", []string{
		"DeleteObjects takes 1,000 keys",
		"DeleteObjects cannot carry every key",
	}},
	{6, []emulator{moto}, "EncodingType is ignored", []string{
		"EncodingType=url encodes keys, and the SDK does not decode them",
		"a key that XML cannot carry breaks a listing",
	}},
	{7, []emulator{embedded, moto}, "a bucket policy does not refuse the root, or does so with the code Forbidden", []string{
		"a Deny wins, for roles too",
	}},
	{8, []emulator{embedded, moto}, "Secrets Manager refuses an unknown key without a request id, or not at all", []string{
		"an unknown key is refused by each service in its way",
	}},
	{9, []emulator{embedded, moto}, "secrets: other statuses and messages, names of every character, no deletion by force of what is gone", []string{
		"deletion by force always succeeds",
		"a window has 7 to 30 days",
		"secret names have their characters",
	}},
	{10, []emulator{embedded, moto}, "a missing stack is refused in other words, or with status 500", []string{
		"a missing stack is a ValidationError",
	}},
	{11, []emulator{embedded, moto}, "in us-east-1 CreateBucket of an own bucket does not look at tags", []string{
		"CreateBucket of an own bucket is 200 in us-east-1, unless it has tags",
	}},

	{12, []emulator{embedded}, "PutBucketTagging takes system tags and a key twice", []string{
		"PutBucketTagging replaces the whole set",
	}},
	{13, []emulator{embedded}, "lifecycle rules need no filter", []string{"lifecycle rules are replaced as a whole"}},
	{14, []emulator{embedded}, "tokens: of any length, and none makes CreateSecret idempotent", []string{
		"CreateSecret with a value is idempotent by token and value",
		"a token has 32 to 64 characters",
	}},

	{15, []emulator{moto}, "labels: one may be on two versions, goes where it may not, and versions without any are listed; no function has to rotate", []string{
		"a version and a stage have to agree",
		"PutSecretValue moves a label from where it is",
		"AWSPREVIOUS moves with AWSCURRENT",
		"a label is attached, moved and removed",
		"a version without labels is not listed, and still read by its id",
		"a label that is attached elsewhere needs RemoveFromVersionId",
		"AWSCURRENT is moved, never removed",
		"a label goes to no version that is missing",
		"labels of a secret marked deleted stay",
		"a secret has 20 labels at most",
		"RotateSecret needs a function",
	}},
	{16, []emulator{moto}, "nobody's rights, keys and signatures are looked at", []string{
		"Allow is limited by action, prefix and condition",
		"a missing key is 403 for those who may not list",
		"a policy that names the user suffices",
		"a user created again is not let in by the old policy",
		"a user has no rights in IAM",
		"an inactive or deleted key is InvalidAccessKeyId",
		"an unsigned request is AccessDenied",
		"a wrong secret is SignatureDoesNotMatch",
	}},
	{17, []emulator{moto}, "bucket policies are not looked into", []string{
		"a policy is a JSON object",
		"a policy has statements",
		"a policy has 20 KB at most",
		"a principal exists",
		"a public policy is blocked",
		"not every resource",
		"resources lie in the bucket",
		"a bucket whose name starts with the bucket's is another",
		"the policy shows a deleted user by its id, and takes it no more",
	}},
	{18, []emulator{moto}, "users: names differ in case, DeleteUser asks for policies alone, other messages", []string{
		"CreateUser of an existing name is EntityAlreadyExists",
		"DeleteUser needs the keys gone",
		"DeleteUser needs the group memberships gone",
		"DeleteUser needs the login profile gone",
		"deleting a missing key is NoSuchEntity",
		"tag keys of IAM do not differ in case alone",
		"user names differ in more than case",
		"user names have an alphabet and a length",
	}},
	{19, []emulator{moto}, "buckets: no tags from CreateBucket, open to the public, no owner, other names", []string{
		"CreateBucket tags the bucket in the creating call",
		"ExpectedBucketOwner is honoured",
		"a new bucket has public access blocked",
		"bucket names have 3 to 63 characters",
	}},
	{20, []emulator{moto}, "an answer to HEAD has no request id", []string{
		"a missing bucket is NoSuchBucket, typed for some operations only",
		"what is written is read",
	}},
	{21, []emulator{moto}, "objects: suspended versioning loses versions, a quiet deletion is not", []string{
		"a versioned delete adds a marker",
		"deleting what is not there succeeds",
		"while versioning is suspended the null version is replaced",
	}},
	{22, []emulator{moto}, "secrets: status 404 for what is missing, other codes and stages", []string{
		"a missing secret is ResourceNotFoundException",
		"a name in its recovery window is taken",
		"a new value moves AWSCURRENT and leaves AWSPREVIOUS",
		"a secret marked deleted is described, and nothing else",
		"a secret without a value has no version",
	}},
	{23, []emulator{moto}, "lifecycle rules may be of two forms", []string{
		"lifecycle rules are of one form, with a filter or with a prefix of their own",
	}},
	{24, []emulator{moto}, "moto answers a question for the status of a missing stack by a server error", []string{
		"DescribeStacks of a missing stack is a ValidationError in other words",
	}},
}
