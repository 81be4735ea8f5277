//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// TestRow19AnOrganizationDemandsABoundaryOnEveryRole deploys the provider as somebody who may make no
// role without it. The role is limited by it at once, and the users are not.
func TestRow19AnOrganizationDemandsABoundaryOnEveryRole(t *testing.T) {
	d := newDeployment(t, "BoundRole")
	ctx, template, parameters := t.Context(), releasedTemplate(t), codeFor(t, d.name)
	suffices := policy{Version: "2012-10-17", Statement: []map[string]any{{
		"Effect": "Allow", "Action": []string{"s3:*", "iam:*", "secretsmanager:*", "lambda:*", "cloudformation:*", "logs:*"}, "Resource": "*"}}}
	limit := managedPolicy(t, "BoundRole-limit", suffices)
	less := managedPolicy(t, "BoundRole-less", policy{Version: suffices.Version, Statement: append(suffices.Statement,
		map[string]any{"Effect": "Deny", "Action": "s3:PutBucketPolicy", "Resource": "*"})})
	deployers := readPolicy(t, "deploy-provider.json", "BucketUserProvider", d.name, "<code-bucket>", parameters["CodeBucket"])
	deployers.Statement = append(deployers.Statement, map[string]any{"Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*",
		"Condition": map[string]any{"StringNotEquals": map[string]any{"iam:PermissionsBoundary": limit}}})
	who := holder(t, "OrganizationsDeployer", deployers)

	_, err := who.Deploy(ctx, d.name, template, parameters)
	refused(t, err, "iam:CreateRole")
	cleanUp(t, d.name)
	bounded := with(parameters, map[string]string{"RoleBoundaryArn": limit})
	published := cloudtest.Must(who.Deploy(ctx, d.name, template, bounded))(t)
	wantBoundaryOfRole(t, published["RoleArn"], limit)
	user, another := d.name+"User", d.name+"Another"
	outputs := cloudtest.Must(cloud.Deploy(ctx, user, d.resource(""), nil))(t)
	wantKeyWorks(t, "under a role with a boundary", userOf(t, outputs["Secret"]))
	if got := d.boundaryOfUser(outputs["User"]); !strings.Contains(got, d.name+"-ProviderBoundary") {
		t.Errorf("the user has the boundary %s", got)
	}

	again := cloudtest.Must(who.Deploy(ctx, d.name, template, with(bounded, map[string]string{"RoleBoundaryArn": less})))(t)
	wantBoundaryOfRole(t, again["RoleArn"], less)
	_, err = cloud.Deploy(ctx, another, d.resource(""), nil)
	refused(t, err, "PutBucketPolicy", "AccessDenied")
	cleanUp(t, another)
	none := cloudtest.Must(who.Deploy(ctx, d.name, template, parameters))(t)
	wantBoundaryOfRole(t, none["RoleArn"], "")
	if none["RoleArn"] != published["RoleArn"] || none["ServiceToken"] != published["ServiceToken"] {
		t.Errorf("before %v, after %v", published, none)
	}
	cloudtest.Must(cloud.Deploy(ctx, another, d.resource(""), nil))(t)
	for _, name := range []string{user, another, d.name} {
		if err := cloud.DeleteStack(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, arn := range []string{limit, less} {
		cloudtest.Must(cloud.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &arn}))(t)
	}
	d.wantOnlyCode()
}

