//go:build e2e

package examples

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/internal/cloudtest"
)

const leaving = "Leaving"

// TestAProviderThatUsersNeed deploys a provider with the rights of deploy.json, changes it, and destroys it while there is
// a user of it: make refuses that, goes on if it is told to, and says how to get out.
func TestAProviderThatUsersNeed(t *testing.T) {
	t.Parallel()
	p, root := newPublic(t), settings(t)
	deployer := slices.Concat(root, deployerOf(t, "leaver"))
	p.wantParametersKept(t, deployer)

	boundary := boundaryOf(t, leaving)
	user := aws.String("leaving-user")
	cloudtest.Must(cloud.IAM.CreateUser(t.Context(), &iam.CreateUserInput{UserName: user, PermissionsBoundary: boundary}))(t)
	remove := func() error {
		_, err := cloud.IAM.DeleteUser(context.WithoutCancel(t.Context()), &iam.DeleteUserInput{UserName: user})
		return err
	}
	t.Cleanup(func() { _ = remove() }) // in case the test ends early
	destroy := func(expect string, env []string, more ...string) string {
		return p.shell(t, cloud.Root, expect+printed(t, productionPage, "make destroy-provider")+" 2>&1", slices.Concat(env, []string{"PROVIDER=" + leaving}, more)...)
	}
	wantSaid(t, "make destroy-provider", destroy("! ", deployer), "stack Leaving: 1 user has its permissions boundary: leaving-user.", "Nothing was destroyed; ACCEPT=users goes on")
	blind := slices.Concat(root, deployerOf(t, "leaver-blind", "Users"))
	wantSaid(t, "without the right to look", destroy("! ", blind), "iam:ListEntitiesForPolicy", "nothing was destroyed; ACCEPT=users goes on unseen")
	if outputs := cloudtest.Must(cloud.Outputs(t.Context(), leaving))(t); outputs["ServiceToken"] == "" {
		t.Errorf("destroyed unasked: %v", outputs)
	}

	const out = "aws cloudformation delete-stack --stack-name Leaving --retain-resources ProviderBoundary6D67ECB4\n"
	wantSaid(t, "ACCEPT=users", destroy("! ", deployer, "ACCEPT=users"), "boundary: leaving-user\n", "The stack is in DELETE_FAILED. ", out, `"A provider created again" in infra/README.md`)
	said := p.shell(t, cloud.Root, "! make deploy-provider 2>&1", slices.Concat(deployer, []string{"PROVIDER=" + leaving})...)
	wantSaid(t, "in DELETE_FAILED", said, "in which it can only be deleted; make destroy-provider says what that takes")
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	wantSaid(t, "once the user is gone", destroy("", deployer), out)
	if outputs, err := cloud.Outputs(t.Context(), leaving); err == nil {
		t.Errorf("the stack is left with outputs %v", outputs)
	}
}

// wantParametersKept deploys the provider with a file: what is left out stays, null is the default, and another name of
// the function is refused.
func (p *public) wantParametersKept(t *testing.T, deployer []string) {
	t.Helper()
	values := filepath.Join(t.TempDir(), "values.yaml")
	deploy := func(expect, section string) string {
		if err := os.WriteFile(values, []byte(leaving+": "+section), 0o600); err != nil {
			t.Fatal(err)
		}
		return p.shell(t, cloud.Root, expect+"make deploy-provider 2>&1", slices.Concat(deployer, []string{"PROVIDER=" + leaving, "VALUES=" + values})...)
	}
	deploy("", "{LogRetentionInDays: 7, FunctionName: leaving-function}")
	wantSaid(t, "null for FunctionName", deploy("! ", "{LogRetentionInDays: null, FunctionName: null}"),
		"  FunctionName: leaving-function -> generated\n    it replaces the function", `ACCEPT="FunctionName" says yes`, "\n  FunctionName: leaving-function\n")
	wantSaid(t, "null", deploy("", "{LogRetentionInDays: null, BoundaryArn: null}"), "what changes:\n  LogRetentionInDays: 7 -> 30\n")
	stacks := cloudtest.Must(cloud.Stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(leaving)}))(t)
	has := map[string]string{}
	for _, parameter := range stacks.Stacks[0].Parameters {
		has[*parameter.ParameterKey] = *parameter.ParameterValue
	}
	if has["LogRetentionInDays"] != "30" || has["BoundaryArn"] != "" || has["FunctionName"] != "leaving-function" {
		t.Errorf("deployed with %v", has)
	}
}

// boundaryOf is the permissions boundary that a provider's stack has.
func boundaryOf(t *testing.T, stack string) *string {
	t.Helper()
	out := cloudtest.Must(cloud.Stacks.DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: &stack}))(t)
	for _, resource := range out.StackResources {
		if strings.HasPrefix(*resource.LogicalResourceId, "ProviderBoundary") {
			return resource.PhysicalResourceId
		}
	}
	t.Fatalf("stack %s has no boundary", stack)
	return nil
}
