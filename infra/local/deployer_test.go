//go:build e2e

package local_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"bucketuser/infra/internal/cloudtest"
)

func deployerCorrections() []correction {
	return []correction{
		{"a stack is created with the rights of who creates it", createAsDeployer},
		{"a stack is changed and deleted with the rights of who does it", changeAsDeployer},
		{"a parameter is resolved with the rights of who deploys", resolveAsDeployer},
	}
}

func parameter(name, value string) map[string]any {
	return map[string]any{"Parameter": map[string]any{"Type": "AWS::SSM::Parameter",
		"Properties": map[string]any{"Name": name, "Type": "String", "Value": value}}}
}

// create has somebody create a stack and returns the state in which it ends.
func (e *emulator) create(t *testing.T, somebody *cloudtest.Clients, name string, resources map[string]any) string {
	t.Helper()
	cloudtest.Must(somebody.Stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: template(resources, map[string]any{})}))(t)
	return e.settled(t, name)
}

func createAsDeployer(t *testing.T, e *emulator) error {
	formation := allow("*", "cloudformation:*")
	without := e.user(t, "deployer-without", "/", formation)
	whole := e.user(t, "deployer-with", "/", formation, allow("arn:aws:ssm:*:*:parameter/deployer/with", "ssm:PutParameter"))
	return errors.Join(
		want("without PutParameter", e.create(t, without, "deployer-without", parameter("/deployer/without", "1")), "ROLLBACK_COMPLETE"),
		want("with it, elsewhere", e.create(t, whole, "deployer-elsewhere", parameter("/deployer/elsewhere", "1")), "ROLLBACK_COMPLETE"),
		want("with it", e.create(t, whole, "deployer-with", parameter("/deployer/with", "1")), "CREATE_COMPLETE"))
}

func changeAsDeployer(t *testing.T, e *emulator) error {
	name := "deployer-change"
	wantStatus(t, e.create(t, e.Clients, name, parameter("/deployer/change", "1")), "CREATE_COMPLETE")
	without := e.user(t, name, "/", allow("*", "cloudformation:*"))
	cloudtest.Must(without.Stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: &name, TemplateBody: template(parameter("/deployer/change", "2"), map[string]any{})}))(t)
	updated := e.settled(t, name)
	cloudtest.Must(without.Stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name}))(t)
	return errors.Join(
		want("its update", updated, "UPDATE_ROLLBACK_COMPLETE"),
		want("its deletion", e.settled(t, name), "DELETE_FAILED"))
}

func resolveAsDeployer(t *testing.T, e *emulator) error {
	wantStatus(t, e.create(t, e.Clients, "deployer-source", parameter("/deployer/source", "secret")), "CREATE_COMPLETE")
	reference := func(name string) map[string]any { return parameter(name, "{{resolve:ssm:/deployer/source}}") }
	write := []statement{allow("*", "cloudformation:*"), allow("*", "ssm:PutParameter")}
	without := e.user(t, "deployer-blind", "/", write...)
	whole := e.user(t, "deployer-reader", "/", append(write, allow("arn:aws:ssm:*:*:parameter/deployer/source", "ssm:GetParameters"))...)
	return errors.Join(
		want("without GetParameters", e.create(t, without, "deployer-blind", reference("/deployer/blind")), "ROLLBACK_COMPLETE"),
		want("with it", e.create(t, whole, "deployer-reader", reference("/deployer/reader")), "CREATE_COMPLETE"))
}