// TestRow28AProviderMadeAgainServesItsStacks deletes a provider under its stack, which is stranded then
// and under a provider of another name. With the old name it updates, repairs, rolls back and deletes. A key is
// not given up while it is young, so the stack is made before the parallel tests.
func TestRow28AProviderMadeAgainServesItsStacks(t *testing.T) {
	d := newSerialDeployment(t, "MadeAgain")
	ctx, template, parameters, user := t.Context(), releasedTemplate(t), codeFor(t, d.name), d.name+"User"
	first := cloudtest.Must(cloud.Deploy(ctx, d.name, template, parameters))(t)
	outputs := cloudtest.Must(cloud.Deploy(ctx, user, d.bySSM(""), nil))(t)
	boundary, lost := d.boundaryOfUser(outputs["User"]), userOf(t, outputs["Secret"]).Fields[spec.FieldAccessKeyID]
	cloudtest.Must(cloud.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{AccessKeyId: &lost, UserName: lastPart(outputs["User"])}))(t)
	t.Parallel()

	deleted := d.deleteUnderItsUsers(boundary)
	name := d.nameFromEvents(user)
	if exit, out, notes := operate(t, "status", user, "--format", "json"); exit != 1 || !strings.Contains(out, "function "+name+" is gone") {
		t.Errorf("status of what is stranded: exit status %d: %s%s", exit, out, notes)
	}
	if formerly := functionOf(t, deleted); !strings.HasSuffix(first["ServiceToken"], ":function:"+name) || formerly != name {
		t.Fatalf("the events of the stack tell %q, those of the provider %q, and the token was %s", name, formerly, first["ServiceToken"])
	}
	changed := d.bySSM("      Access: Full\n")
	_, err := cloud.Deploy(ctx, user, changed, nil)
	refused(t, err, "/bucketuser/"+d.name+"/ServiceToken")
	cloudtest.Must(cloud.Deploy(ctx, d.name, template, parameters))(t)
	_, err = cloud.Deploy(ctx, user, changed, nil)
	refused(t, err, "Modifying service token is not allowed")
	wantStatus(t, user, types.StackStatusUpdateRollbackComplete)

	healed := cloudtest.Must(cloud.Deploy(ctx, d.name, template, with(parameters, map[string]string{"FunctionName": name})))(t)
	if healed["ServiceToken"] != first["ServiceToken"] || healed["RoleArn"] == first["RoleArn"] {
		t.Errorf("before %v, after %v", first, healed)
	}
	if after := cloudtest.Must(cloud.Deploy(ctx, user, changed, nil))(t); after["User"] != outputs["User"] || after["Secret"] != outputs["Secret"] {
		t.Errorf("before %v, after %v", outputs, after)
	}
	// The user of the old boundary has got a new key from the new role.
	client := userOf(t, outputs["Secret"])
	if client.Fields[spec.FieldAccessKeyID] == lost || d.boundaryOfUser(outputs["User"]) != boundary {
		t.Errorf("the key is still %s, or the boundary of the user not %s", lost, boundary)
	}
	if err := client.Put(ctx, client.Bucket(), "elsewhere"); err != nil {
		t.Errorf("the update to Full was without effect: %v", err)
	}
	d.removeObject(client.Bucket(), "elsewhere")
	_, err = cloud.Deploy(ctx, user, beside(d.bySSM("      Access: ReadOnly\n")), nil)
	refused(t, err, "Failing")
	wantStatus(t, user, types.StackStatusUpdateRollbackComplete)
	wantKeyWorks(t, "after the rollback", client)

	for _, name := range []string{user, d.name} {
		if err := cloud.DeleteStack(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	cloudtest.Must(cloud.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &boundary}))(t)
	d.wantOnlyCode()
}

// TestRow28ASecondProviderHasTheOldName deploys a deleted provider again, and a stack that uses its new function. The old
// name would strand that one. A second provider has it, and serves the stranded stack.
func TestRow28ASecondProviderHasTheOldName(t *testing.T) {
	d := newDeployment(t, "OldName")
	ctx, template, parameters := t.Context(), releasedTemplate(t), codeFor(t, d.name)
	stranded, user, second := d.name+"Stranded", d.name+"User", d.name+"Second"
	first := cloudtest.Must(cloud.Deploy(ctx, d.name, template, parameters))(t)
	outputs := cloudtest.Must(cloud.Deploy(ctx, stranded, d.bySSM(""), nil))(t)
	boundary := d.boundaryOfUser(outputs["User"])
	d.deleteUnderItsUsers(boundary)
	cloudtest.Must(cloud.Deploy(ctx, d.name, template, parameters))(t)
	cloudtest.Must(cloud.Deploy(ctx, user, d.resource(""), nil))(t)

	named := with(parameters, map[string]string{"FunctionName": d.nameFromEvents(stranded)})
	_, err := cloud.Deploy(ctx, d.name, template, named)
	refused(t, err, d.name+"-ServiceToken", user)
	wantInReadme(t, `make deploy-provider PROVIDER=<another-stack> PARAMETERS="FunctionName=<old-name>"`)
	if old := cloudtest.Must(cloud.Deploy(ctx, second, template, named))(t); old["ServiceToken"] != first["ServiceToken"] {
		t.Errorf("the token is %s, and was %s", old["ServiceToken"], first["ServiceToken"])
	}
	changed := strings.Replace(d.bySSM("      Access: Full\n"), "/bucketuser/"+d.name+"/", "/bucketuser/"+second+"/", 1)
	if after := cloudtest.Must(cloud.Deploy(ctx, stranded, changed, nil))(t); after["User"] != outputs["User"] || after["Secret"] != outputs["Secret"] {
		t.Errorf("before %v, after %v", outputs, after)
	}
	wantKeyWorks(t, "under the second provider", userOf(t, outputs["Secret"]))
	for _, name := range []string{stranded, user, second, d.name} {
		if err := cloud.DeleteStack(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	cloudtest.Must(cloud.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &boundary}))(t)
	d.wantOnlyCode()
}

