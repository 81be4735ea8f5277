package awsfake_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// user makes a user that goes away with the case.
func (e *env) user(t *testing.T) string {
	t.Helper()
	name := e.name()
	must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), &iam.CreateUserInput{
		UserName: &name, Path: aws.String("/awsfake/"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
	t.Cleanup(func() { e.removeUser(context.Background(), name) })
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
	return "arn:aws:iam::" + e.account + ":user/awsfake/" + name
}

// key makes a key of a user, and an S3 client with it.
func (e *env) key(t *testing.T, user string, options ...func(*s3.Options)) (*types.AccessKey, *s3.Client) {
	t.Helper()
	out := must[*iam.CreateAccessKeyOutput](t)(e.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &user}))
	return out.AccessKey, e.as(*out.AccessKey.AccessKeyId, *out.AccessKey.SecretAccessKey, options...)
}

// as is an S3 client with other credentials.
func (e *env) as(id, secret string, options ...func(*s3.Options)) *s3.Client {
	static := func(o *s3.Options) {
		o.UsePathStyle = e.s3.Options().UsePathStyle
		o.Credentials = credentials.NewStaticCredentialsProvider(id, secret, "")
	}
	return s3.NewFromConfig(e.cfg, append(options, static)...)
}

func iamRules() []rule {
	return []rule{
		{name: "a missing user is NoSuchEntity", source: "IAM API Reference, GetUser, Errors",
			run: func(t *testing.T, e *env) {
				_, err := e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String(e.name())})
				var typed *types.NoSuchEntityException
				if !errors.As(err, &typed) {
					t.Errorf("got %T, want the SDK's type", err)
				}
				want(t, err, 404, "NoSuchEntity")
			}},
		{name: "CreateUser tags the user in the creating call", source: "IAM API Reference, CreateUser, Tags",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				out := must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name}))
				equal(t, "arn", *out.User.Arn, e.userARN(name))
				equal(t, "tags", len(out.User.Tags), 1)
				list := must[*iam.ListUserTagsOutput](t)(e.iam.ListUserTags(t.Context(), &iam.ListUserTagsInput{UserName: &name}))
				equal(t, "tag", *list.Tags[0].Key+"="+*list.Tags[0].Value, "k=v")
			}},
		{name: "TagUser merges and UntagUser removes", source: "IAM API Reference, TagUser and UntagUser",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				must[*iam.TagUserOutput](t)(e.iam.TagUser(t.Context(), &iam.TagUserInput{UserName: &name,
					Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
				must[*iam.UntagUserOutput](t)(e.iam.UntagUser(t.Context(), &iam.UntagUserInput{UserName: &name, TagKeys: []string{"k"}}))
				out := must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name}))
				equal(t, "tags", len(out.User.Tags), 1)
				equal(t, "tag", *out.User.Tags[0].Key, "a")
			}},
		{name: "CreateUser of an existing name is EntityAlreadyExists", source: "IAM API Reference, CreateUser, Errors",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				_, err := e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
				var typed *types.EntityAlreadyExistsException
				if !errors.As(err, &typed) {
					t.Errorf("got %T, want the SDK's type", err)
				}
				want(t, err, 409, "EntityAlreadyExists", "User with name "+name+" already exists.")
			}},
		{name: "user names differ in more than case", source: "IAM API Reference, CreateUser, UserName: not distinguished by case",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				_, err := e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("R" + name[1:])})
				want(t, err, 409, "EntityAlreadyExists")
			}},
		{name: "a boundary must exist", source: "IAM API Reference, CreateUser, PermissionsBoundary", fake: true,
			run: func(t *testing.T, e *env) {
				boundary := "arn:aws:iam::" + account + ":policy/boundary"
				in := &iam.CreateUserInput{UserName: aws.String("u"), PermissionsBoundary: &boundary}
				_, err := e.iam.CreateUser(t.Context(), in)
				want(t, err, 404, "NoSuchEntity")
				if err := e.fake.AddManagedPolicy(boundary, `{"Statement":[]}`); err != nil {
					t.Fatal(err)
				}
				out := must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), in))
				equal(t, "boundary", *out.User.PermissionsBoundary.PermissionsBoundaryArn, boundary)
			}},
		{name: "DeleteUser needs the keys gone", source: "IAM API Reference, DeleteUser; IAM User Guide, Remove or deactivate a user",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				e.key(t, name)
				_, err := e.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name})
				var typed *types.DeleteConflictException
				if !errors.As(err, &typed) {
					t.Errorf("got %T, want the SDK's type", err)
				}
				want(t, err, 409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
			}},
		{name: "DeleteUser names what is attached", fake: true,
			source: "userplex #17 (groups), aws-nuke #281 and #319 (MFA, referenced objects), cloud-custodian #1663 (login profile)",
			run: func(t *testing.T, e *env) {
				for message, what := range map[string]awsfake.Attachment{
					"Cannot delete entity, must remove users from group first.":   awsfake.GroupMembership,
					"Cannot delete entity, must delete MFA device first.":         awsfake.MFADevice,
					"Cannot delete entity, must remove referenced objects first.": awsfake.ReferencedObject,
					"Cannot delete entity, must delete login profile first.":      awsfake.LoginProfile,
					"Cannot delete entity, must detach all policies first.":       awsfake.AttachedPolicy,
					"Cannot delete entity, must delete policies first.":           awsfake.InlinePolicy,
				} {
					e.fake.AddUser("u", "/", nil)
					e.fake.Attach("u", what)
					_, err := e.iam.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: aws.String("u")})
					want(t, err, 409, "DeleteConflict", message)
				}
			}},
		{name: "a user created again is another principal", source: "IAM User Guide, IAM identifiers, Unique identifiers",
			run: func(t *testing.T, e *env) {
				name := e.user(t)
				get := func() string {
					return *must[*iam.GetUserOutput](t)(e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name})).User.UserId
				}
				first := get()
				e.removeUser(t.Context(), name)
				must[*iam.CreateUserOutput](t)(e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))
				if first == get() {
					t.Error("the unique id came back")
				}
			}},
		{name: "tag keys of IAM do not differ in case alone", source: "IAM User Guide, Tags for IAM resources, naming rules", fake: true,
			run: func(t *testing.T, e *env) {
				_, err := e.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String(e.name()), Tags: []types.Tag{
					{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("A"), Value: aws.String("2")}}})
				want(t, err, 400, "InvalidInput")
			}},
		{name: "a fresh role is denied everything for a while", source: "aws-cdk #37878", fake: true,
			run: func(t *testing.T, e *env) {
				e.fake.RolePropagation = 30 * time.Second
				_, err := e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("u")})
				want(t, err, 403, "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/provider/provider-1 is not "+
					"authorized to perform: iam:GetUser on resource: user u because no identity-based policy allows the iam:GetUser action")
				_, err = e.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})
				want(t, err, 403, "AccessDenied")
				time.Sleep(30 * time.Second)
				_, err = e.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: aws.String("u")})
				want(t, err, 404, "NoSuchEntity")
			}},
	}
}
