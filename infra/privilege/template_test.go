//go:build e2e

package privilege

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/bucketuser"
)

// template is the synthesized template of a stack with two resources: one whose
// names are generated and one with given names and a KMS key.
type template map[string]any

// The given names. Each run of the life cycle has its own: the mark is replaced.
const (
	runMark     = "run0"
	givenBucket = "privilege-" + runMark + "-bucket"
	givenUser   = "privilege-" + runMark + "-user"
	givenSecret = "privilege/" + runMark + "/secret"
	givenKey    = "alias/privilege"
)

func synthesize(code string) (construct, shared template, err error) {
	app := awscdk.NewApp(&awscdk.AppProps{Context: &map[string]any{"@aws-cdk/core:validationReportJson": false}})
	stack := awscdk.NewStack(app, jsii.String("Privilege"), nil)
	bucketuser.NewProvider(stack, jsii.String(bucketuser.ProviderID), &bucketuser.ProviderProps{
		Code: awslambda.Code_FromAsset(&code, nil)})
	bucketuser.NewBucketUser(stack, jsii.String("Generated"), nil)
	bucketuser.NewBucketUser(stack, jsii.String("Given"), &bucketuser.BucketUserProps{
		BucketName: jsii.String(givenBucket), UserName: jsii.String(givenUser), SecretName: jsii.String(givenSecret),
		SecretKmsKeyId: jsii.String(givenKey),
	})
	provider := bucketuser.NewProviderStack(app, jsii.String("Shared"), &bucketuser.ProviderStackProps{
		Code: awslambda.Code_FromAsset(&code, nil)})
	construct, shared = *assertions.Template_FromStack(stack, nil).ToJSON(), *assertions.Template_FromStack(provider, nil).ToJSON()
	for _, t := range []template{construct, shared} {
		if len(t.ofType("AWS::IAM::Role")) != 2 || len(t.boundaries()) != 1 || len(t.ofType("AWS::Lambda::Function")) != 2 {
			return nil, nil, fmt.Errorf("template: want two roles, one boundary and two functions")
		}
	}
	return construct, shared, nil
}

// ofType returns the properties of the resources of a type, by logical id.
func (t template) ofType(typ string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for id, resource := range t["Resources"].(map[string]any) {
		if r := resource.(map[string]any); r["Type"] == typ {
			found[id], _ = r["Properties"].(map[string]any)
		}
	}
	return found
}

// boundaries returns the logical ids of managed policies that no role has.
func (t template) boundaries() []string {
	policies := t.ofType("AWS::IAM::ManagedPolicy")
	maps.DeleteFunc(policies, func(_ string, p map[string]any) bool { return p["Roles"] != nil })
	return slices.Sorted(maps.Keys(policies))
}

// A rawPolicy is a policy as the template has it.
type rawPolicy struct {
	id       string
	document any
}

// ofRole returns the policies of the role whose logical id holds a text: those inside it first.
func (t template) ofRole(name string) ([]rawPolicy, error) {
	var policies []rawPolicy
	for id, role := range t.ofType("AWS::IAM::Role") {
		if !strings.Contains(id, name) {
			continue
		}
		if role["ManagedPolicyArns"] != nil {
			return nil, fmt.Errorf("the role has managed policies of AWS, which these tests do not know")
		}
		inline, _ := role["Policies"].([]any)
		for i, policy := range inline {
			policies = append(policies, rawPolicy{fmt.Sprintf("Inline%d", i), policy.(map[string]any)["PolicyDocument"]})
		}
	}
	for _, typ := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		attached := t.ofType(typ)
		maps.DeleteFunc(attached, func(_ string, p map[string]any) bool { return !strings.Contains(jsonOf(p["Roles"]), name) })
		for _, id := range slices.Sorted(maps.Keys(attached)) {
			policies = append(policies, rawPolicy{id, attached[id]["PolicyDocument"]})
		}
	}
	return policies, nil
}

// A statement is one statement of a policy, resolved.
type statement map[string]any

func (s statement) sid() string { return fmt.Sprint(s["Sid"]) }

// actions returns the actions, which may be written without brackets.
func (s statement) actions() []string { return listOf(s["Action"]) }

func listOf(value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		var all []string
		for _, element := range v {
			all = append(all, fmt.Sprint(element))
		}
		return all
	default:
		return []string{fmt.Sprint(v)}
	}
}

// A document is one policy.
type document struct {
	id         string
	statements []statement
}

func (d document) json() string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": d.statements})
	if err != nil {
		panic(err) // decoded from JSON
	}
	return string(text)
}
