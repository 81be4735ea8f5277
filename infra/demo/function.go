package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// runs fails if the stack has a function that does not answer. It is asked with an event that it refuses.
func (s stacks) runs(ctx context.Context, stack string) error {
	function, err := s.function(ctx, stack)
	if err != nil || function == "" {
		return err
	}
	out, err := lambda.NewFromConfig(s.config).Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: []byte("{}")})
	if err != nil {
		return err
	}
	if !strings.Contains(string(out.Payload), "ResponseURL") {
		return fmt.Errorf("its function does not run on this machine: %s", out.Payload)
	}
	return nil
}

// function is the name of the function that answers CloudFormation, or nothing while there is none.
func (s stacks) function(ctx context.Context, stack string) (string, error) {
	out, err := s.client.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &stack})
	if err != nil {
		return "", err
	}
	for _, resource := range out.StackResources {
		if strings.HasPrefix(aws.ToString(resource.LogicalResourceId), "BucketUserProviderFunction") {
			return aws.ToString(resource.PhysicalResourceId), nil
		}
	}
	return "", nil
}

// works fails unless the stack is deployed and its function runs: the cdk CLI also succeeds where nothing changes
// while an update of somebody else goes on.
func (s stacks) works(ctx context.Context) error {
	status, err := s.settle(ctx, stackName)
	if err != nil {
		return err
	}
	if !isDeployed(status) {
		return fmt.Errorf("the stack %s is %s", stackName, status)
	}
	return s.runs(ctx, stackName)
}