// TestA16AnotherNameStrandsTheStacksOfAProvider gives a provider that exists another name. An export in use
// forbids that; the parameter does not. The provider is then deployed again, with the old name from the beginning.
func TestA16AnotherNameStrandsTheStacksOfAProvider(t *testing.T) {
	d := newDeployment(t, "Renamed")
	ctx, template, parameters, user := t.Context(), releasedTemplate(t), codeFor(t, d.name), d.name+"User"
	first := cloudtest.Must(cloud.Deploy(ctx, d.name, template, parameters))(t)
	renamed := with(parameters, map[string]string{"FunctionName": "Renamed-by_its-operator"})
	cloudtest.Must(cloud.Deploy(ctx, user, d.resource(""), nil))(t)
	_, err := cloud.Deploy(ctx, d.name, template, renamed)
	refused(t, err, d.name+"-ServiceToken", user)
	wantStatus(t, d.name, types.StackStatusUpdateRollbackComplete)
	if err := cloud.DeleteStack(ctx, user); err != nil {
		t.Fatal(err)
	}

	outputs := cloudtest.Must(cloud.Deploy(ctx, user, d.bySSM(""), nil))(t)
	boundary := d.boundaryOfUser(outputs["User"])
	if moved := cloudtest.Must(cloud.Deploy(ctx, d.name, template, renamed))(t); !strings.HasSuffix(moved["ServiceToken"], ":function:Renamed-by_its-operator") {
		t.Errorf("the token is %s", moved["ServiceToken"])
	}
	_, err = cloud.Deploy(ctx, user, d.bySSM("      Access: Full\n"), nil)
	refused(t, err, "Modifying service token is not allowed")
	wantKeyWorks(t, "while its stack is stranded", userOf(t, outputs["Secret"]))
	refused(t, cloud.DeleteStack(ctx, user), d.nameFromEvents(user))
	wantStatus(t, user, types.StackStatusDeleteFailed)

	d.deleteUnderItsUsers(boundary)
	old := with(parameters, map[string]string{"FunctionName": d.nameFromEvents(user)})
	if again := cloudtest.Must(cloud.Deploy(ctx, d.name, template, old))(t); again["ServiceToken"] != first["ServiceToken"] {
		t.Errorf("the token is %s, and was %s", again["ServiceToken"], first["ServiceToken"])
	}
	for _, name := range []string{user, d.name} {
		if err := cloud.DeleteStack(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	cloudtest.Must(cloud.IAM.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &boundary}))(t)
	d.wantOnlyCode()
}

// bySSM returns a template with one resource, whose service token is that of the parameter.
func (d *deployment) bySSM(properties string) string {
	return strings.Replace(d.resource(properties), "!ImportValue "+d.name+"-ServiceToken",
		"'{{resolve:ssm:/bucketuser/"+d.name+"/ServiceToken}}'", 1)
}

// beside returns the template with a resource beside its own that fails after it.
func beside(template string) string {
	return strings.Replace(template, "Outputs:", "  Failing:\n    Type: Custom::Failing\n    DependsOn: R\n    Properties:\n"+
		"      ServiceToken: !Sub arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:missing\nOutputs:", 1)
}

