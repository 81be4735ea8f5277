package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"go.yaml.in/yaml/v3"

	"bucketuser/infra/internal/values"
	"bucketuser/lambda/spec"
)

// account reads what a deployment is about to meet, with the caller's own rights.
type account struct {
	stacks *cloudformation.Client
	s3     *s3.Client
	ssm    *ssm.Client
	iam    *iam.Client
}

func newAccount(c aws.Config) account {
	return account{cloudformation.NewFromConfig(c), s3.NewFromConfig(c), ssm.NewFromConfig(c), iam.NewFromConfig(c)}
}

// checkBootstrap fails where the CDK has nothing to deploy with. Where the answer is another, the cdk CLI asks again,
// with other rights.
func (a account) checkBootstrap(ctx context.Context) error {
	_, err := a.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/cdk-bootstrap/hnb659fds/version")})
	if missing := new(ssmtypes.ParameterNotFound); errors.As(err, &missing) {
		return errors.New("this account and region are not prepared for the CDK; run make bootstrap, once")
	}
	return nil
}

// template is what this program reads of one, as it is deployed or synthesized.
type template struct {
	Resources map[string]struct {
		Type       string         `yaml:"Type"`
		Properties map[string]any `yaml:"Properties"`
	} `yaml:"Resources"`
	Parameters map[string]any `yaml:"Parameters"`
}

func parseTemplate(text []byte) (template, error) {
	var t template
	return t, yaml.Unmarshal(text, &t)
}

// resource returns the properties of the app's one resource with those of its function's that are values, or nil.
// Others are those that the app has not.
func (t template) resource() (properties map[string]any, others []string) {
	var architecture any
	for id, resource := range t.Resources {
		switch {
		case resource.Type == spec.ResourceType && id == "BucketUser":
			properties = resource.Properties
		case resource.Type == spec.ResourceType:
			others = append(others, id)
		case resource.Type == "AWS::Lambda::Function":
			architecture = architectureOf(resource.Properties)
		}
	}
	if properties != nil {
		properties[values.Architecture] = architecture
	}
	return properties, others
}

// architectureOf is that of a function. CloudFormation's default is x86_64.
func architectureOf(function map[string]any) any {
	if list, ok := function["Architectures"].([]any); ok && len(list) == 1 {
		return list[0]
	}
	return "x86_64"
}

// A deployedStack is a stack as CloudFormation has it.
type deployedStack struct {
	name, status string
	template     template
	outputs      map[string]string
	parameters   map[string]string
}

// isWhole reports whether a deployment of the stack has ever been completed.
func (s *deployedStack) isWhole() bool {
	return s != nil && s.status != string(types.StackStatusReviewInProgress) && !strings.HasPrefix(s.status, "ROLLBACK_")
}

// checkDeployable fails in a state in which CloudFormation takes no deployment.
func (d deployment) checkDeployable(s *deployedStack) error {
	switch {
	case s == nil || s.status == string(types.StackStatusReviewInProgress):
		return nil
	case s.status == deleteFailed:
		d.command = "destroy"
		return fmt.Errorf("stack %s: is in %s, in which it can only be deleted; make %s says what that takes", s.name, s.status, d.target())
	case strings.HasSuffix(s.status, "_IN_PROGRESS"):
		return fmt.Errorf("stack %s: is in %s; deploy again when that is over", s.name, s.status)
	}
	return nil
}

// read returns a stack, or nil if there is none.
func (a account) read(ctx context.Context, name string) (*deployedStack, error) {
	out, err := a.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if answer := smithy.APIError(nil); errors.As(err, &answer) && strings.Contains(answer.ErrorMessage(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, unread(name, err)
	}
	stack := deployedStack{name: name, status: string(out.Stacks[0].StackStatus), outputs: map[string]string{}, parameters: map[string]string{}}
	for _, output := range out.Stacks[0].Outputs {
		stack.outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	for _, parameter := range out.Stacks[0].Parameters {
		stack.parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	if !stack.isWhole() {
		return &stack, nil
	}
	body, err := a.stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &name})
	if err != nil {
		return nil, unread(name, err)
	}
	if stack.template, err = parseTemplate([]byte(aws.ToString(body.TemplateBody))); err != nil {
		return nil, unread(name, err)
	}
	return &stack, nil
}

func unread(name string, err error) error {
	return fmt.Errorf("stack %s: what is deployed cannot be read, which comes before any change; infra/policies/deploy.json has the rights: %w", name, err)
}

// tooMany is where counting ends.
const tooMany = 100_000

// count says how many objects and versions are in a bucket below a prefix, without the folder marker, and "" if none.
func (a account) count(ctx context.Context, bucket, prefix, marker string) (string, error) {
	counted := 0
	pages := s3.NewListObjectVersionsPaginator(a.s3, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() && counted < tooMany {
		page, err := pages.NextPage(ctx)
		if answer := smithy.APIError(nil); errors.As(err, &answer) && answer.ErrorCode() == "NoSuchBucket" {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		counted += len(page.Versions) + len(page.DeleteMarkers)
		for _, version := range page.Versions {
			if aws.ToString(version.Key) == marker && aws.ToInt64(version.Size) == 0 {
				counted--
			}
		}
	}
	switch {
	case counted <= 0:
		return "", nil
	case counted >= tooMany:
		return fmt.Sprintf("more than %d objects and versions", tooMany), nil
	case counted == 1:
		return "1 object or version", nil
	}
	return fmt.Sprintf("%d objects and versions", counted), nil
}
