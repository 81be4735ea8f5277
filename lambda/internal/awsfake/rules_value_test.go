package awsfake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func valueRules() []rule {
	return []rule{
		{name: "a token stands for one value", source: "Secrets Manager API Reference, PutSecretValue, ClientRequestToken; getmoto/moto #9741",
			run: func(t *testing.T, e *env) {
				name, arn := e.secret(t, "")
				for range 2 {
					out := must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, "value", token(1)))
					equal(t, "version", *out.VersionId, token(1))
				}
				_, err := e.putValue(t, name, "another", token(1))
				want(t, err, 400, "ResourceExistsException", "You can't use ClientRequestToken "+token(1)+
					" because that value is already in use for a version of secret "+arn+".")
				out := must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				equal(t, "value", *out.SecretString, "value")
			}},
		{name: "a new value moves AWSCURRENT and leaves AWSPREVIOUS", source: "Secrets Manager API Reference, PutSecretValue; " +
			"localstack (test_deprecated_secret_version_stage)",
			run: func(t *testing.T, e *env) {
				name, _ := e.secret(t, "")
				for n := range 3 {
					must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, fmt.Sprint(n), token(n)))
				}
				stages := e.describe(t, name).VersionIdsToStages
				if len(stages) != 2 || !slices.Equal(stages[token(2)], []string{"AWSCURRENT"}) || !slices.Equal(stages[token(1)], []string{"AWSPREVIOUS"}) {
					t.Errorf("got %v", stages)
				}
				out := must[*secretsmanager.GetSecretValueOutput](t)(e.secrets.GetSecretValue(t.Context(),
					&secretsmanager.GetSecretValueInput{SecretId: &name, VersionStage: aws.String("AWSPREVIOUS")}))
				equal(t, "previous", *out.SecretString, "1")
			}},
		{name: "the first version is current whatever its stages", source: "Secrets Manager API Reference, PutSecretValue",
			run: func(t *testing.T, e *env) {
				name, _ := e.secret(t, "")
				out := must[*secretsmanager.PutSecretValueOutput](t)(e.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
					SecretId: &name, SecretString: aws.String("v"), VersionStages: []string{"AWSPENDING"}}))
				slices.Sort(out.VersionStages)
				equal(t, "stages", strings.Join(out.VersionStages, " "), "AWSCURRENT AWSPENDING")
			}},
		{name: "a version and a stage have to agree", source: "localstack (test_get_secret_value_errors)",
			run: func(t *testing.T, e *env) {
				name, _ := e.secret(t, "")
				for n := range 2 {
					must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, fmt.Sprint(n), token(n)))
				}
				_, err := e.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name,
					VersionId: aws.String(token(0)), VersionStage: aws.String("AWSCURRENT")})
				want(t, err, 400, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
			}},
		{name: "a token has 32 to 64 characters", source: "Secrets Manager API Reference, PutSecretValue, ClientRequestToken",
			run: func(t *testing.T, e *env) {
				name, _ := e.secret(t, "")
				_, err := e.putValue(t, name, "value", "short")
				want(t, err, 400, "InvalidParameterException")
			}},
		{name: "UpdateSecret changes what it names", source: "Secrets Manager API Reference, UpdateSecret",
			run: func(t *testing.T, e *env) {
				name, _ := e.secret(t, "value")
				must[*secretsmanager.UpdateSecretOutput](t)(e.secrets.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{
					SecretId: &name, Description: aws.String("text")}))
				equal(t, "description", *e.describe(t, name).Description, "text")
				out := must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				equal(t, "value", *out.SecretString, "value")
			}},
		{name: "tags of a secret are merged", source: "Secrets Manager API Reference, TagResource",
			run: func(t *testing.T, e *env) {
				name, _ := e.secret(t, "")
				must[*secretsmanager.TagResourceOutput](t)(e.secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &name,
					Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
				equal(t, "tags", len(e.describe(t, name).Tags), 2)
				must[*secretsmanager.UntagResourceOutput](t)(e.secrets.UntagResource(t.Context(),
					&secretsmanager.UntagResourceInput{SecretId: &name, TagKeys: []string{"k", "missing"}}))
				equal(t, "tags", *e.describe(t, name).Tags[0].Key, "a")
			}},
	}
}

func stackRules() []rule {
	ask := func(t *testing.T, e *env, stack, logical string) (*cloudformation.DescribeStackResourceOutput, error) {
		return e.stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical})
	}
	return []rule{
		{name: "a missing stack is a ValidationError", source: "recorded by localstack, cloudformation/api/test_resources.snapshot.json",
			run: func(t *testing.T, e *env) {
				_, err := ask(t, e, "no-such-stack", "R")
				want(t, err, 400, "ValidationError", "Stack 'no-such-stack' does not exist")
			}},
		{name: "a resource has its status, by stack id and name", source: "CloudFormation API Reference, DescribeStackResource; " +
			"localstack, cloudformation/api/test_resources.snapshot.json", fake: true,
			run: func(t *testing.T, e *env) {
				id := "arn:aws:cloudformation:eu-west-1:" + account + ":stack/name/7d4d1cd0"
				e.fake.SetResourceStatus(id, "R", "CREATE_IN_PROGRESS")
				for _, stack := range []string{id, "name"} {
					out := must[*cloudformation.DescribeStackResourceOutput](t)(ask(t, e, stack, "R"))
					equal(t, "status", string(out.StackResourceDetail.ResourceStatus), "CREATE_IN_PROGRESS")
					_, err := ask(t, e, stack, "Other")
					want(t, err, 400, "ValidationError", "Resource Other does not exist for stack "+stack)
				}
			}},
	}
}
