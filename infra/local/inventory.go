package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// bootstrapMarks stand in the names of what cdk bootstrap makes, which stays.
var bootstrapMarks = []string{"cdk-hnb659fds", "cdk-bootstrap/hnb659fds", "CDKToolkit"}

// Inventory lists what exists in the account beside what cdk bootstrap made:
// stacks, functions, log groups, roles, policies, users, their keys, buckets,
// secrets and parameters, each as "kind name", sorted.
func (a *AWS) Inventory(ctx context.Context) ([]string, error) {
	config, err := a.Config()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, list := range []func(context.Context, aws.Config) ([]string, error){
		listStacks, listFunctions, listLogGroups, listRolesAndPolicies, listUsersAndKeys, listBuckets, listSecrets,
		listParameters,
	} {
		items, err := list(ctx, config)
		if err != nil {
			return nil, fmt.Errorf("inventory: %w", err)
		}
		found = append(found, items...)
	}
	found = slices.DeleteFunc(found, func(item string) bool {
		return slices.ContainsFunc(bootstrapMarks, func(mark string) bool { return strings.Contains(item, mark) })
	})
	slices.Sort(found)
	return found, nil
}

func listStacks(ctx context.Context, config aws.Config) (items []string, err error) {
	pages := cloudformation.NewListStacksPaginator(cloudformation.NewFromConfig(config), &cloudformation.ListStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, stack := range page.StackSummaries {
			if stack.StackStatus != cfntypes.StackStatusDeleteComplete {
				items = append(items, "stack "+aws.ToString(stack.StackName))
			}
		}
	}
	return items, nil
}

func listFunctions(ctx context.Context, config aws.Config) (items []string, err error) {
	pages := lambda.NewListFunctionsPaginator(lambda.NewFromConfig(config), &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, function := range page.Functions {
			items = append(items, "function "+aws.ToString(function.FunctionName))
		}
	}
	return items, nil
}

func listLogGroups(ctx context.Context, config aws.Config) (items []string, err error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(cloudwatchlogs.NewFromConfig(config), &cloudwatchlogs.DescribeLogGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, group := range page.LogGroups {
			items = append(items, "log group "+aws.ToString(group.LogGroupName))
		}
	}
	return items, nil
}

func listRolesAndPolicies(ctx context.Context, config aws.Config) (items []string, err error) {
	client := iam.NewFromConfig(config)
	roles := iam.NewListRolesPaginator(client, &iam.ListRolesInput{})
	for roles.HasMorePages() {
		page, err := roles.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, role := range page.Roles {
			if !strings.HasPrefix(aws.ToString(role.Path), "/aws-service-role/") {
				items = append(items, "role "+aws.ToString(role.RoleName))
			}
		}
	}
	policies := iam.NewListPoliciesPaginator(client, &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal})
	for policies.HasMorePages() {
		page, err := policies.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, policy := range page.Policies {
			items = append(items, "policy "+aws.ToString(policy.PolicyName))
		}
	}
	return items, nil
}

func listUsersAndKeys(ctx context.Context, config aws.Config) (items []string, err error) {
	client := iam.NewFromConfig(config)
	users, err := allUsers(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, user := range users {
		items = append(items, "user "+aws.ToString(user.UserName))
		keys, err := client.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: user.UserName})
		if err != nil {
			return nil, err
		}
		for _, key := range keys.AccessKeyMetadata {
			items = append(items, "access key "+aws.ToString(key.AccessKeyId))
		}
	}
	return items, nil
}

func allUsers(ctx context.Context, client *iam.Client) (users []iamtypes.User, err error) {
	pages := iam.NewListUsersPaginator(client, &iam.ListUsersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		users = append(users, page.Users...)
	}
	return users, nil
}

func listBuckets(ctx context.Context, config aws.Config) (items []string, err error) {
	out, err := s3.NewFromConfig(config).ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, err
	}
	for _, bucket := range out.Buckets {
		items = append(items, "bucket "+aws.ToString(bucket.Name))
	}
	return items, nil
}

func listSecrets(ctx context.Context, config aws.Config) (items []string, err error) {
	secrets, err := allSecrets(ctx, config)
	for _, secret := range secrets {
		items = append(items, "secret "+aws.ToString(secret.Name))
	}
	return items, err
}

// allSecrets are also those that wait for their deletion.
func allSecrets(ctx context.Context, config aws.Config) (secrets []secretstypes.SecretListEntry, err error) {
	pages := secretsmanager.NewListSecretsPaginator(secretsmanager.NewFromConfig(config),
		&secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, page.SecretList...)
	}
	return secrets, nil
}

func listParameters(ctx context.Context, config aws.Config) (items []string, err error) {
	pages := ssm.NewDescribeParametersPaginator(ssm.NewFromConfig(config), &ssm.DescribeParametersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, parameter := range page.Parameters {
			items = append(items, "parameter "+aws.ToString(parameter.Name))
		}
	}
	return items, nil
}
