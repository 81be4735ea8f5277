//go:build e2e

package e2e

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// CloudFormation makes, reads, changes and deletes each resource by a handler that calls
// with the rights of who deploys. The registry lists the calls that it may make for any
// template. These are those that nothing in the provider's template leads to.
var neverCalled = []struct{ reason, actions string }{
	{"no reserved concurrency", "lambda:PutFunctionConcurrency lambda:DeleteFunctionConcurrency"},
	{"Code names no version of the file", "s3:GetObjectVersion"},
	{"no VPC and no file system", "ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs ec2:DescribeNetworkInterfaces " +
		"elasticfilesystem:DescribeMountTargets s3files:ListMountTargets"},
	{"no KMS key of the function's own", "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey"},
	{"no signing of code", "lambda:GetCodeSigningConfig lambda:PutFunctionCodeSigningConfig lambda:DeleteFunctionCodeSigningConfig"},
	{"no layer", "lambda:GetLayerVersion"},
	{"no setting for the updates of the runtime, for recursion or for scaling",
		"lambda:PutRuntimeManagementConfig lambda:PutFunctionRecursionConfig lambda:PutFunctionScalingConfig"},
	{"no version, no capacity provider and no alias of a runtime",
		"lambda:PublishVersion lambda:PassCapacityProvider lambda:AssociateRuntimeAlias"},
	{"the role has no managed policy, and the boundary is attached to nobody", "iam:AttachRolePolicy iam:DetachRolePolicy " +
		"iam:AttachUserPolicy iam:DetachUserPolicy iam:AttachGroupPolicy iam:DetachGroupPolicy"},
	{"inline policies are the role's alone", "iam:GetUserPolicy iam:PutUserPolicy iam:DeleteUserPolicy " +
		"iam:GetGroupPolicy iam:PutGroupPolicy iam:DeleteGroupPolicy"},
	{"the log group has no key, and always a retention", "logs:AssociateKmsKey logs:DisassociateKmsKey logs:DeleteRetentionPolicy"},
	{"no protection of data in the log, and no delivery of its findings", "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy " +
		"logs:CreateLogDelivery s3:REST.PUT.OBJECT firehose:TagDeliveryStream"},
	{"the log group has no policy, no index, no protection against deletion and no tokens", "logs:PutResourcePolicy logs:DeleteResourcePolicy " +
		"logs:PutIndexPolicy logs:DeleteIndexPolicy logs:PutLogGroupDeletionProtection logs:PutBearerTokenAuthentication"},
}

// What the policy allows besides.
var besideHandlers = []struct{ reason, actions string }{
	{"aws cloudformation deploy and delete-stack, with their waiters", "cloudformation:CreateChangeSet cloudformation:DescribeChangeSet " +
		"cloudformation:ExecuteChangeSet cloudformation:DeleteStack cloudformation:DescribeStacks cloudformation:DescribeStackEvents"},
	{"aws s3 cp of the function", "s3:PutObject"},
	{"AWS has it in its own policy for deploying functions (SAM developer guide, Managing resource access and permissions)", "lambda:GetFunctionConfiguration"},
}

func listed(entries []struct{ reason, actions string }) map[string]bool {
	all := map[string]bool{}
	for _, entry := range entries {
		for _, action := range strings.Fields(entry.actions) {
			all[action] = true
		}
	}
	return all
}

// TestDeployersPolicyAllowsWhatHandlersCall holds the policy to the registry of CloudFormation: it
// allows all calls that the template's resources lead to, and nothing more.
func TestDeployersPolicyAllowsWhatHandlersCall(t *testing.T) {
	t.Parallel()
	asked := calledByHandlers(t)
	allowed := map[string]bool{}
	for _, action := range readPolicy(t, "deploy-provider.json", "<code-bucket>", "code").actions() {
		allowed[action] = true
	}
	never, beside := listed(neverCalled), listed(besideHandlers)
	for _, action := range slices.Sorted(maps.Keys(asked)) {
		if allowed[action] == never[action] {
			t.Errorf("%s, which %s may call: in the policy %t, said to be never called %t", action, asked[action], allowed[action], never[action])
		}
	}
	for _, action := range slices.Sorted(maps.Keys(allowed)) {
		if (asked[action] != "") == beside[action] {
			t.Errorf("%s is allowed: called by %q, said to be needed besides %t", action, asked[action], beside[action])
		}
	}
	for _, entries := range []map[string]bool{never, beside} {
		for action := range entries {
			if asked[action] == "" && !allowed[action] {
				t.Errorf("the reason for %s is of no use any more", action)
			}
		}
	}
	figure("deploy-provider.json: %d calls of CloudFormation's handlers, %d of them never made for this template", len(asked), len(never))
}

// calledByHandlers returns each action that a handler of the released template may call, with the type that it is for.
func calledByHandlers(t *testing.T) map[string]string {
	t.Helper()
	var template struct {
		Resources map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(releasedTemplate(t)), &template); err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, resource := range template.Resources {
		types = append(types, resource.Type)
	}
	slices.Sort(types)
	asked := map[string]string{}
	for typ, schema := range cloudtest.Must(local.Schemas(t.Context(), root, slices.Compact(types), os.Stderr))(t) {
		called := schema.Tagging.Permissions // tags of the stack
		for _, handler := range []string{"create", "read", "update", "delete"} {
			called = append(called, schema.Handlers[handler].Permissions...)
		}
		if len(called) < 3 { // one each to create, read and delete
			t.Errorf("the schema of %s lists %v", typ, called)
		}
		for _, action := range called {
			asked[action] = typ
		}
	}
	return asked
}
