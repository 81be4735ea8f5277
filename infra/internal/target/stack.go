package target

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"bucketuser/lambda/spec"
)

// finder has the clients that a search needs.
type finder struct {
	config  aws.Config
	stacks  *cloudformation.Client
	secrets *secretsmanager.Client
}

func newFinder(config aws.Config) finder {
	return finder{config, cloudformation.NewFromConfig(config), secretsmanager.NewFromConfig(config)}
}

// endpoint is what the environment or a profile has set for all services, or for one that is called.
func (f finder) endpoint() string {
	for _, endpoint := range []*string{f.secrets.Options().BaseEndpoint, f.stacks.Options().BaseEndpoint} {
		if endpoint != nil {
			return *endpoint
		}
	}
	return ""
}

// findResource fills in the stack and the resource, and returns the values of the stack's outputs.
func (f finder) findResource(ctx context.Context, t *Target, q Query) ([]string, error) {
	out, err := f.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &q.Stack})
	if isNoStack(err) || err == nil && len(out.Stacks) == 0 {
		return nil, f.absent(ctx, "stack", q.Stack)
	}
	if err != nil {
		return nil, Explain(fmt.Errorf("stack %s: %w", q.Stack, err))
	}
	stack := out.Stacks[0]
	t.StackID, t.StackStatus = aws.ToString(stack.StackId), string(stack.StackStatus)
	if stack.StackStatus == types.StackStatusDeleteComplete {
		return nil, fmt.Errorf("stack %s: was deleted", q.Stack)
	}
	resources, err := f.resources(ctx, t.StackID)
	if err != nil {
		return nil, Explain(fmt.Errorf("stack %s: %w", q.Stack, err))
	}
	found, err := choose(resources, q, t.StackStatus)
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", q.Stack, err)
	}
	t.LogicalID, t.PhysicalID = aws.ToString(found.LogicalResourceId), aws.ToString(found.PhysicalResourceId)
	t.ResourceStatus, t.StatusReason = string(found.ResourceStatus), aws.ToString(found.ResourceStatusReason)
	var values []string
	for _, output := range stack.Outputs {
		values = append(values, aws.ToString(output.OutputValue))
	}
	return values, nil
}

// isNoStack reports whether an error says that there is no stack of the name. CloudFormation has no
// code of its own for that.
func isNoStack(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "ValidationError" && strings.Contains(api.ErrorMessage(), "does not exist")
}

// resources are those of a stack that are there, or should be.
func (f finder) resources(ctx context.Context, stack string) ([]types.StackResourceSummary, error) {
	var all []types.StackResourceSummary
	pages := cloudformation.NewListStackResourcesPaginator(f.stacks, &cloudformation.ListStackResourcesInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.StackResourceSummaries...)
	}
	return slices.DeleteFunc(all, func(r types.StackResourceSummary) bool {
		return r.ResourceStatus == types.ResourceStatusDeleteComplete
	}), nil
}

// choose returns the one resource that is meant, of a stack in the status.
func choose(all []types.StackResourceSummary, q Query, status string) (types.StackResourceSummary, error) {
	var ids, nested []string
	var found []types.StackResourceSummary
	for _, r := range all {
		switch id := aws.ToString(r.LogicalResourceId); {
		case aws.ToString(r.ResourceType) == "AWS::CloudFormation::Stack":
			nested = append(nested, spec.StackName(aws.ToString(r.PhysicalResourceId)))
		case aws.ToString(r.ResourceType) != spec.ResourceType:
		case q.Resource == "" || q.Resource == id:
			found = append(found, r)
			ids = append(ids, id)
		default:
			ids = append(ids, id)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(ids) == 0 && len(nested) > 0:
		return types.StackResourceSummary{}, fmt.Errorf("has no %s of its own; name one of the stacks within it: %s", spec.ResourceType, strings.Join(nested, ", "))
	case len(ids) == 0:
		return types.StackResourceSummary{}, fmt.Errorf("has no %s; it is in %s", spec.ResourceType, status)
	case q.Resource == "":
		return types.StackResourceSummary{}, fmt.Errorf("has %d resources %s; name one with --resource (make: RESOURCE=): %s", len(ids), spec.ResourceType, strings.Join(ids, ", "))
	}
	return types.StackResourceSummary{}, fmt.Errorf("has no %s %s; %s", spec.ResourceType, q.Resource, Nearest(q.Resource, ids))
}

// Nearest says which of the words was probably meant, or else what there is.
func Nearest(word string, words []string) string {
	const isTypo = 3 // changes, at most; and at most half of the word, rounded up
	least, nearest := isTypo+1, ""
	for _, w := range words {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(w)); d < least && 2*d <= len(word)+1 {
			least, nearest = d, w
		}
	}
	if nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return "choose from " + strings.Join(words, ", ")
}
