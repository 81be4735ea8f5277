// Package stack reads what a deployed stack hands out.
package stack

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Outputs returns the outputs of the stack by name.
func Outputs(ctx context.Context, config aws.Config, name string) (map[string]string, error) {
	out, err := cloudformation.NewFromConfig(config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", name, err)
	}
	outputs := map[string]string{}
	for _, output := range out.Stacks[0].Outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return outputs, nil
}

// Credentials returns the fields of the secret that the stack's output SecretArn
// names.
func Credentials(ctx context.Context, config aws.Config, name string) (map[string]string, error) {
	outputs, err := Outputs(ctx, config, name)
	if err != nil {
		return nil, err
	}
	arn, ok := outputs["SecretArn"]
	if !ok {
		return nil, fmt.Errorf("stack %s: has no output SecretArn", name)
	}
	return Secret(ctx, config, arn)
}

// Secret returns the fields of a secret that are text. Others may have added fields of any type.
func Secret(ctx context.Context, config aws.Config, arn string) (map[string]string, error) {
	value, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", arn, err)
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(aws.ToString(value.SecretString)), &all); err != nil {
		return nil, fmt.Errorf("secret %s: holds no credentials", arn)
	}
	fields := map[string]string{}
	for name, field := range all {
		if text, ok := field.(string); ok {
			fields[name] = text
		}
	}
	return fields, nil
}
