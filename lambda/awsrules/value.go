package awsrules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func valueRules() []Rule {
	return []Rule{
		{Name: "a token stands for one value", Source: "Secrets Manager API Reference, PutSecretValue, ClientRequestToken; getmoto/moto #9741",
			play: func(t T, e *env) {
				name, arn := e.secret(t, "")
				for range 2 {
					out := Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, "value", token(1)))
					Equal(t, "version", *out.VersionId, token(1))
				}
				_, err := e.putValue(t, name, "another", token(1))
				Want(t, err, 400, "ResourceExistsException", "You can't use ClientRequestToken "+token(1)+
					" because that value is already in use for a version of secret "+arn+".")
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				Equal(t, "value", *out.SecretString, "value")
			}},
		{Name: "a token with the same value changes nothing", Source: "Secrets Manager API Reference, PutSecretValue, ClientRequestToken",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				for _, n := range []int{1, 2, 1} { // the first is no longer current when it is repeated
					Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, fmt.Sprint(n), token(n)))
				}
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				Equal(t, "value", *out.SecretString, "2")
			}},
		{Name: "a new value moves AWSCURRENT and leaves AWSPREVIOUS", Source: "Secrets Manager API Reference, PutSecretValue; " +
			"localstack (test_deprecated_secret_version_stage)",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				for n := range 3 {
					Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, fmt.Sprint(n), token(n)))
				}
				stages := e.describe(t, name).VersionIdsToStages
				if len(stages) != 2 || !slices.Equal(stages[token(2)], []string{"AWSCURRENT"}) || !slices.Equal(stages[token(1)], []string{"AWSPREVIOUS"}) {
					t.Errorf("got %v", stages)
				}
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.secrets.GetSecretValue(t.Context(),
					&secretsmanager.GetSecretValueInput{SecretId: &name, VersionStage: aws.String("AWSPREVIOUS")}))
				Equal(t, "previous", *out.SecretString, "1")
			}},
		{Name: "a value tells when it was written", Source: "Secrets Manager API Reference, GetSecretValue, CreatedDate",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, "value", token(1)))
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				if age := time.Since(aws.ToTime(out.CreatedDate)); age < -time.Minute || age > time.Minute {
					t.Errorf("written %s ago", age)
				}
			}},
		{Name: "the first version is current whatever its stages", Source: "Secrets Manager API Reference, PutSecretValue",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				out := Must[*secretsmanager.PutSecretValueOutput](t)(e.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
					SecretId: &name, SecretString: aws.String("v"), VersionStages: []string{"AWSPENDING"}}))
				slices.Sort(out.VersionStages)
				Equal(t, "stages", strings.Join(out.VersionStages, " "), "AWSCURRENT AWSPENDING")
			}},
		{Name: "a version and a stage have to agree", Source: "localstack (test_get_secret_value_errors)",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				for n := range 2 {
					Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, fmt.Sprint(n), token(n)))
				}
				_, err := e.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name,
					VersionId: aws.String(token(0)), VersionStage: aws.String("AWSCURRENT")})
				Want(t, err, 400, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
			}},
		{Name: "a token has 32 to 64 characters", Source: "Secrets Manager API Reference, PutSecretValue, ClientRequestToken",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				_, err := e.putValue(t, name, "value", "short")
				Want(t, err, 400, "InvalidParameterException")
			}},
		{Name: "UpdateSecret changes what it names", Source: "Secrets Manager API Reference, UpdateSecret",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				Must[*secretsmanager.UpdateSecretOutput](t)(e.secrets.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{
					SecretId: &name, Description: aws.String("text")}))
				Equal(t, "description", *e.describe(t, name).Description, "text")
				out := Must[*secretsmanager.GetSecretValueOutput](t)(e.get(t, name))
				Equal(t, "value", *out.SecretString, "value")
			}},
		{Name: "tags of a secret are merged", Source: "Secrets Manager API Reference, TagResource",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				Must[*secretsmanager.TagResourceOutput](t)(e.secrets.TagResource(t.Context(), &secretsmanager.TagResourceInput{SecretId: &name,
					Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
				Equal(t, "tags", len(e.describe(t, name).Tags), 2)
				Must[*secretsmanager.UntagResourceOutput](t)(e.secrets.UntagResource(t.Context(),
					&secretsmanager.UntagResourceInput{SecretId: &name, TagKeys: []string{"k", "missing"}}))
				Equal(t, "tags", *e.describe(t, name).Tags[0].Key, "a")
			}},
	}
}

func stackRules() []Rule {
	ask := func(t T, e *env, stack, logical string) (*cloudformation.DescribeStackResourceOutput, error) {
		return e.stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical})
	}
	return []Rule{
		{Name: "a missing stack is a ValidationError", Source: "recorded by localstack, cloudformation/api/test_resources.snapshot.json",
			play: func(t T, e *env) {
				_, err := ask(t, e, "no-such-stack", "R")
				Want(t, err, 400, "ValidationError", "Stack 'no-such-stack' does not exist")
			}},
		{Name: "DescribeStacks of a missing stack is a ValidationError in other words",
			Source: "boto3 #2807 (the answer of AWS)",
			play: func(t T, e *env) {
				_, err := e.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("no-such-stack")})
				Want(t, err, 400, "ValidationError", "Stack with id no-such-stack does not exist")
			}},
	}
}
