//go:build e2e

package local_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/internal/cloudtest"
)

func resourceCorrections() []correction {
	return []correction{
		{"a role has its permissions boundary, another, and none", boundedRole},
		{"a role's permissions boundary is a policy that exists", unknownBoundary},
		{"a role's permissions boundary is changed with the rights of who does it", boundaryAsDeployer},
		{"a permissions boundary in use cannot be deleted", boundaryInUse},
		{"the service token of a resource cannot change", otherServiceToken},
		{"a stack that is made again has other names", otherNames},
		{"an export in use cannot change", exportInUse},
		{"events show the properties of their resources", eventProperties},
	}
}

// boundary makes a managed policy and returns its ARN.
func (e *emulator) boundary(t *testing.T, name string) string {
	t.Helper()
	return *cloudtest.Must(e.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{
		PolicyName: &name, PolicyDocument: policy(allow("*", "s3:*"))}))(t).Policy.Arn
}

// roleWith is a role of that name, with a permissions boundary or none.
func roleWith(name, boundary string) map[string]any {
	properties := map[string]any{"RoleName": name, "AssumeRolePolicyDocument": map[string]any{"Statement": []statement{{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": "lambda.amazonaws.com"}}}}}
	if boundary != "" {
		properties["PermissionsBoundary"] = boundary
	}
	return map[string]any{"Role": map[string]any{"Type": "AWS::IAM::Role", "Properties": properties}}
}

// change creates or updates a stack that names a role as somebody, and returns the state in which it ends.
func (e *emulator) change(t *testing.T, somebody *cloudtest.Clients, name string, resources map[string]any) string {
	t.Helper()
	capabilities, body := []cfntypes.Capability{cfntypes.CapabilityCapabilityNamedIam}, template(resources, map[string]any{})
	_, err := somebody.Stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: body, Capabilities: capabilities})
	if cloudtest.Code(err) == "AlreadyExistsException" {
		_, err = somebody.Stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
			StackName: &name, TemplateBody: body, Capabilities: capabilities})
	}
	if err != nil {
		t.Fatal(err)
	}
	return e.settled(t, name)
}

// boundaryOf returns the ARN of a role's permissions boundary, "" for none.
func (e *emulator) boundaryOf(t *testing.T, role string) string {
	t.Helper()
	out := cloudtest.Must(e.IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role}))(t)
	if out.Role.PermissionsBoundary == nil {
		return ""
	}
	return aws.ToString(out.Role.PermissionsBoundary.PermissionsBoundaryArn)
}

func boundedRole(t *testing.T, e *emulator) error {
	const name = "bounded-role"
	first, second := e.boundary(t, name+"-1"), e.boundary(t, name+"-2")
	var errs []error
	for _, boundary := range []string{first, second, ""} {
		status := e.change(t, e.Clients, name, roleWith(name, boundary))
		if !strings.HasSuffix(status, "E_COMPLETE") || strings.Contains(status, "ROLLBACK") {
			t.Fatal(status)
		}
		errs = append(errs, want("the boundary", e.boundaryOf(t, name), boundary))
	}
	return errors.Join(errs...)
}

func unknownBoundary(t *testing.T, e *emulator) error {
	return want("the stack", e.change(t, e.Clients, "unknown-boundary",
		roleWith("unknown-boundary", "arn:aws:iam::000000000000:policy/unknown")), "ROLLBACK_COMPLETE")
}

func boundaryAsDeployer(t *testing.T, e *emulator) error {
	const name = "boundary-deployer"
	first, second := e.boundary(t, name+"-1"), e.boundary(t, name+"-2")
	formation, keep := allow("*", "cloudformation:*"), allow("*", "iam:CreateRole", "iam:UpdateRole")
	without := e.user(t, name+"-without", "/", formation, keep)
	put := e.user(t, name+"-put", "/", formation, keep, allow("*", "iam:PutRolePermissionsBoundary"))
	whole := e.user(t, name+"-with", "/", formation, keep, allow("*", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"))
	demanding := e.user(t, name+"-demanding", "/", formation, keep, statement{"Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*",
		"Condition": map[string]any{"StringNotEquals": map[string]any{"iam:PermissionsBoundary": first}}})
	refused := e.change(t, demanding, name+"-refused", roleWith(name+"-refused", ""))
	if difference := want("a role without the boundary that is demanded", refused, "ROLLBACK_COMPLETE"); difference != nil {
		return difference
	}
	return errors.Join(
		want("one with it", e.change(t, demanding, name, roleWith(name, first)), "CREATE_COMPLETE"),
		want("another, without the right", e.change(t, without, name, roleWith(name, second)), "UPDATE_ROLLBACK_COMPLETE"),
		want("another, with it", e.change(t, put, name, roleWith(name, second)), "UPDATE_COMPLETE"),
		want("none, without the right", e.change(t, put, name, roleWith(name, "")), "UPDATE_ROLLBACK_COMPLETE"),
		want("none, with it", e.change(t, whole, name, roleWith(name, "")), "UPDATE_COMPLETE"))
}

func boundaryInUse(t *testing.T, e *emulator) error {
	const name = "boundary-in-use"
	wantStatus(t, e.change(t, e.Clients, name, map[string]any{"Limit": map[string]any{"Type": "AWS::IAM::ManagedPolicy",
		"Properties": map[string]any{"ManagedPolicyName": name, "PolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": []statement{allow("*", "s3:*")}}}}}),
		"CREATE_COMPLETE")
	limit := "arn:aws:iam::000000000000:policy/" + name
	cloudtest.Must(e.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String(name), PermissionsBoundary: &limit}))(t)
	id := cloudtest.Must(e.Settled(t.Context(), name))(t).StackId
	remove := func(retained ...string) string {
		cloudtest.Must(e.Stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: id, RetainResources: retained}))(t)
		return e.settled(t, *id)
	}
	if difference := want("the stack", remove(), "DELETE_FAILED"); difference != nil {
		return difference
	}
	return want("the stack without its boundary", remove("Limit"), "DELETE_COMPLETE")
}

