package bucketuser

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/lambda/spec"
)

// Secrets Manager rotates keys by a function of its own. Who may rotate needs the right to
// invoke the function that does it ("Rotation function permissions" in the Secrets Manager user
// guide). That of the provider would do whatever a forged event says, such as a Delete with
// Purge. So there are two, of the same executable, and the role of this one can delete no
// bucket, user or secret, and write no policy.

// rotationHandler is how the executable tells that it is the rotation function.
const rotationHandler = "rotation"

// rotationTimeout bounds one step of a rotation. The longest is createSecret: it waits
// eight minutes for room, while the key of another event has its lease.
const rotationTimeout = 10 * time.Minute

// rotationVariable is in the environment of the provider's function: the ARN of the rotation
// function, for the schedules that it sets.
const rotationVariable = "BUCKETUSER_ROTATION_FUNCTION_ARN"

// newRotation makes the rotation function with its role, and the permission for Secrets Manager
// to invoke it for secrets of the provider's pattern. It writes the log of the provider: what
// became of the keys of a set stands in one place.
//
// Lambda's defaults for asynchronous calls are right for it: each step of a rotation may be
// delivered again, and late, so nothing limits that.
func (p *provider) newRotation(code program, t terms) {
	at := placeOf(awscdk.Stack_Of(p))
	p.rotationRole = awsiam.NewRole(p, jsii.String("RotationRole"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("Rotates the access keys of Custom::BucketUser"),
	})
	rights := awsiam.NewPolicy(p, jsii.String("RotationRights"), &awsiam.PolicyProps{
		Roles:      &[]awsiam.IRole{p.rotationRole},
		Statements: newStatements(at.rotationStatements(t.limits, *p.log.LogGroupArn())),
	})
	p.rotation = p.newLambda("RotationFunction", code, &awslambda.FunctionProps{
		Description: jsii.String("Rotates the access keys of Custom::BucketUser"),
		Handler:     jsii.String(rotationHandler),
		Role:        p.rotationRole,
		Timeout:     seconds(rotationTimeout),
		MemorySize:  jsii.Number(256),
		Environment: t.variables(),
	})
	permission := p.permitRotation(p, "RotationPermission", at, at.secret(t.limits.secrets))
	p.needed = append(p.needed, rights, permission)
}

// permitRotation lets Secrets Manager invoke the rotation function for the secrets of one ARN or
// pattern; Lambda compares it with StringLike (AddPermission, SourceArn). Account and ARN are both
// named, against a confused deputy. Given names have a permission of their own each, as they have
// policies: one for all secrets of the account would let every secret name this function.
func (p *provider) permitRotation(scope constructs.Construct, id string, at place, secrets string) awslambda.CfnPermission {
	return awslambda.NewCfnPermission(scope, &id, &awslambda.CfnPermissionProps{
		Action:        jsii.String("lambda:InvokeFunction"),
		FunctionName:  p.rotation.FunctionArn(),
		Principal:     jsii.String("secretsmanager.amazonaws.com"),
		SourceAccount: &at.account,
		SourceArn:     &secrets,
	})
}

// rotationStatements are the rights of the rotation function that do not depend on the names of
// any resource.
func (at place) rotationStatements(l limits, logGroupArn string) []*awsiam.PolicyStatementProps {
	statements := []*awsiam.PolicyStatementProps{
		// Is the user ours, and has it the boundary? The path of one that is gone is unknown.
		allow("FindUsers", []string{"iam:GetUser"}, at.user("/*")),

		allow("KeepKeys", []string{
			"iam:ListAccessKeys", // which keys does the secret not name, and is there room?
			"iam:CreateAccessKey",
			"iam:DeleteAccessKey",      // the key before the previous one, and those without an owner
			"iam:GetAccessKeyLastUsed", // for the log, of each that goes
		}, at.user(spec.DefaultIAMPath+"*")),
	}
	statements = append(statements, at.rotatedBucket("Pattern", l.buckets)...)
	statements = append(statements, rotatedSecret("Pattern", at.secret(l.secrets))...)
	return append(statements, allow("Log", []string{"logs:CreateLogStream", "logs:PutLogEvents"}, logGroupArn))
}

// rotatedBucket are the rights of the rotation function to the buckets of one name or pattern. It
// proves a key that may only read by an object that it puts itself, and removes the object.
func (at place) rotatedBucket(sid, name string) []*awsiam.PolicyStatementProps {
	return []*awsiam.PolicyStatementProps{
		when(allow(sid+"Buckets", []string{
			"s3:GetBucketTagging", // is it ours?
			"s3:GetBucketPolicy",  // is the prefix in the secret the one that the user was let into?
			"s3:ListBucketVersions",
		}, at.bucket(name)), "StringEquals", "s3:ResourceAccount", at.account),

		when(allow(sid+"Probes", []string{
			"s3:PutObject",
			"s3:DeleteObject", // as in Objects of the provider's role
			"s3:DeleteObjectVersion",
		}, at.bucket(name+"/*/"+spec.ProbeName)), "StringEquals", "s3:ResourceAccount", at.account),
	}
}

// rotatedSecret are the rights of the rotation function to secrets.
func rotatedSecret(sid string, arns ...string) []*awsiam.PolicyStatementProps {
	tags := []string{spec.TagRotation, spec.TagPreviousKey, spec.TagFormat}
	return []*awsiam.PolicyStatementProps{
		allow(sid+"Secrets", []string{
			"secretsmanager:DescribeSecret", // whose is it, and which version has which stage?
			"secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue",
			"secretsmanager:UpdateSecretVersionStage", // the commit
		}, arns...),

		// No tag that says whose a secret is.
		when(allow(sid+"SecretTags", []string{
			"secretsmanager:TagResource",
			"secretsmanager:UntagResource",
		}, arns...), "ForAllValues:StringEquals", "aws:TagKeys", tags),
	}
}

// rotationStatements are the rights of the rotation function that one resource needs beyond
// those of every resource, or none.
func (n names) rotationStatements(at place) []*awsiam.PolicyStatementProps {
	var statements []*awsiam.PolicyStatementProps
	if n.bucket != "" {
		statements = append(statements, at.rotatedBucket("Named", n.bucket)...)
	}
	if n.secret != "" {
		statements = append(statements, rotatedSecret("Named", at.namedSecret(n.secret))...)
	}
	if n.key != "" {
		statements = append(statements, at.keyStatement(n.key, rotationKeyActions()))
	}
	return statements
}

// rotationKeyActions are what reading and writing a value takes.
func rotationKeyActions() []string { return []string{"kms:Decrypt", "kms:GenerateDataKey"} }
