package bucketuser

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/lambda/spec"
)

// The provider's role may do what one of its calls needs, and each statement here
// says which. It can write no policy, join no group, pass no role and change no
// boundary: what a user may do comes from the bucket policy alone.
//
// Rights do not change in place. CloudFormation applies a changed policy before it
// cleans up what an update replaced, so a right that followed a new name would
// leave the old bucket behind (aws-cdk #9840). So the patterns of names, fixed as
// those of generated names or set when a provider stack is deployed, stand in one
// policy of the provider, and every other name in a policy of its own, see [names].

// limits are what a provider's role ends at within the account: patterns of names,
// and the ARN of the stacks that it may ask CloudFormation about.
type limits struct{ buckets, secrets, stacks string }

// place is where ARNs point. In a template it holds pseudo parameters.
type place struct{ partition, region, account, urlSuffix string }

func placeOf(stack awscdk.Stack) place {
	return place{*stack.Partition(), *stack.Region(), *stack.Account(), *stack.UrlSuffix()}
}

func (at place) user(path string) string {
	return "arn:" + at.partition + ":iam::" + at.account + ":user" + path
}

// generated are the limits of a provider within a stack: the names that its
// resources are given unless they say otherwise.
func (at place) generated(stackID string) limits {
	return limits{
		buckets: spec.GeneratedBucketPrefix + at.account + "-" + at.region + "-*",
		secrets: spec.GeneratedSecretPrefix + "*",
		stacks:  stackID,
	}
}

func (at place) bucket(name string) string { return "arn:" + at.partition + ":s3:::" + name }

func (at place) secret(name string) string {
	return "arn:" + at.partition + ":secretsmanager:" + at.region + ":" + at.account + ":secret:" + name
}

// providerStatements are the rights that do not depend on the names of any resource.
func (at place) providerStatements(l limits, boundaryArn, logGroupArn, rotationArn string) []*awsiam.PolicyStatementProps {
	ours := at.user(spec.DefaultIAMPath + "*")
	statements := []*awsiam.PolicyStatementProps{
		// Is the name taken, and by whom? The path of a user that does not exist is
		// unknown, so a narrower resource would answer AccessDenied for it.
		allow("FindUsers", []string{"iam:GetUser"}, at.user("/*")),

		// No user without the boundary: whoever got hold of this role could otherwise
		// make one that more can be granted to.
		when(allow("CreateUsers", []string{"iam:CreateUser"}, ours),
			"StringEquals", "iam:PermissionsBoundary", boundaryArn),

		// Tags are part of CreateUser. IAM has no condition that ties TagUser to it, so
		// no other statement may rely on the tags of a user.
		allow("TagUsers", []string{"iam:TagUser"}, ours),

		// Keys can only be limited by path: CreateAccessKey knows no boundary.
		allow("KeepUsers", []string{
			"iam:ListAccessKeys", // which keys does the secret not name?
			"iam:CreateAccessKey",
			"iam:DeleteAccessKey",      // keys without an owner, and all of them before DeleteUser
			"iam:GetAccessKeyLastUsed", // for the log, of a previous key that is to be deleted
			"iam:DeleteUser",
		}, ours),

		// Asked after a 403 alone: is the bucket someone else's, or a right missing?
		// It has no resource to be limited to.
		allow("TellBucketsApart", []string{"s3:ListAllMyBuckets"}, "*"),
	}
	statements = append(statements, at.bucketStatements("Pattern", l.buckets)...)
	return append(statements,
		allow("PatternSecrets", secretActions(), at.secret(l.secrets)),

		// Secrets Manager asks this of who sets a schedule, and only of the function that it names.
		allow("SetSchedules", []string{"lambda:InvokeFunction"}, rotationArn),

		// Does CloudFormation still wait for this? A Create that comes after its own
		// Delete stops here. Is it a rollback? Nothing is refused to that.
		allow("AskCloudFormation", []string{"cloudformation:DescribeStackResource", "cloudformation:DescribeStacks"}, l.stacks),

		allow("Log", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, logGroupArn),
	)
}

// bucketStatements are the rights to the buckets of one name or pattern. The
// condition keeps them to buckets of this account, as names are global.
func (at place) bucketStatements(sid, name string) []*awsiam.PolicyStatementProps {
	return []*awsiam.PolicyStatementProps{
		when(allow(sid+"Buckets", []string{
			"s3:CreateBucket",
			"s3:TagResource",                // the tags of CreateBucket
			"s3:PutBucketOwnershipControls", // BucketOwnerEnforced in CreateBucket, which organizations demand
			"s3:DeleteBucket",
			"s3:GetBucketTagging", // is it ours?
			"s3:PutBucketTagging",
			"s3:GetBucketPublicAccessBlock",
			"s3:PutBucketPublicAccessBlock",
			"s3:GetBucketPolicy", // statements of others stay
			"s3:PutBucketPolicy",
			"s3:DeleteBucketPolicy",
			"s3:GetBucketVersioning",
			"s3:PutBucketVersioning",
			"s3:GetLifecycleConfiguration", // rules of others stay
			"s3:PutLifecycleConfiguration",
			"s3:GetEncryptionConfiguration", // can the user work in a bucket that is adopted?
			"s3:GetBucketAbac",              // can its tags be written?
			"s3:ListBucketVersions",         // what to delete, or what forbids to
			"s3:ListBucketMultipartUploads",
		}, at.bucket(name)), "StringEquals", "s3:ResourceAccount", at.account),

		when(allow(sid+"Objects", []string{
			"s3:PutObject", // the folder marker
			// Every deletion names a version, "null" in a bucket that never had any: for
			// that case AWS documents neither of the two.
			"s3:DeleteObject",
			"s3:DeleteObjectVersion",
			"s3:AbortMultipartUpload",
		}, at.bucket(name+"/*")), "StringEquals", "s3:ResourceAccount", at.account),
	}
}

func secretActions() []string {
	return []string{
		"secretsmanager:CreateSecret",
		"secretsmanager:TagResource", // the tags of CreateSecret too
		"secretsmanager:UntagResource",
		"secretsmanager:DescribeSecret", // is it ours?
		"secretsmanager:GetSecretValue", // which key is recorded?
		"secretsmanager:PutSecretValue",
		"secretsmanager:UpdateSecretVersionStage", // every commit but the first
		"secretsmanager:UpdateSecret",             // the KMS key
		"secretsmanager:DeleteSecret",
		"secretsmanager:RestoreSecret", // one that waits for its deletion
		"secretsmanager:RotateSecret",  // sets a schedule
		"secretsmanager:CancelRotateSecret",
	}
}

func allow(sid string, actions []string, resources ...string) *awsiam.PolicyStatementProps {
	return &awsiam.PolicyStatementProps{
		Sid:       jsii.String(sid),
		Actions:   jsii.Strings(actions...),
		Resources: jsii.Strings(resources...),
	}
}

// when adds a condition to a statement and returns the statement.
func when(s *awsiam.PolicyStatementProps, operator, key string, value any) *awsiam.PolicyStatementProps {
	if s.Conditions == nil {
		s.Conditions = &map[string]any{}
	}
	(*s.Conditions)[operator] = map[string]any{key: value}
	return s
}

// newStatements turns props into the objects that policies are made of.
func newStatements(props []*awsiam.PolicyStatementProps) *[]awsiam.PolicyStatement {
	statements := make([]awsiam.PolicyStatement, len(props))
	for i, p := range props {
		statements[i] = awsiam.NewPolicyStatement(p)
	}
	return &statements
}