func otherServiceToken(t *testing.T, e *emulator) error {
	const name = "other-token"
	wantStatus(t, e.deploy(t, name, resource("fit")), "CREATE_COMPLETE")
	other := resource("fit again")
	other["Thing"].(map[string]any)["Properties"].(map[string]any)["ServiceToken"] =
		fmt.Sprintf("arn:aws:lambda:%s:000000000000:function:other", cloudtest.Region)
	status := e.deploy(t, name, other)
	_, told := e.observed(t, name, "Update")
	if told == nil {
		return errors.New("a function was told of the attempt")
	}
	refused := e.hasEvent(t, name, func(event cfntypes.StackEvent) bool {
		return aws.ToString(event.ResourceStatusReason) == "Modifying service token is not allowed."
	})
	again := e.deploy(t, name, resource("fit again"))
	return errors.Join(refused, want("the stack", status, "UPDATE_ROLLBACK_COMPLETE"), want("with its own token", again, "UPDATE_COMPLETE"))
}

func otherNames(t *testing.T, e *emulator) error {
	const name = "other-names"
	made := func(status, title string) string {
		thing := map[string]any{"Type": "AWS::SNS::Topic", "Properties": map[string]any{"DisplayName": title}}
		wantStatus(t, e.change(t, e.Clients, name, map[string]any{"Thing": thing}), status)
		return *cloudtest.Must(e.Stacks.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
			StackName: aws.String(name), LogicalResourceId: aws.String("Thing")}))(t).StackResourceDetail.PhysicalResourceId
	}
	first, updated := made("CREATE_COMPLETE", "1"), made("UPDATE_COMPLETE", "2")
	e.delete(t, name)
	again := made("CREATE_COMPLETE", "3")
	if again == first {
		return fmt.Errorf("it is called %s again", again)
	}
	return want("the name after an update", updated, first)
}

func exportInUse(t *testing.T, e *emulator) error {
	const name, user = "export-in-use", "export-in-use-user"
	export := func(value string) *string {
		return template(map[string]any{"Topic": topic()}, map[string]any{"It": map[string]any{"Value": value, "Export": map[string]any{"Name": name}}})
	}
	update := func(value string) string {
		cloudtest.Must(e.Stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: aws.String(name), TemplateBody: export(value)}))(t)
		return e.settled(t, name)
	}
	cloudtest.Must(e.Stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String(name), TemplateBody: export("1")}))(t)
	wantStatus(t, e.settled(t, name), "CREATE_COMPLETE")
	wantStatus(t, update("2"), "UPDATE_COMPLETE") // nobody imports it
	wantStatus(t, e.create(t, e.Clients, user, map[string]any{"Parameter": map[string]any{"Type": "AWS::SSM::Parameter",
		"Properties": map[string]any{"Type": "String", "Value": map[string]any{"Fn::ImportValue": name}}}}), "CREATE_COMPLETE")
	return want("the stack", update("3"), "UPDATE_ROLLBACK_COMPLETE")
}

func eventProperties(t *testing.T, e *emulator) error {
	const name = "event-properties"
	wantStatus(t, e.deploy(t, name, resource("fit")), "CREATE_COMPLETE")
	arn := cloudtest.Must(e.Outputs(t.Context(), "answer"))(t)["Function"]
	return e.hasEvent(t, name, func(event cfntypes.StackEvent) bool {
		return event.ResourceStatus == cfntypes.ResourceStatusCreateComplete &&
			strings.Contains(aws.ToString(event.ResourceProperties), `"ServiceToken": "`+arn+`"`)
	})
}

// hasEvent is a difference unless a stack has an event like that.
func (e *emulator) hasEvent(t *testing.T, stack string, like func(cfntypes.StackEvent) bool) error {
	t.Helper()
	out := cloudtest.Must(e.Stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &stack}))(t)
	for _, event := range out.StackEvents {
		if like(event) {
			return nil
		}
	}
	return errors.New("no event is like that")
}
