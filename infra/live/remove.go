package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// rounds is how often cleaning looks again: what is in the way of something goes in an earlier round, and what an
// interrupted call still makes, or AWS still shows, in a later one. Together their pauses are a minute.
const rounds = 9

// clean removes all that a run has made, with an error that names what is left. say hears of each thing once. It takes no
// part in the product: what it removes need not be whole.
func (c clients) clean(ctx context.Context, name string, say func(format string, args ...any)) error {
	said := map[thing]bool{}
	once := func(t thing) {
		if !said[t] {
			say("removing %s", t)
		}
		said[t] = true
	}
	var left []thing
	var failed error
	for round := range rounds {
		var err error
		if left, err = c.inventory(ctx, name); err != nil || len(left) == 0 {
			return err
		}
		if err := pause(ctx, time.Duration(1<<round)*shortPause); err != nil {
			return err
		}
		failed = c.removeAll(ctx, name, once)
	}
	left, err := c.inventory(ctx, name)
	if err != nil || len(left) == 0 {
		return err
	}
	return fmt.Errorf("left:%s\n%w", lines(left), failed)
}

// removeAll removes what there is, one kind after the other. A bucket must be empty before its stack can go.
func (c clients) removeAll(ctx context.Context, name string, say func(thing)) error {
	var failed []error
	for _, k := range kinds() {
		things, err := c.inventory(ctx, name)
		if err != nil {
			return err
		}
		for _, t := range inOrder(k.name, things) {
			say(t)
			if err := k.remove(ctx, c, t); err != nil && !isGone(err) {
				failed = append(failed, fmt.Errorf("%s: %w", t, err))
			}
		}
	}
	return errors.Join(failed...)
}

// inOrder are the things of a kind, the stack of the provider behind those that import from it.
func inOrder(kind string, things []thing) (ordered []thing) {
	var providers []thing
	for _, t := range things {
		switch {
		case t.kind != kind:
		case kind == "stack" && isName(t.name):
			providers = append(providers, t)
		default:
			ordered = append(ordered, t)
		}
	}
	return append(ordered, providers...)
}

// removeStack deletes a stack, and if that fails once more without what stands in the way. Buckets of the run are emptied
// before: a resource may refuse to delete data.
func removeStack(ctx context.Context, c clients, t thing) error {
	if _, err := c.settled(ctx, t.id); err != nil {
		return err
	}
	if err := c.emptyBuckets(ctx, runOf(t.name)); err != nil {
		return err
	}
	err := c.remove(ctx, t.id)
	if err == nil || context.Cause(ctx) != nil {
		return err
	}
	s, err := c.settled(ctx, t.id)
	if err != nil || s.StackStatus != types.StackStatusDeleteFailed {
		return err
	}
	resources, err := c.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &t.id})
	if err != nil {
		return err
	}
	input := &cloudformation.DeleteStackInput{StackName: &t.id}
	for _, r := range resources.StackResources {
		if r.ResourceStatus == types.ResourceStatusDeleteFailed {
			input.RetainResources = append(input.RetainResources, aws.ToString(r.LogicalResourceId))
		}
	}
	if _, err := c.stacks.DeleteStack(ctx, input); err != nil {
		return err
	}
	_, err = c.ended(ctx, t.id, types.StackStatusDeleteComplete, time.Now())
	return err
}

// removeSecret deletes at once, also a secret that waits for its deletion.
func removeSecret(ctx context.Context, c clients, t thing) error {
	described, err := c.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &t.id})
	if err != nil {
		return err
	}
	if described.DeletedDate != nil {
		if _, err := c.secrets.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: &t.id}); err != nil {
			return err
		}
	}
	_, err = c.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &t.id, ForceDeleteWithoutRecovery: aws.Bool(true)})
	return err
}

func removeUser(ctx context.Context, c clients, t thing) error {
	keys, err := c.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &t.name})
	if err != nil {
		return err
	}
	for _, k := range keys.AccessKeyMetadata {
		if _, err := c.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &t.name, AccessKeyId: k.AccessKeyId}); err != nil {
			return err
		}
	}
	_, err = c.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &t.name})
	return err
}

func removeRole(ctx context.Context, c clients, t thing) error {
	policies, err := c.iam.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &t.name})
	if err != nil {
		return err
	}
	for _, p := range policies.PolicyNames {
		if _, err := c.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &t.name, PolicyName: &p}); err != nil {
			return err
		}
	}
	_, err = c.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &t.name})
	return err
}

func removePolicy(ctx context.Context, c clients, t thing) error {
	_, err := c.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &t.id})
	return err
}

func removeFunction(ctx context.Context, c clients, t thing) error {
	_, err := c.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: &t.name})
	return err
}

func removeLogGroup(ctx context.Context, c clients, t thing) error {
	_, err := c.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &t.name})
	return err
}

func removeParameter(ctx context.Context, c clients, t thing) error {
	_, err := c.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &t.name})
	return err
}

// isGone tells whether an error says that there is no such thing.
func isGone(err error) bool {
	switch codeOf(err) {
	case "NoSuchBucket", "NoSuchEntity", "ResourceNotFoundException", "ParameterNotFound":
		return true
	default:
		return false
	}
}
