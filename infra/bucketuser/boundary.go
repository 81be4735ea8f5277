package bucketuser

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newBoundary returns the permissions boundary of every user that the provider
// makes.
//
// These users have no policies of their own: what they may do comes from bucket
// policies that name them, and a boundary limits what such a policy grants by an
// explicit Deny alone. So it denies everything but S3 in this account, whoever
// grants it.
//
// With a pattern it denies the buckets outside of that too. Without one it names no
// bucket on purpose: a list of names would have to change in place with each
// resource, and would take the old bucket from a live user while an update that may
// still fail is under way.
//
// What a key can do ends with the key. A session can be made from it that lives for up
// to 36 hours, which no policy forbids (sts:GetSessionToken asks for no right), so
// nothing is left to a session. A key of long term has no aws:TokenIssueTime, nor have
// the links that it signs.
//
// The function tells by its tags whose a bucket is, and relies on the public access
// block. So no user changes either, not even one whose bucket policy is the guide's
// s3:*: S3 takes tags by two calls, of which PutBucketAbac switches one off, and has no
// action of its own for taking tags or block away. What else such a user may do to its
// bucket, its policy among it, stays.
//
// The Allow is for the day on which somebody attaches a policy to such a user: it
// then adds S3 at most.
func newBoundary(scope constructs.Construct, at place, pattern string) awsiam.ManagedPolicy {
	here := map[string]any{"s3:ResourceAccount": at.account}
	statements := []*awsiam.PolicyStatementProps{
		{
			Sid:        jsii.String("AtMostS3"),
			Actions:    jsii.Strings("s3:*"),
			Resources:  jsii.Strings("*"),
			Conditions: &map[string]any{"StringEquals": here},
		},
		{
			Sid:        jsii.String("NothingButS3"), // so no IAM, no other role, no secret
			Effect:     awsiam.Effect_DENY,
			NotActions: jsii.Strings("s3:*", "sts:GetCallerIdentity"),
			Resources:  jsii.Strings("*"),
		},
		{
			Sid:        jsii.String("NothingElsewhere"),
			Effect:     awsiam.Effect_DENY,
			Actions:    jsii.Strings("s3:*"),
			Resources:  jsii.Strings("*"),
			Conditions: &map[string]any{"StringNotEquals": here},
		},
		{
			Sid:        jsii.String("NoSessions"),
			Effect:     awsiam.Effect_DENY,
			Actions:    jsii.Strings("s3:*"),
			Resources:  jsii.Strings("*"),
			Conditions: &map[string]any{"Null": map[string]any{"aws:TokenIssueTime": "false"}},
		},
		{
			Sid:    jsii.String("NeitherTagsNorPublicAccess"),
			Effect: awsiam.Effect_DENY,
			Actions: jsii.Strings(
				"s3:PutBucketTagging", // DeleteBucketTagging too
				"s3:TagResource",
				"s3:UntagResource",
				"s3:PutBucketAbac",
				"s3:PutBucketPublicAccessBlock",  // DeletePublicAccessBlock too
				"s3:PutAccountPublicAccessBlock", // only a policy of the user's own could allow it
			),
			Resources: jsii.Strings("*"),
		},
	}
	if pattern != "" {
		statements = append(statements, &awsiam.PolicyStatementProps{
			Sid:          jsii.String("NothingOutsideThePattern"),
			Effect:       awsiam.Effect_DENY,
			Actions:      jsii.Strings("s3:*"),
			NotResources: jsii.Strings(at.bucket(pattern), at.bucket(pattern+"/*")),
		})
	}
	// A change of the description, or a name or path, would replace the policy: users
	// keep the boundary that they were made with, and the old one could not go.
	return awsiam.NewManagedPolicy(scope, jsii.String("Boundary"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Permissions boundary of the IAM users of Custom::BucketUser"),
		Statements:  newStatements(statements),
	})
}
