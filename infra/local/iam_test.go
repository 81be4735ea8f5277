//go:build e2e

package local

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

func iamCorrections() []correction {
	return []correction{
		{"a user has at most two keys", twoKeys},
		{"DeleteUser refuses a user with an inline policy", conflictWithPolicy},
		{"DeleteUser refuses a member of a group", conflictWithGroup},
		{"DeleteUser refuses a user with a login profile", conflictWithLogin},
		{"user names have an alphabet and a length", userNames},
		{"user names differ in more than case", userNameCase},
	}
}

func twoKeys(t *testing.T, w *world) error {
	w.key(t, "two-keys", "/")
	_, err := w.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("two-keys")})
	must(t, err)
	_, err = w.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("two-keys")})
	return wantCode("a third key", err, "LimitExceeded")
}

func conflictWithPolicy(t *testing.T, w *world) error {
	ctx, name := t.Context(), aws.String("conflict-policy")
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name})
	must(t, err)
	_, err = w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: name, PolicyName: name, PolicyDocument: policy(allow("*", "s3:*")),
	})
	must(t, err)
	_, conflict := w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	if conflict == nil {
		return errors.New("the user is gone")
	}
	_, err = w.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: name})
	must(t, err)
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	return errors.Join(wantCode("with the policy", conflict, "DeleteConflict"), wantCode("without it", err, ""))
}

func conflictWithGroup(t *testing.T, w *world) error {
	ctx, name := t.Context(), aws.String("conflict-group")
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name})
	must(t, err)
	_, err = w.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: name})
	must(t, err)
	_, err = w.iam.AddUserToGroup(ctx, &iam.AddUserToGroupInput{UserName: name, GroupName: name})
	must(t, err)
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	return wantCode("DeleteUser", err, "DeleteConflict")
}

func conflictWithLogin(t *testing.T, w *world) error {
	ctx, name := t.Context(), aws.String("conflict-login")
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: name})
	must(t, err)
	_, err = w.iam.CreateLoginProfile(ctx, &iam.CreateLoginProfileInput{UserName: name, Password: aws.String("Long-enough-1")})
	must(t, err)
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	return wantCode("DeleteUser", err, "DeleteConflict")
}

func userNames(t *testing.T, w *world) error {
	ctx := t.Context()
	_, alphabet := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("no spaces")})
	_, length := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(strings.Repeat("n", 65))})
	_, path := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("open-path"), Path: aws.String("/open")})
	_, good := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(strings.Repeat("n", 60) + "+=,@"), Path: aws.String("/a/b/")})
	return errors.Join(
		wantCode("a space in the name", alphabet, "ValidationError"),
		wantCode("65 characters", length, "ValidationError"),
		wantCode("a path without a slash at its end", path, "ValidationError"),
		wantCode("a good name", good, ""))
}

func userNameCase(t *testing.T, w *world) error {
	_, err := w.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("letter-case")})
	must(t, err)
	_, err = w.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("Letter-Case")})
	return wantCode("the name in other case", err, "EntityAlreadyExists")
}
