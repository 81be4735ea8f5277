//go:build e2e

package privilege

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/local"
)

// A subject is a provider under test: that of a stack which embeds the construct, or
// the provider stack that serves a whole account.
type subject struct {
	name        string
	template    template
	boundary    document
	boundaryARN string
}

// newSubject makes the boundary of a template's users.
func (w *world) newSubject(ctx context.Context, name string, t template) (*subject, error) {
	s := &subject{name: name, template: t}
	id := t.boundaries()[0]
	resolved, err := resolve(t.ofType("AWS::IAM::ManagedPolicy")[id]["PolicyDocument"], s.refs())
	if err != nil {
		return nil, fmt.Errorf("boundary: %w", err)
	}
	s.boundary = documentOf(id, jsonOf(resolved))
	made, err := w.IAM.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(s.boundary.json())})
	if err != nil {
		return nil, err
	}
	s.boundaryARN = *made.Policy.Arn
	return s, nil
}

// environment returns that of the function.
func (s *subject) environment() (map[string]string, error) {
	variables := map[string]string{}
	for _, function := range s.template.ofType("AWS::Lambda::Function") {
		resolved, err := resolve(function["Environment"], s.refs())
		if err != nil {
			return nil, fmt.Errorf("environment: %w", err)
		}
		for name, value := range resolved.(map[string]any)["Variables"].(map[string]any) {
			variables[name] = fmt.Sprint(value)
		}
	}
	return variables, nil
}

// rights returns the policies of the provider's role, for one run of the life cycle.
func (s *subject) rights(run string) ([]document, error) {
	t := s.template
	var documents []document
	add := func(id string, policy any) error {
		resolved, err := resolve(policy, s.refs())
		if err != nil {
			return fmt.Errorf("policy %s: %w", id, err)
		}
		documents = append(documents, documentOf(id, strings.ReplaceAll(jsonOf(resolved), runMark, run)))
		return nil
	}
	for _, role := range t.ofType("AWS::IAM::Role") {
		if role["ManagedPolicyArns"] != nil {
			return nil, fmt.Errorf("the role has managed policies of AWS, which these tests do not know")
		}
		inline, _ := role["Policies"].([]any)
		for i, policy := range inline {
			if err := add(fmt.Sprintf("Inline%d", i), policy.(map[string]any)["PolicyDocument"]); err != nil {
				return nil, err
			}
		}
	}
	for _, typ := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		policies := t.ofType(typ)
		for _, id := range slices.Sorted(maps.Keys(policies)) {
			if policies[id]["Roles"] == nil {
				continue
			}
			if err := add(id, policies[id]["PolicyDocument"]); err != nil {
				return nil, err
			}
		}
	}
	return documents, nil
}

func documentOf(id, text string) document {
	var policy struct{ Statement []statement }
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		panic(err) // made of decoded JSON
	}
	return document{id, policy.Statement}
}

func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // decoded from JSON
	}
	return string(text)
}

// refs are the values of what the template refers to. Parameters have their defaults,
// but for the keys of secrets, of which there is one.
func (s *subject) refs() map[string]string {
	t := s.template
	refs := map[string]string{"AWS::Partition": "aws", "AWS::Region": region, "AWS::AccountId": local.Account,
		"AWS::URLSuffix": "amazonaws.com", "AWS::StackId": root.stackID}
	parameters, _ := t["Parameters"].(map[string]any)
	for name, parameter := range parameters {
		refs[name] = fmt.Sprint(parameter.(map[string]any)["Default"])
	}
	refs["SecretKmsKeyArns"] = keyARN
	refs[t.boundaries()[0]] = s.boundaryARN
	for id := range t.ofType("AWS::Logs::LogGroup") {
		refs[id] = logGroup
		refs[id+".Arn"] = "arn:aws:logs:" + region + ":" + local.Account + ":log-group:" + logGroup + ":*"
	}
	for id := range t.ofType("AWS::Lambda::Function") {
		refs[id] = "privilege"
		refs[id+".Arn"] = "arn:aws:lambda:" + region + ":" + local.Account + ":function:privilege"
	}
	return refs
}
