package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// A thing is something that a run has made: its name has that of the run.
type thing struct {
	kind, name string
	id         string // by which it is removed, where that is not the name
}

func (t thing) String() string { return t.kind + " " + t.name }

// A kind of things: how all of them are listed, and how one is removed. Those of others are listed, too.
type kind struct {
	name   string
	list   func(ctx context.Context, c clients) ([]thing, error)
	remove func(ctx context.Context, c clients, t thing) error
}

// kinds are in the order in which they can be removed: stacks first, which remove most of the rest themselves.
func kinds() []kind {
	return []kind{
		{"stack", listStacks, removeStack},
		{"bucket", listBuckets, removeBucket},
		{"secret", listSecrets, removeSecret},
		{"user", listUsers, removeUser},
		{"role", listRoles, removeRole},
		{"policy", listPolicies, removePolicy},
		{"function", listFunctions, removeFunction},
		{"log group", listLogGroups, removeLogGroup},
		{"parameter", listParameters, removeParameter},
	}
}

// inventory lists what runs have made: that of one run, or of all if name is empty.
func (c clients) inventory(ctx context.Context, name string) ([]thing, error) {
	var found []thing
	for _, k := range kinds() {
		things, err := k.list(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("inventory: %ss: %w", k.name, err)
		}
		for _, t := range things {
			if run := runOf(t.name); run != "" && (name == "" || run == name) {
				t.kind = k.name
				found = append(found, t)
			}
		}
	}
	return found, nil
}

// lines are things, one a line, indented.
func lines(things []thing) string {
	var b strings.Builder
	for _, t := range things {
		fmt.Fprintf(&b, "\n  %s", t)
	}
	return b.String()
}

// runsOf are the names of the runs that have made the things, in order.
func runsOf(things []thing) []string {
	var names []string
	for _, t := range things {
		names = append(names, runOf(t.name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func listStacks(ctx context.Context, c clients) (things []thing, err error) {
	pages := cloudformation.NewDescribeStacksPaginator(c.stacks, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Stacks {
			things = append(things, thing{name: aws.ToString(s.StackName), id: aws.ToString(s.StackId)})
		}
	}
	return things, nil
}

func listBuckets(ctx context.Context, c clients) (things []thing, err error) {
	pages := s3.NewListBucketsPaginator(c.s3, &s3.ListBucketsInput{Prefix: aws.String(namePrefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, b := range page.Buckets {
			things = append(things, thing{name: aws.ToString(b.Name)})
		}
	}
	return things, nil
}

// listSecrets lists also those that wait for their deletion.
func listSecrets(ctx context.Context, c clients) (things []thing, err error) {
	pages := secretsmanager.NewListSecretsPaginator(c.secrets, &secretsmanager.ListSecretsInput{
		IncludePlannedDeletion: aws.Bool(true),
		Filters:                []secretstypes.Filter{{Key: secretstypes.FilterNameStringTypeName, Values: []string{namePrefix}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.SecretList {
			things = append(things, thing{name: aws.ToString(s.Name), id: aws.ToString(s.ARN)})
		}
	}
	return things, nil
}

func listUsers(ctx context.Context, c clients) (things []thing, err error) {
	pages := iam.NewListUsersPaginator(c.iam, &iam.ListUsersInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Users {
			things = append(things, thing{name: aws.ToString(u.UserName)})
		}
	}
	return things, nil
}

func listRoles(ctx context.Context, c clients) (things []thing, err error) {
	pages := iam.NewListRolesPaginator(c.iam, &iam.ListRolesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Roles {
			things = append(things, thing{name: aws.ToString(r.RoleName)})
		}
	}
	return things, nil
}

func listPolicies(ctx context.Context, c clients) (things []thing, err error) {
	pages := iam.NewListPoliciesPaginator(c.iam, &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.Policies {
			things = append(things, thing{name: aws.ToString(p.PolicyName), id: aws.ToString(p.Arn)})
		}
	}
	return things, nil
}

func listFunctions(ctx context.Context, c clients) (things []thing, err error) {
	pages := lambda.NewListFunctionsPaginator(c.lambda, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range page.Functions {
			things = append(things, thing{name: aws.ToString(f.FunctionName)})
		}
	}
	return things, nil
}

// listLogGroups lists those of stacks, and those that Lambda makes where a function has none, below /aws/lambda/.
func listLogGroups(ctx context.Context, c clients) (things []thing, err error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(c.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String(namePrefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, g := range page.LogGroups {
			things = append(things, thing{name: aws.ToString(g.LogGroupName)})
		}
	}
	return things, nil
}

func listParameters(ctx context.Context, c clients) (things []thing, err error) {
	pages := ssm.NewDescribeParametersPaginator(c.ssm, &ssm.DescribeParametersInput{
		ParameterFilters: []ssmtypes.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("BeginsWith"), Values: []string{"/bucketuser/" + namePrefix}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parameters {
			things = append(things, thing{name: aws.ToString(p.Name)})
		}
	}
	return things, nil
}
