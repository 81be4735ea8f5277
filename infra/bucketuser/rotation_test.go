package bucketuser

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// functionsOf returns the properties of the provider's two functions, by their handlers.
func functionsOf(t *testing.T, template map[string]any) (provider, rotation map[string]any) {
	t.Helper()
	byHandler := map[string]map[string]any{}
	for _, function := range resources(template, "AWS::Lambda::Function") {
		properties := function["Properties"].(map[string]any)
		byHandler[properties["Handler"].(string)] = properties
	}
	if len(byHandler) != 2 {
		t.Fatalf("functions: %v", byHandler)
	}
	return byHandler["bootstrap"], byHandler["rotation"]
}

// The rotation function is the same executable in the same surroundings, with a role of its own. The provider's
// knows it, and it does not know the provider's.
func TestRotationIsAFunctionOfItsOwn(t *testing.T) {
	plain := newStack(t, nil)
	NewBucketUser(plain, jsii.String("Data"), nil)
	for name, stack := range map[string]awscdk.Stack{"construct": plain, "provider stack": newProviderStack(t)} {
		t.Run(name, func(t *testing.T) {
			provider, rotation := functionsOf(t, template(stack))
			if jsonOf(t, provider["Role"]) == jsonOf(t, rotation["Role"]) {
				t.Errorf("both have the role %s", jsonOf(t, rotation["Role"]))
			}
			told := variablesOf(provider)
			if !strings.Contains(jsonOf(t, told["BUCKETUSER_ROTATION_FUNCTION_ARN"]), "ProviderRotationFunction") {
				t.Errorf("the provider's function knows %v", told)
			}
			delete(told, "BUCKETUSER_ROTATION_FUNCTION_ARN")
			for _, property := range []string{"Code", "Runtime", "Architectures", "LoggingConfig", "Environment"} {
				if diff := cmp.Diff(provider[property], rotation[property]); diff != "" || rotation[property] == nil {
					t.Errorf("%s (-provider +rotation):\n%s", property, diff)
				}
			}
		})
	}
}

func variablesOf(function map[string]any) map[string]any {
	return function["Environment"].(map[string]any)["Variables"].(map[string]any)
}

// permissionsOf returns the ARNs of secrets for which Secrets Manager may invoke the rotation function, by logical id.
func permissionsOf(t *testing.T, stack awscdk.Stack) map[string]string {
	t.Helper()
	arns := map[string]string{}
	for id, permission := range resources(template(stack), "AWS::Lambda::Permission") {
		properties := permission["Properties"].(map[string]any)
		arns[id] = jsonOf(t, properties["SourceArn"])
		delete(properties, "SourceArn")
		want := `{"Action":"lambda:InvokeFunction","FunctionName":{"Fn::GetAtt":["BucketUserProviderRotationFunction6E1AFA15","Arn"]},` +
			`"Principal":"secretsmanager.amazonaws.com","SourceAccount":{"Ref":"AWS::AccountId"}}`
		if got := jsonOf(t, properties); got != want {
			t.Errorf("permission %s", got)
		}
	}
	return arns
}

// Nothing but Secrets Manager may invoke a function, and that only one of them, for secrets of the pattern and those
// whose names are given. A resource waits for its permission, and keeps it until it is gone.
func TestSecretsManagerMayInvokeForSecretsOfTheProvider(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Generated"), nil)
	NewBucketUser(stack, jsii.String("Named"), &BucketUserProps{SecretName: jsii.String("clickhouse/s3")})
	NewBucketUser(stack, jsii.String("Bucket"), &BucketUserProps{BucketName: jsii.String("my-data")})
	arns := permissionsOf(t, stack)
	if len(arns) != 2 {
		t.Errorf("permissions: %v", arns)
	}
	for id, arn := range arns {
		name, end := "Named", `:secret:clickhouse/s3-??????"]]}`
		if strings.HasPrefix(id, ProviderID) {
			name, end = "Generated", `:secret:bucketuser/*"]]}`
		}
		if !strings.HasSuffix(arn, end) {
			t.Errorf("%s is for %s", id, arn)
		}
		resource := resources(template(stack), spec.ResourceType)[name]
		if needed := resource["DependsOn"].([]any); !slices.Contains(needed, any(id)) {
			t.Errorf("%s does not depend on %s", name, id)
		}
	}
}
