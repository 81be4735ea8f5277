package bucketuser

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
)

// TestContract holds what no version may change in the templates, since people deploy
// them and leave them there. A line may be added here. None may be changed or taken away.
func TestContract(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), nil)
	provider := NewProviderStack(awscdk.NewApp(nil), jsii.String("BucketUserProvider"), &ProviderStackProps{Code: dummyCode(t)})
	released := NewProviderStack(awscdk.NewApp(nil), jsii.String("BucketUserProvider"), &ProviderStackProps{Version: "0.1.0"})
	for _, promise := range []struct {
		what, why string
		is        []string
		want      []string
	}{
		{"a stack with the construct",
			"CloudFormation replaces what gets another logical id: another function is another ServiceToken, which a resource cannot change to, " +
				"another role loses its place in the policies of KMS keys, another boundary stays on the users, and another log group is empty",
			resourcesOf(stack),
			[]string{
				"BucketUserProviderFunction77754362 AWS::Lambda::Function", "BucketUserProviderRole19269536 AWS::IAM::Role",
				"BucketUserProviderBoundary77A5F589 AWS::IAM::ManagedPolicy", "BucketUserProviderLogA790FF92 AWS::Logs::LogGroup",
				"Data Custom::BucketUser",
				"BucketUserProviderRotationFunction6E1AFA15 AWS::Lambda::Function", "BucketUserProviderRotationRoleBAC8D03B AWS::IAM::Role",
			}},
		{"the provider stack", "the same, for every stack of the account and region",
			resourcesOf(provider),
			[]string{
				"ProviderFunction30350776 AWS::Lambda::Function", "ProviderRole1DE8EC3B AWS::IAM::Role",
				"ProviderBoundary6D67ECB4 AWS::IAM::ManagedPolicy", "ProviderLogAC562BAE AWS::Logs::LogGroup",
				"ServiceTokenParameter AWS::SSM::Parameter",
				"name of ServiceTokenParameter: /bucketuser/<stack>/ServiceToken",
				"ProviderRotationFunctionBEA051D9 AWS::Lambda::Function", "ProviderRotationRole48A87E2C AWS::IAM::Role",
			}},
		{"the boundary", "another description, a name or a path would make it another policy: users keep the one that they were made with, " +
			"and what a later version denies would not reach them",
			boundaryOf(stack), []string{"description: Permissions boundary of the IAM users of Custom::BucketUser", "no name", "no path",
				"denies: NothingButS3", "denies: NothingElsewhere"}},
		{"the boundary of the provider stack", "the same",
			boundaryOf(released), []string{"description: Permissions boundary of the IAM users of Custom::BucketUser", "no name", "no path",
				"denies: NothingButS3", "denies: NothingElsewhere", "denies: NothingOutsideThePattern"}},
		{"outputs of the provider stack", "stacks import the export, and an export in use cannot be taken away",
			outputsOf(provider), []string{"ServiceToken as <stack>-ServiceToken", "RoleArn", "RotationRoleArn", "RotationFunctionArn"}},
		// CodeKey of 0.1.0 is gone: its kept value brought old code with new rights. TestTemplatePicksTheFileByVersionAndArchitecture holds that.
		{"parameters of the released template", "deployments pass them, and CloudFormation keeps the values of those that stay",
			parametersOf(released),
			[]string{"Architecture", "BoundaryArn", "BucketNamePattern", "CodeBucket", "CodePrefix", "LogRetentionInDays", "SecretKmsKeyArns", "SecretNamePattern"}},
		{"resources of the released template", "whoever moves from one way of deploying to the other keeps the function",
			resourcesOf(released), []string{"ProviderFunction30350776 AWS::Lambda::Function", "ProviderRole1DE8EC3B AWS::IAM::Role"}},
	} {
		for _, want := range promise.want {
			if !slices.Contains(promise.is, want) {
				t.Errorf("%s: %q is promised and is gone from %q: %s", promise.what, want, promise.is, promise.why)
			}
		}
	}
}

// resourcesOf lists logical ids with types, and the names that resources are given.
func resourcesOf(stack awscdk.Stack) (all []string) {
	for id, value := range sectionOf(stack, "Resources") {
		resource := value.(map[string]any)
		all = append(all, fmt.Sprint(id, " ", resource["Type"]))
		if properties, ok := resource["Properties"].(map[string]any); ok && properties["Name"] != nil {
			all = append(all, "name of "+id+": "+joined(properties["Name"]))
		}
	}
	return all
}

// boundaryOf lists what makes the users' boundary the policy that it is, and the statements that deny something.
func boundaryOf(stack awscdk.Stack) (all []string) {
	boundary := boundaryIn(template(stack))
	all = append(all, fmt.Sprint("description: ", boundary["Description"]))
	for property, name := range map[string]string{"ManagedPolicyName": "name", "Path": "path"} {
		if value := boundary[property]; value == nil || value == "/" {
			all = append(all, "no "+name)
		}
	}
	for _, s := range boundary["PolicyDocument"].(map[string]any)["Statement"].([]any) {
		if statement := s.(map[string]any); statement["Effect"] == "Deny" {
			all = append(all, fmt.Sprint("denies: ", statement["Sid"]))
		}
	}
	return all
}

func outputsOf(stack awscdk.Stack) (all []string) {
	for id, value := range sectionOf(stack, "Outputs") {
		if export, ok := value.(map[string]any)["Export"].(map[string]any); ok {
			id += " as " + joined(export["Name"])
		}
		all = append(all, id)
	}
	return all
}

func parametersOf(stack awscdk.Stack) (all []string) {
	for id := range sectionOf(stack, "Parameters") {
		all = append(all, id)
	}
	return all
}

func sectionOf(stack awscdk.Stack, section string) map[string]any {
	template := *assertions.Template_FromStack(stack, nil).ToJSON()
	values, _ := template[section].(map[string]any) // a template may be without it
	return values
}

// joined is a Fn::Join as a text, with <stack> for the stack's name.
func joined(value any) string {
	join, ok := value.(map[string]any)["Fn::Join"].([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	var text strings.Builder
	for _, part := range join[1].([]any) {
		if _, isText := part.(string); isText {
			text.WriteString(part.(string))
		} else {
			text.WriteString("<stack>")
		}
	}
	return text.String()
}
