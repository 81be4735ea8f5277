package awsrules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// putStaged puts a value under labels of its own.
func (e *env) putStaged(t T, name, value, token string, stages ...string) (*secretsmanager.PutSecretValueOutput, error) {
	return e.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &value,
		ClientRequestToken: &token, VersionStages: stages})
}

// moveStage moves a label; an empty id is none.
func (e *env) moveStage(t T, name, stage, from, to string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &name, VersionStage: &stage}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	if to != "" {
		in.MoveToVersionId = &to
	}
	_, err := e.secrets.UpdateSecretVersionStage(t.Context(), in)
	return err
}

// stages are the labels of the first versions that were put, in this order: "1:AWSPREVIOUS 2:AWSCURRENT,mine".
func (e *env) stages(t T, name string) string {
	t.Helper()
	var out []string
	all := e.describe(t, name).VersionIdsToStages
	for n := range 10 {
		if stages, listed := all[token(n)]; listed {
			slices.Sort(stages)
			out = append(out, fmt.Sprintf("%d:%s", n, strings.Join(stages, ",")))
		}
	}
	return strings.Join(out, " ")
}

// staged makes a secret with a current version 1, and versions 2 and 3 under the labels two and three.
func (e *env) staged(t T) (name string) {
	t.Helper()
	name, _ = e.secret(t, "")
	Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, "first", token(1)))
	Must[*secretsmanager.PutSecretValueOutput](t)(e.putStaged(t, name, "second", token(2), "two"))
	Must[*secretsmanager.PutSecretValueOutput](t)(e.putStaged(t, name, "third", token(3), "three"))
	Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 2:two 3:three")
	return name
}

// stageRules are about the labels of versions.
func stageRules() []Rule {
	const api = "Secrets Manager API Reference, UpdateSecretVersionStage"
	return append([]Rule{
		{Name: "a value under a label of its own is not current", Source: "recorded by localstack, test_secretsmanager.snapshot.json " +
			"(test_put_secret_value_with_version_stages)",
			play: func(t T, e *env) {
				name := e.staged(t)
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				Equal(t, "value", *out.SecretString, "first")
			}},
		{Name: "PutSecretValue moves a label from where it is", Source: "Secrets Manager API Reference, PutSecretValue, VersionStages; getmoto/moto #4906",
			play: func(t T, e *env) {
				name := e.staged(t)
				Must[*secretsmanager.PutSecretValueOutput](t)(e.putStaged(t, name, "fourth", token(4), "two"))
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 3:three 4:two")
			}},
		{Name: "AWSPREVIOUS moves with AWSCURRENT", Source: api + "; recorded by localstack, test_secretsmanager.snapshot.json " +
			"(test_update_secret_version_stages_current_previous)",
			play: func(t T, e *env) {
				name := e.staged(t)
				Equal(t, "moved", e.moveStage(t, name, "AWSCURRENT", token(1), token(2)), nil)
				Equal(t, "labels", e.stages(t, name), "1:AWSPREVIOUS 2:AWSCURRENT,two 3:three")
				Equal(t, "moved", e.moveStage(t, name, "AWSCURRENT", token(2), token(3)), nil)
				Equal(t, "labels", e.stages(t, name), "2:AWSPREVIOUS,two 3:AWSCURRENT,three")
				Equal(t, "moved back", e.moveStage(t, name, "AWSCURRENT", token(3), token(2)), nil)
				Equal(t, "labels", e.stages(t, name), "2:AWSCURRENT,two 3:AWSPREVIOUS,three")
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				Equal(t, "value", *out.SecretString, "second")
			}},
		{Name: "a label is attached, moved and removed", Source: api + "; recorded by localstack, test_secretsmanager.snapshot.json " +
			"(test_update_secret_version_stages_current_pending_cycle_custom_stages_3)",
			play: func(t T, e *env) {
				name := e.staged(t)
				Equal(t, "attached", e.moveStage(t, name, "mine", "", token(1)), nil)
				Equal(t, "attached again", e.moveStage(t, name, "mine", "", token(1)), nil)
				Equal(t, "moved", e.moveStage(t, name, "mine", token(1), token(2)), nil)
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 2:mine,two 3:three")
				Equal(t, "removed", e.moveStage(t, name, "mine", token(2), ""), nil)
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 2:two 3:three")
			}},
		{Name: "a version without labels is not listed, and still read by its id", Source: api + "; Secrets Manager User Guide, Quotas",
			play: func(t T, e *env) {
				name := e.staged(t)
				Equal(t, "removed", e.moveStage(t, name, "two", token(2), ""), nil)
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 3:three")
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.getVersion(t, name, token(2)))
				Equal(t, "value", *out.SecretString, "second")
				Equal(t, "attached", e.moveStage(t, name, "again", "", token(2)), nil)
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 2:again 3:three")
			}},
	}, refusedStageRules(api)...)
}

