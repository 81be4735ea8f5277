//go:build e2e

package local

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
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
func (w *world) create(t *testing.T, somebody *world, name string, resources map[string]any) string {
	t.Helper()
	_, err := somebody.stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: template(resources, map[string]any{})})
	must(t, err)
	return w.settled(t, name)
}

func createAsDeployer(t *testing.T, w *world) error {
	formation := allow("*", "cloudformation:*")
	without := w.user(t, "deployer-without", "/", formation)
	whole := w.user(t, "deployer-with", "/", formation, allow("arn:aws:ssm:*:*:parameter/deployer/with", "ssm:PutParameter"))
	return errors.Join(
		want("without PutParameter", w.create(t, without, "deployer-without", parameter("/deployer/without", "1")), "ROLLBACK_COMPLETE"),
		want("with it, elsewhere", w.create(t, whole, "deployer-elsewhere", parameter("/deployer/elsewhere", "1")), "ROLLBACK_COMPLETE"),
		want("with it", w.create(t, whole, "deployer-with", parameter("/deployer/with", "1")), "CREATE_COMPLETE"))
}

func changeAsDeployer(t *testing.T, w *world) error {
	name := "deployer-change"
	must(t, want("the stack", w.create(t, w, name, parameter("/deployer/change", "1")), "CREATE_COMPLETE"))
	without := w.user(t, name, "/", allow("*", "cloudformation:*"))
	_, err := without.stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: &name, TemplateBody: template(parameter("/deployer/change", "2"), map[string]any{})})
	must(t, err)
	updated := w.settled(t, name)
	_, err = without.stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name})
	must(t, err)
	return errors.Join(
		want("its update", updated, "UPDATE_ROLLBACK_COMPLETE"),
		want("its deletion", w.settled(t, name), "DELETE_FAILED"))
}

func resolveAsDeployer(t *testing.T, w *world) error {
	must(t, want("the stack", w.create(t, w, "deployer-source", parameter("/deployer/source", "secret")), "CREATE_COMPLETE"))
	reference := func(name string) map[string]any { return parameter(name, "{{resolve:ssm:/deployer/source}}") }
	write := []statement{allow("*", "cloudformation:*"), allow("*", "ssm:PutParameter")}
	without := w.user(t, "deployer-blind", "/", write...)
	whole := w.user(t, "deployer-reader", "/", append(write, allow("arn:aws:ssm:*:*:parameter/deployer/source", "ssm:GetParameters"))...)
	return errors.Join(
		want("without GetParameters", w.create(t, without, "deployer-blind", reference("/deployer/blind")), "ROLLBACK_COMPLETE"),
		want("with it", w.create(t, whole, "deployer-reader", reference("/deployer/reader")), "CREATE_COMPLETE"))
}
