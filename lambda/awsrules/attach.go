package awsrules

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// Attachment is something on a user, other than keys, that keeps DeleteUser from succeeding.
type Attachment string

// The attachments, each in the words in which IAM asks for its removal.
const (
	InlinePolicy    Attachment = "delete policies"
	AttachedPolicy  Attachment = "detach all policies"
	GroupMembership Attachment = "remove users from group"
	LoginProfile    Attachment = "delete login profile"
)

// attach puts something on a user, until detach.
func (e *env) attach(t T, user string, what Attachment) (detach func()) {
	t.Helper()
	if e.Attach != nil {
		return e.Attach(user, what)
	}
	ctx, name := t.Context(), e.name()
	document := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`)
	switch what {
	case InlinePolicy:
		Must[*iam.PutUserPolicyOutput](t)(e.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
			UserName: &user, PolicyName: &name, PolicyDocument: document}))
		return func() {
			Must[*iam.DeleteUserPolicyOutput](t)(e.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &user, PolicyName: &name}))
		}
	case AttachedPolicy:
		arn := Must[*iam.CreatePolicyOutput](t)(e.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{
			PolicyName: &name, PolicyDocument: document})).Policy.Arn
		Must[*iam.AttachUserPolicyOutput](t)(e.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &user, PolicyArn: arn}))
		return func() {
			Must[*iam.DetachUserPolicyOutput](t)(e.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: &user, PolicyArn: arn}))
			Must[*iam.DeletePolicyOutput](t)(e.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn}))
		}
	case GroupMembership:
		Must[*iam.CreateGroupOutput](t)(e.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: &name}))
		Must[*iam.AddUserToGroupOutput](t)(e.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: &user, GroupName: &name}))
		return func() {
			Must[*iam.RemoveUserFromGroupOutput](t)(e.iam.RemoveUserFromGroup(ctx,
				&iam.RemoveUserFromGroupInput{UserName: &user, GroupName: &name}))
			Must[*iam.DeleteGroupOutput](t)(e.iam.DeleteGroup(ctx, &iam.DeleteGroupInput{GroupName: &name}))
		}
	case LoginProfile:
		Must[*iam.CreateLoginProfileOutput](t)(e.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{
			UserName: &user, Password: aws.String("Long-enough-1-" + name)}))
		return func() {
			Must[*iam.DeleteLoginProfileOutput](t)(e.iam.DeleteLoginProfile(ctx, &iam.DeleteLoginProfileInput{UserName: &user}))
		}
	}
	t.Fatalf("no way to attach: %s", what)
	return nil
}

// conflictRules are one for each attachment.
func conflictRules() []Rule {
	conflict := func(name, source string, what Attachment) Rule {
		return Rule{Name: name, Source: "IAM API Reference, DeleteUser; " + source, play: func(t T, e *env) {
			user := e.user(t)
			detach := e.attach(t, user, what)
			_, err := e.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &user})
			Want(t, err, 409, "DeleteConflict", "Cannot delete entity, must "+string(what)+" first.")
			detach()
			_, err = e.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &user})
			Equal(t, "once it is gone", err, nil)
		}}
	}
	return []Rule{
		conflict("DeleteUser needs the inline policies gone", "IAM User Guide, Remove or deactivate a user", InlinePolicy),
		conflict("DeleteUser needs the attached policies gone", "IAM User Guide, Remove or deactivate a user", AttachedPolicy),
		conflict("DeleteUser needs the group memberships gone", "userplex #17", GroupMembership),
		conflict("DeleteUser needs the login profile gone", "cloud-custodian #1663", LoginProfile),
	}
}
