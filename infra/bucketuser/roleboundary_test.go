package bucketuser

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/history"
)

const organizations = "arn:aws:iam::111122223333:policy/organization/roles"

// roleBoundaries are the permissions boundaries of a template's roles.
func roleBoundaries(t *testing.T, stack awscdk.Stack) []string {
	t.Helper()
	var all []string
	for _, role := range resources(template(stack), "AWS::IAM::Role") {
		all = append(all, jsonOf(t, role["Properties"].(map[string]any)["PermissionsBoundary"]))
	}
	return all
}

// An organization demands a boundary on every role. The provider stack's parameter reaches
// each that it has, and neither parameter of the two stands in the other's place.
func TestRow19EveryRoleOfTheProviderStackHasItsBoundary(t *testing.T) {
	stack := newProviderStack(t)
	const want = `{"Fn::If":["HasRoleBoundary",{"Ref":"RoleBoundaryArn"},{"Ref":"AWS::NoValue"}]}`
	boundaries := roleBoundaries(t, stack)
	for _, got := range boundaries {
		if got != want {
			t.Errorf("a role has the boundary %s", got)
		}
	}
	if len(boundaries) == 0 {
		t.Error("the stack has no role")
	}
	for id, function := range resources(template(stack), "AWS::Lambda::Function") {
		environment := function["Properties"].(map[string]any)["Environment"].(map[string]any)["Variables"].(map[string]any)
		const users = `{"Fn::If":["HasBoundary",{"Ref":"BoundaryArn"},{"Ref":"ProviderBoundary6D67ECB4"}]}`
		if got := jsonOf(t, environment["BUCKETUSER_BOUNDARY_ARN"]); got != users {
			t.Errorf("the users of %s have the boundary %s", id, got)
		}
	}
}

// CDK's own ways reach every role that the construct makes, and take the place of the
// parameter in a provider stack. None reaches the users, who are not in the template.
func TestRow19EveryRoleOfTheConstructTakesTheBoundaryOfCDK(t *testing.T) {
	const context = "@aws-cdk/core:permissionsBoundary"
	construct := func(context map[string]any) awscdk.Stack {
		stack := newStack(t, context)
		NewBucketUser(stack, jsii.String("Data"), full())
		return stack
	}
	bounded := func(stack awscdk.Stack) awscdk.Stack {
		boundary := awsiam.ManagedPolicy_FromManagedPolicyArn(stack, jsii.String("Organizations"), jsii.String(organizations))
		awsiam.PermissionsBoundary_Of(stack.Node().Root()).Apply(boundary)
		return stack
	}
	const arn = `"` + organizations + `"`
	for name, test := range map[string]struct {
		stack awscdk.Stack
		want  string
	}{
		"an aspect":                 {bounded(construct(nil)), arn},
		"an ARN as context":         {construct(map[string]any{context: map[string]any{"arn": organizations}}), arn},
		"a name as context":         {construct(map[string]any{context: map[string]any{"name": "roles"}}), `{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":iam::",{"Ref":"AWS::AccountId"},":policy/roles"]]}`},
		"an aspect, provider stack": {bounded(newProviderStack(t)), arn},
	} {
		t.Run(name, func(t *testing.T) {
			boundaries := roleBoundaries(t, test.stack)
			for _, got := range boundaries {
				if got != test.want {
					t.Errorf("a role has the boundary %s, want %s", got, test.want)
				}
			}
			if len(boundaries) == 0 {
				t.Error("the stack has no role")
			}
		})
	}
}

// createOnly are the properties of the stack's resources whose change makes CloudFormation
// replace them, as its registry has them.
var createOnly = map[string][]string{
	"AWS::Lambda::Function":          {"FunctionName", "PackageType"},
	"AWS::Lambda::EventInvokeConfig": {"FunctionName", "Qualifier"},
	"AWS::Lambda::Permission": {"Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "InvokedViaFunctionUrl",
		"Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"},
	"AWS::IAM::Role":          {"RoleName", "Path"},
	"AWS::IAM::ManagedPolicy": {"ManagedPolicyName", "Path", "Description"},
	"AWS::IAM::Policy":        {"PolicyName"},
	"AWS::Logs::LogGroup":     {"LogGroupName"},
	"AWS::SSM::Parameter":     {"Name"},
}

// A provider stack of an earlier version that is updated to this one, with no parameter
// given, keeps each resource: another function would strand every stack that uses it.
func TestA16AnUpdateFromAnEarlierVersionReplacesNothing(t *testing.T) {
	root := filepath.Join("..", "..")
	versions, err := history.Versions(root)
	if err != nil {
		t.Fatal(err)
	}
	now := resourcesAtDefaults(template(newProviderStack(t)))
	for _, v := range versions {
		t.Run(v.Name, func(t *testing.T) {
			then := resourcesAtDefaults(earlierProviderStack(t, root, v))
			for _, id := range slices.Sorted(maps.Keys(then)) {
				if diff := cmp.Diff(then[id], now[id]); diff != "" {
					t.Errorf("%s is replaced (-then +now):\n%s", id, diff)
				}
			}
		})
	}
}

// earlierProviderStack returns the provider stack's template as an earlier version has released it.
func earlierProviderStack(t *testing.T, root string, v history.Version) map[string]any {
	t.Helper()
	folder := t.TempDir()
	if err := history.CheckOut(t.Context(), root, v, folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "infra", "bucketuser", "testdata", "provider.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]any
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	return golden
}

// resourcesAtDefaults are, for each logical id of the provider's template, the type and
// what no update may change, while every parameter has its default.
func resourcesAtDefaults(template map[string]any) map[string]map[string]any {
	fixed := map[string]map[string]any{}
	for id, value := range template["Resources"].(map[string]any) {
		resource := value.(map[string]any)
		typ, properties := resource["Type"].(string), resource["Properties"].(map[string]any)
		fixed[id] = map[string]any{"type": typ}
		for _, property := range createOnly[typ] {
			if value := atDefaults(properties[property]); value != nil {
				fixed[id][property] = value
			}
		}
		if createOnly[typ] == nil {
			fixed[id]["unknown"] = fmt.Sprintf("what replaces a %s", typ)
		}
	}
	return fixed
}

// atDefaults resolves an Fn::If: each condition of the stack is about a parameter that is empty by default.
func atDefaults(value any) any {
	resource, ok := value.(map[string]any)
	if !ok {
		return value
	}
	if branches, ok := resource["Fn::If"].([]any); ok {
		return atDefaults(branches[2])
	}
	if resource["Ref"] == "AWS::NoValue" {
		return nil
	}
	return value
}
