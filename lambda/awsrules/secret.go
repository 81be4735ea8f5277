package awsrules

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const marked = "You can't perform this operation on the secret because it was marked for deletion."

// secret makes a secret, without a value when that is empty, that goes away with the case.
func (e *env) secret(t T, value string) (name, arn string) {
	t.Helper()
	name = e.name()
	out := Must[*secretsmanager.CreateSecretOutput](t)(e.secrets.CreateSecret(t.Context(), e.createSecret(name, value)))
	t.Cleanup(func() { _ = e.removeSecret(context.WithoutCancel(t.Context()), name, 0) })
	return name, *out.ARN
}

func (e *env) createSecret(name, value string) *secretsmanager.CreateSecretInput {
	in := &secretsmanager.CreateSecretInput{Name: &name, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}
	if value != "" {
		in.SecretString = &value
	}
	return in
}

// removeSecret deletes by force, or with a window in days.
func (e *env) removeSecret(ctx context.Context, name string, days int64) error {
	in := &secretsmanager.DeleteSecretInput{SecretId: &name, RecoveryWindowInDays: &days}
	if days == 0 {
		in = &secretsmanager.DeleteSecretInput{SecretId: &name, ForceDeleteWithoutRecovery: aws.Bool(true)}
	}
	_, err := e.secrets.DeleteSecret(ctx, in)
	return err
}

func (e *env) describe(t T, name string) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	return Must[*secretsmanager.DescribeSecretOutput](t)(e.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name}))
}

func (e *env) get(t T, name string) (*secretsmanager.GetSecretValueOutput, error) {
	return e.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
}

func (e *env) putValue(t T, name, value, token string) (*secretsmanager.PutSecretValueOutput, error) {
	return e.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value, ClientRequestToken: &token})
}

func token(n int) string { return fmt.Sprintf("awsrules-token-%020d", n) }

