//go:build e2e

package privilege

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/local"
)

// A subject is one function of a provider under test with its role. The provider is that of a stack
// which embeds the construct, or the provider stack that serves a whole account.
type subject struct {
	name        string
	part        part
	template    template
	boundary    document
	boundaryARN string
}

// A part of a provider is a function with its role: what their logical ids hold, and its handler.
type part struct{ role, function, handler string }

var (
	provisioning = part{"ProviderRole", "ProviderFunction", "bootstrap"}
	rotating     = part{"ProviderRotationRole", "ProviderRotationFunction", "rotation"}
)

// rotation is the rotation function of the same provider.
func (s *subject) rotation() *subject {
	return &subject{s.name + "-rotation", rotating, s.template, s.boundary, s.boundaryARN}
}

// serve makes the function of the subject under the name that the policies and the environment of the other one have for it. Its
// role may do anything: what is tried is whether the other may name the function.
func (s *subject) serve(ctx context.Context) error {
	for id := range s.template.ofType("AWS::Lambda::Function") {
		if !strings.Contains(id, s.part.function) {
			continue
		}
		l, err := s.newFunction(ctx, id, nil)
		if err != nil {
			return err
		}
		return errors.Join(l.hold(ctx, []document{documentOf("Admin", anyPolicy)}), l.permit(ctx))
	}
	return fmt.Errorf("%s: the template has no function %s", s.name, s.part.function)
}

// newSubject makes the boundary of a template's users. The subject is the function that makes them.
func (c *cloud) newSubject(ctx context.Context, name string, t template) (*subject, error) {
	s := &subject{name: name, part: provisioning, template: t}
	id := t.boundaries()[0]
	resolved, err := resolve(t.ofType("AWS::IAM::ManagedPolicy")[id]["PolicyDocument"], s.refs())
	if err != nil {
		return nil, fmt.Errorf("boundary: %w", err)
	}
	s.boundary = documentOf(id, jsonOf(resolved))
	made, err := c.IAM.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(s.boundary.json())})
	if err != nil {
		return nil, err
	}
	s.boundaryARN = *made.Policy.Arn
	return s, nil
}

// environment returns that of the function.
func (s *subject) environment() (map[string]string, error) {
	variables := map[string]string{}
	for id, function := range s.template.ofType("AWS::Lambda::Function") {
		if !strings.Contains(id, s.part.function) {
			continue
		}
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

// rights returns the policies of the subject's role, for one run of the life cycle.
func (s *subject) rights(run string) ([]document, error) {
	policies, err := s.template.ofRole(s.part.role)
	if err != nil {
		return nil, err
	}
	var documents []document
	for _, p := range policies {
		resolved, err := resolve(p.document, s.refs())
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", p.id, err)
		}
		documents = append(documents, documentOf(p.id, strings.ReplaceAll(jsonOf(resolved), runMark, run)))
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
		refs[id], refs[id+".Arn"] = id, functionARN(id)
	}
	return refs
}
