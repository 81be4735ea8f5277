package awsfake

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// tagRights are the rights to tag that creating calls with tags need.
var tagRights = map[string]string{
	"iam:CreateUser":              "iam:TagUser",
	"s3:CreateBucket":             "s3:TagResource",
	"secretsmanager:CreateSecret": "secretsmanager:TagResource",
}

// invokeFunction is the right on the rotation function that RotateSecret needs besides its own: API Reference, RotateSecret.
const invokeFunction = "lambda:InvokeFunction"

// functionOf is the ARN of the function that a RotateSecret is about.
func (a *AWS) functionOf(c Call) string {
	if arn := text(c.Input, "RotationLambdaARN"); arn != nil {
		return *arn
	}
	if s := a.find(text(c.Input, "SecretId")); s != nil {
		return s.rotation.function
	}
	return "*"
}

// DelayRights has rights of a role be denied from now on, for a duration: they are those of a policy that has just been
// attached. An empty role is every role.
func (a *AWS) DelayRights(role string, d time.Duration, rights ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.LateRights = append(slices.Clone(a.LateRights), LateRights{Role: role, Rights: rights, From: time.Now(), For: d})
}

// lateRight is a right that a call needs and that is not in force yet, or empty.
func (a *AWS) lateRight(op operation, who caller, input any) string {
	if who.role == "" {
		return ""
	}
	for _, late := range a.LateRights {
		if !a.inForce(late, who.role) {
			if right := late.covers(op, input); right != "" {
				return right
			}
		}
	}
	return ""
}

// inForce tells whether late rights are no reason to deny a role anything now.
func (a *AWS) inForce(late LateRights, role string) bool {
	from := late.From
	if from.IsZero() {
		from = a.roles[role].since
	}
	age := time.Since(from)
	return late.Role != "" && late.Role != role || age < 0 || age >= late.For
}

// covers is the first right of a call that is among these, as IAM names it, or empty.
func (l LateRights) covers(op operation, input any) string {
	rights := words(l.Rights)
	if rights.action(op.name) {
		return op.action
	}
	for _, action := range op.actions(input) {
		if rights.action(action) {
			return action
		}
	}
	return ""
}

// actions are the IAM actions that a call needs.
func (op operation) actions(input any) []string {
	r := op.request(caller{}, input)
	if strings.HasPrefix(op.name, "s3:") {
		r = r.ofVersion(text(input, "VersionId"))
	}
	out := []string{r.action}
	if right := tagRights[op.name]; right != "" && hasTags(input) {
		out = append(out, right)
	}
	if op.name == "secretsmanager:RotateSecret" {
		out = append(out, invokeFunction)
	}
	if in, ok := input.(*s3.CreateBucketInput); ok && needsOwnership(in.ObjectOwnership) {
		out = append(out, "s3:PutBucketOwnershipControls")
	}
	return out
}

// needsOwnership tells whether CreateBucket needs one more right for the ownership that it asks for. Source: S3 User Guide,
// Setting Object Ownership when you create a bucket, Permissions.
func needsOwnership(is types.ObjectOwnership) bool {
	return is == types.ObjectOwnershipBucketOwnerEnforced || is == types.ObjectOwnershipBucketOwnerPreferred
}

// hasTags tells whether a creating call sets tags.
func hasTags(input any) bool {
	switch in := input.(type) {
	case *iam.CreateUserInput:
		return len(in.Tags) > 0
	case *secretsmanager.CreateSecretInput:
		return len(in.Tags) > 0
	case *s3.CreateBucketInput:
		return in.CreateBucketConfiguration != nil && len(in.CreateBucketConfiguration.Tags) > 0
	}
	return false
}

// outOfPath tells whether a role's rights, which are limited to UserPath, do not cover the user of a call.
func (a *AWS) outOfPath(op operation, who caller, input any) bool {
	name := text(input, "UserName")
	if in, ok := input.(*iam.GetAccessKeyLastUsedInput); ok { // its resource is the user who has the key
		name = aws.String("")
		if u, _ := a.ownerOf(aws.ToString(in.AccessKeyId)); u != nil {
			name = &u.name
		}
	}
	if a.UserPath == "" || who.role == "" || name == nil || op.name == "iam:GetUser" || op.name == "iam:CreateUser" {
		return false
	}
	u := a.users[*name]
	return u == nil || !strings.HasPrefix(u.path, a.UserPath)
}
