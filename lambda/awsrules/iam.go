package awsrules

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// userPath is where the users of the rules are.
const userPath = "/awsrules/"

// user makes a user that goes away with the case.
func (e *env) user(t T) string {
	t.Helper()
	name := e.name()
	Must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), &iam.CreateUserInput{
		UserName: &name, Path: aws.String(userPath), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
	t.Cleanup(func() { e.removeUser(context.WithoutCancel(t.Context()), name) })
	return name
}

func (e *env) removeUser(ctx context.Context, name string) {
	keys, err := e.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &name})
	if err != nil {
		return // gone
	}
	for _, k := range keys.AccessKeyMetadata {
		_, _ = e.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: k.AccessKeyId})
	}
	_, _ = e.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name})
}

func (e *env) userARN(name string) string {
	return "arn:aws:iam::" + e.ID + ":user" + userPath + name
}

// key makes a key of a user, and an S3 client with it.
func (e *env) key(t T, user string, options ...func(*s3.Options)) (*types.AccessKey, *s3.Client) {
	t.Helper()
	out := Must[*iam.CreateAccessKeyOutput](t)(e.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &user}))
	return out.AccessKey, e.as(*out.AccessKey.AccessKeyId, *out.AccessKey.SecretAccessKey, options...)
}

func iamRules() []Rule {
	return []Rule{
		{Name: "a missing user is NoSuchEntity", Source: "IAM API Reference, GetUser, Errors",
			play: func(t T, e *env) {
				_, err := e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String(e.name())})
				typed[*types.NoSuchEntityException](t, err)
				Want(t, err, 404, "NoSuchEntity")
			}},
		{Name: "CreateUser tags the user in the creating call", Source: "IAM API Reference, CreateUser, Tags",
			play: func(t T, e *env) {
				name := e.user(t)
				out := Must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name}))
				Equal(t, "arn", *out.User.Arn, e.userARN(name))
				Equal(t, "tags", len(out.User.Tags), 1)
				list := Must[*iam.ListUserTagsOutput](t)(e.iam.ListUserTags(t.Context(), &iam.ListUserTagsInput{UserName: &name}))
				Equal(t, "tag", *list.Tags[0].Key+"="+*list.Tags[0].Value, "k=v")
			}},
		{Name: "TagUser merges and UntagUser removes", Source: "IAM API Reference, TagUser and UntagUser",
			play: func(t T, e *env) {
				name := e.user(t)
				Must[*iam.TagUserOutput](t)(e.iam.TagUser(t.Context(), &iam.TagUserInput{UserName: &name,
					Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
				Must[*iam.UntagUserOutput](t)(e.iam.UntagUser(t.Context(), &iam.UntagUserInput{UserName: &name, TagKeys: []string{"k"}}))
				out := Must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name}))
				Equal(t, "tags", len(out.User.Tags), 1)
				Equal(t, "tag", *out.User.Tags[0].Key, "a")
			}},
		{Name: "CreateUser of an existing name is EntityAlreadyExists", Source: "IAM API Reference, CreateUser, Errors",
			play: func(t T, e *env) {
				name := e.user(t)
				_, err := e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
				typed[*types.EntityAlreadyExistsException](t, err)
				Want(t, err, 409, "EntityAlreadyExists", "User with name "+name+" already exists.")
			}},
		{Name: "user names differ in more than case", Source: "IAM API Reference, CreateUser, UserName: not distinguished by case",
			play: func(t T, e *env) {
				name := e.user(t)
				_, err := e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("R" + name[1:])})
				Want(t, err, 409, "EntityAlreadyExists")
			}},
		{Name: "user names have an alphabet and a length", Source: "IAM API Reference, CreateUser, UserName and Path; IAM User Guide, " +
			"IAM and AWS STS quotas",
			play: func(t T, e *env) {
				create := func(name, path string) error {
					_, err := e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name, Path: &path})
					t.Cleanup(func() { e.removeUser(context.WithoutCancel(t.Context()), name) })
					return err
				}
				Want(t, create(e.name()+" with spaces", "/"), 400, "ValidationError")
				Want(t, create(strings.Repeat("n", 65), "/"), 400, "ValidationError")
				Want(t, create(e.name(), "/open"), 400, "ValidationError")
				longest := e.name() + "_+=,.@-"
				longest += strings.Repeat("n", 64-len(longest))
				Equal(t, "64 characters", create(longest, "/a/b/"), nil)
			}},
		{Name: "tag keys of IAM do not differ in case alone", Source: "IAM User Guide, Tags for IAM resources, naming rules",
			play: func(t T, e *env) {
				_, err := e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String(e.name()), Tags: []types.Tag{
					{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("A"), Value: aws.String("2")}}})
				Want(t, err, 400, "InvalidInput")
			}},
		{Name: "DeleteUser needs the keys gone", Source: "IAM API Reference, DeleteUser; IAM User Guide, Remove or deactivate a user",
			play: func(t T, e *env) {
				name := e.user(t)
				e.key(t, name)
				_, err := e.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name})
				typed[*types.DeleteConflictException](t, err)
				Want(t, err, 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
			}},
		{Name: "a user created again is another principal", Source: "IAM User Guide, IAM identifiers, Unique identifiers",
			play: func(t T, e *env) {
				name := e.user(t)
				get := func() string {
					return *Must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name})).User.UserId
				}
				first := get()
				e.removeUser(t.Context(), name)
				Must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))
				if first == get() {
					t.Errorf("the unique id came back")
				}
			}},
	}
}