func secretRules() []Rule {
	const recorded = "recorded by localstack, test_secretsmanager.snapshot.json "
	return []Rule{
		{Name: "a secret without a value has no version", Source: "Secrets Manager API Reference, CreateSecret; " + recorded + "(test_secret_tags)",
			play: func(t T, e *env) {
				name, arn := e.secret(t, "")
				d := e.describe(t, name)
				Equal(t, "versions", len(d.VersionIdsToStages), 0)
				Equal(t, "tag", *d.Tags[0].Key+"="+*d.Tags[0].Value, "k=v")
				Equal(t, "arn", len(arn)-strings.Index(arn, name)-len(name), 7)
				_, err := e.get(t, name)
				typed[*types.ResourceNotFoundException](t, err)
				Want(t, err, 400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
				Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, "first", token(1)))
			}},
		{Name: "a missing secret is ResourceNotFoundException", Source: recorded + "(test_get_secret_value_errors)",
			play: func(t T, e *env) {
				_, err := e.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(e.name())})
				Want(t, err, 400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
			}},
		{Name: "CreateSecret of an existing name is ResourceExistsException", Source: "getmoto/moto #9741, verified on AWS",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				_, err := e.secrets.CreateSecret(t.Context(), e.createSecret(name, ""))
				Want(t, err, 400, "ResourceExistsException", "The operation failed because the secret "+name+" already exists.")
			}},
		{Name: "CreateSecret with a value is idempotent by token and value", Source: "getmoto/moto #9741, verified on AWS",
			play: func(t T, e *env) {
				name, arn := e.secret(t, "")
				Equal(t, "removed", e.removeSecret(t.Context(), name, 0), nil)
				name = e.name()
				in := e.createSecret(name, "value")
				in.ClientRequestToken = aws.String(token(1))
				t.Cleanup(func() { _ = e.removeSecret(context.WithoutCancel(t.Context()), name, 0) })
				first := Must[*secretsmanager.CreateSecretOutput](t)(e.secrets.CreateSecret(t.Context(), in))
				again := Must[*secretsmanager.CreateSecretOutput](t)(e.secrets.CreateSecret(t.Context(), in))
				Equal(t, "arn", *again.ARN, *first.ARN)
				Equal(t, "version", *again.VersionId, token(1))
				Equal(t, "not the other secret", arn == *first.ARN, false)
				in.SecretString = aws.String("another")
				_, err := e.secrets.CreateSecret(t.Context(), in)
				Want(t, err, 400, "ResourceExistsException", "You can't use ClientRequestToken "+token(1)+
					" because that value is already in use for a version of secret "+*first.ARN+".")
			}},
		{Name: "a secret is found by name and ARN", Source: "Secrets Manager User Guide, Find a secret from a partial ARN",
			play: func(t T, e *env) {
				name, arn := e.secret(t, "value")
				for _, id := range []string{name, arn, arn[:len(arn)-7]} {
					Equal(t, id, *e.describe(t, id).ARN, arn)
				}
			}},
		{Name: "a name in its recovery window is taken", Source: recorded + "(test_exp_raised_on_creation_of_secret_scheduled_for_deletion)",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				Equal(t, "delete", e.removeSecret(t.Context(), name, 7), nil)
				_, err := e.secrets.CreateSecret(t.Context(), e.createSecret(name, ""))
				typed[*types.InvalidRequestException](t, err)
				Want(t, err, 400, "InvalidRequestException",
					"You can't create this secret because a secret with this name is already scheduled for deletion.")
			}},
		{Name: "a secret marked deleted is described, and nothing else", Source: recorded +
			"(test_force_delete_deleted_secret, test_tag_untag_resource_on_deleted_secret)",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				Equal(t, "delete", e.removeSecret(t.Context(), name, 7), nil)
				Equal(t, "described", e.describe(t, name).DeletedDate != nil, true)
				_, err := e.get(t, name)
				Want(t, err, 400, "InvalidRequestException", marked)
				_, err = e.putValue(t, name, "another", token(2))
				Want(t, err, 400, "InvalidRequestException", marked)
				_, err = e.secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &name,
					Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
				Want(t, err, 400, "InvalidRequestException", marked)
				_, err = e.secrets.UntagResource(t.Context(), &secretsmanager.UntagResourceInput{SecretId: &name, TagKeys: []string{"k"}})
				Want(t, err, 400, "InvalidRequestException", marked)
			}},
		{Name: "RestoreSecret brings everything back", Source: "Secrets Manager API Reference, RestoreSecret; " + recorded + "(test_secret_restore)",
			play: func(t T, e *env) {
				name, arn := e.secret(t, "value")
				Equal(t, "delete", e.removeSecret(t.Context(), name, 7), nil)
				Must[*secretsmanager.RestoreSecretOutput](t)(e.secrets.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: &name}))
				d := e.describe(t, name)
				Equal(t, "state", d.DeletedDate == nil && *d.ARN == arn && len(d.Tags) == 1, true)
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				Equal(t, "value", *out.SecretString, "value")
			}},
		{Name: "deletion by force always succeeds", Source: "Secrets Manager API Reference, DeleteSecret, ForceDeleteWithoutRecovery; " +
			recorded + "(test_force_delete_deleted_secret)",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				Equal(t, "scheduled", e.removeSecret(t.Context(), name, 7), nil)
				Equal(t, "by force after all", e.removeSecret(t.Context(), name, 0), nil)
				Equal(t, "again", e.removeSecret(t.Context(), name, 0), nil)
				Want(t, e.removeSecret(t.Context(), e.name(), 7), 400, "ResourceNotFoundException")
			}},
		{Name: "a window has 7 to 30 days", Source: "Secrets Manager API Reference, DeleteSecret; getmoto/moto #6469",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				Want(t, e.removeSecret(t.Context(), name, 6), 400, "InvalidParameterException",
					"The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
				_, err := e.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &name,
					RecoveryWindowInDays: aws.Int64(7), ForceDeleteWithoutRecovery: aws.Bool(true)})
				Want(t, err, 400, "InvalidParameterException",
					"You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
			}},
		{Name: "secret names have their characters", Source: recorded + "(test_invalid_secret_name)",
			play: func(t T, e *env) {
				_, err := e.secrets.CreateSecret(t.Context(), e.createSecret("no spaces", ""))
				Want(t, err, 400, "ValidationException",
					"Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
			}},
	}
}