// deleteUnderItsUsers deletes the provider's stack in the way of the README: the users' boundary stands
// in the way and is left. It returns the stack's id.
func (d *deployment) deleteUnderItsUsers(boundary string) string {
	d.t.Helper()
	const boundaryID = "ProviderBoundary6D67ECB4"
	wantInReadme(d.t, "--retain-resources "+boundaryID)
	id := *cloudtest.Must(cloud.Settled(d.t.Context(), d.name))(d.t).StackId
	refused(d.t, cloud.DeleteStack(d.t.Context(), d.name), boundaryID, "Cannot delete a policy attached to entities")
	wantStatus(d.t, id, types.StackStatusDeleteFailed)
	cloudtest.Must(cloud.Stacks.DeleteStack(d.t.Context(), &cloudformation.DeleteStackInput{
		StackName: &id, RetainResources: []string{boundaryID}}))(d.t)
	wantStatus(d.t, id, types.StackStatusDeleteComplete)
	cloudtest.Must(cloud.IAM.GetPolicy(d.t.Context(), &iam.GetPolicyInput{PolicyArn: &boundary}))(d.t)
	return id
}

// nameFromEvents reads the name of the provider's function from the events of a stack that it has served.
func (d *deployment) nameFromEvents(stack string) string {
	d.t.Helper()
	var events [][]string
	ask(d.t, stack, "StackEvents[?ResourceType=='Custom::BucketUser'].[Timestamp,ResourceStatus,ResourceProperties]", &events)
	for _, event := range events {
		var properties struct{ ServiceToken string }
		if event[1] != string(types.ResourceStatusCreateComplete) {
			continue
		}
		if err := json.Unmarshal([]byte(event[2]), &properties); err != nil {
			d.t.Fatal(err)
		}
		return properties.ServiceToken[strings.LastIndex(properties.ServiceToken, ":")+1:]
	}
	d.t.Fatalf("no event of %s tells it: %v", stack, events)
	return ""
}

// functionOf reads the name of the function from the events of a provider's stack that was deleted.
func functionOf(t *testing.T, stackID string) string {
	t.Helper()
	var names []string
	ask(t, stackID, "StackEvents[?starts_with(LogicalResourceId,'ProviderFunction')].PhysicalResourceId", &names)
	return names[0]
}

// ask puts a query of the README to the events of a stack, as the AWS CLI does.
func ask(t *testing.T, stack, query string, answer any) {
	t.Helper()
	wantInReadme(t, query)
	events := cloudtest.Must(cloud.Stacks.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &stack}))(t)
	cmd := exec.CommandContext(t.Context(), cloud.Tools.Emulator, "-c",
		"import jmespath, json, sys; json.dump(jmespath.search(sys.argv[1], json.load(sys.stdin)), sys.stdout)", query)
	cmd.Stdin = bytes.NewReader(cloudtest.Must(json.Marshal(events))(t))
	if err := json.Unmarshal(cloudtest.Must(cmd.Output())(t), answer); err != nil {
		t.Fatal(err)
	}
}

func wantInReadme(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(string(cloudtest.Must(os.ReadFile(filepath.Join(root, "infra", "README.md")))(t)), text) {
		t.Errorf("infra/README.md lacks %s", text)
	}
}

func lastPart(arn string) *string { return aws.String(arn[strings.LastIndex(arn, "/")+1:]) }

// wantBoundaryOfRole fails the test unless the role has that permissions boundary, or none for "".
func wantBoundaryOfRole(t *testing.T, roleArn, want string) {
	t.Helper()
	got := ""
	if boundary := cloudtest.Must(cloud.IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: lastPart(roleArn)}))(t).Role.PermissionsBoundary; boundary != nil {
		got = *boundary.PermissionsBoundaryArn
	}
	if got != want {
		t.Errorf("the role has the boundary %q, want %q", got, want)
	}
}

func (d *deployment) boundaryOfUser(userArn string) string {
	d.t.Helper()
	user := cloudtest.Must(cloud.IAM.GetUser(d.t.Context(), &iam.GetUserInput{UserName: lastPart(userArn)}))(d.t).User
	return *user.PermissionsBoundary.PermissionsBoundaryArn
}