// refusedStageRules are about moves of labels that are refused and change nothing.
func refusedStageRules(api string) []Rule {
	return []Rule{
		{Name: "a label is moved only from where it is said to be", Source: api + ", RemoveFromVersionId",
			play: func(t T, e *env) {
				name := e.staged(t)
				refused := func(err error) {
					t.Helper()
					if err == nil {
						t.Errorf("not refused")
					}
				}
				refused(e.moveStage(t, name, "AWSCURRENT", token(2), token(3)))
				refused(e.moveStage(t, name, "two", token(1), ""))
				refused(e.moveStage(t, name, "none", token(1), token(2)))
				Equal(t, "moved", e.moveStage(t, name, "AWSCURRENT", token(1), token(3)), nil)
				refused(e.moveStage(t, name, "AWSCURRENT", token(1), token(3))) // the repeat of a success, too
				Equal(t, "labels", e.stages(t, name), "1:AWSPREVIOUS 2:two 3:AWSCURRENT,three")
			}},
		{Name: "a label that is attached elsewhere needs RemoveFromVersionId", Source: "terraform-provider-aws #19943 (the answer of AWS)",
			play: func(t T, e *env) {
				name := e.staged(t)
				err := e.moveStage(t, name, "AWSCURRENT", "", token(2))
				typed[*types.InvalidParameterException](t, err)
				Want(t, err, 400, "InvalidParameterException", "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is "+
					"currently attached to version "+token(1)+", so you must explicitly reference that version in RemoveFromVersionId.")
				Want(t, e.moveStage(t, name, "two", "", token(3)), 400, "InvalidParameterException")
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 2:two 3:three")
			}},
		{Name: "AWSCURRENT is moved, never removed", Source: "terraform-provider-aws, internal/service/secretsmanager/secret_version.go (the answer of AWS)",
			play: func(t T, e *env) {
				name := e.staged(t)
				Want(t, e.moveStage(t, name, "AWSCURRENT", token(1), ""), 400, "InvalidParameterException",
					"You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 2:two 3:three")
			}},
		{Name: "a label goes to no version that is missing", Source: api + ", Errors: ResourceNotFoundException",
			play: func(t T, e *env) {
				name := e.staged(t)
				Want(t, e.moveStage(t, name, "AWSCURRENT", token(1), token(9)), 400, "ResourceNotFoundException")
				Equal(t, "labels", e.stages(t, name), "1:AWSCURRENT 2:two 3:three")
				Want(t, e.moveStage(t, e.name(), "AWSCURRENT", token(1), token(2)), 400, "ResourceNotFoundException",
					"Secrets Manager can't find the specified secret.")
			}},
		{Name: "labels of a secret marked deleted stay", Source: api + ", Errors: InvalidRequestException",
			play: func(t T, e *env) {
				name := e.staged(t)
				Equal(t, "delete", e.removeSecret(t.Context(), name, 7), nil)
				Want(t, e.moveStage(t, name, "AWSCURRENT", token(1), token(2)), 400, "InvalidRequestException", marked)
			}},
		{Name: "a secret has 20 labels at most", Source: "Secrets Manager User Guide, Quotas: staging labels attached across all versions of a secret",
			play: func(t T, e *env) {
				name := e.staged(t)
				for n := range 17 {
					Equal(t, "attached", e.moveStage(t, name, fmt.Sprintf("label-%d", n), "", token(1+n%3)), nil)
				}
				err := e.moveStage(t, name, "one-more", "", token(1))
				typed[*types.LimitExceededException](t, err)
				Want(t, err, 400, "LimitExceededException")
				_, err = e.putStaged(t, name, "fourth", token(4), "one-more")
				Want(t, err, 400, "LimitExceededException")
				Must[*secretsmanager.PutSecretValueOutput](t)(e.putStaged(t, name, "fourth", token(4), "label-0"))
			}},
	}
}

// getVersion reads the value of one version.
func (e *env) getVersion(t T, name, id string) (*secretsmanager.GetSecretValueOutput, error) {
	return e.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name, VersionId: aws.String(id)})
}
