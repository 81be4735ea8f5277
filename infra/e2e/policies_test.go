//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/compile"
	"bucketuser/infra/internal/release"
	"bucketuser/infra/local"
)

// What CloudFormation reads of a resource, and what it does for tags of a stack, the
// embedded AWS does not ask for, nor for what only a version with another role would
// change; events are read after a failure alone. Every other action of the policies is
// shown to be needed. That the registry of CloudFormation names these is shown beside.
var notAsked = map[string][]string{
	"deploy-provider.json": {
		"cloudformation:DescribeStackEvents",
		"lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:GetFunctionEventInvokeConfig",
		"lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionRecursionConfig", "lambda:GetFunctionScalingConfig", "lambda:GetRuntimeManagementConfig",
		"lambda:UpdateFunctionEventInvokeConfig", "lambda:GetPolicy", "lambda:ListTags", "lambda:TagResource", "lambda:UntagResource",
		"iam:GetRole", "iam:ListRoleTags", "iam:TagRole", "iam:UntagRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies",
		"iam:UpdateRole", "iam:UpdateRoleDescription", "iam:UpdateAssumeRolePolicy",
		"iam:GetPolicy", "iam:GetPolicyVersion", "iam:DeletePolicyVersion", "iam:ListPolicyVersions", "iam:ListEntitiesForPolicy",
		"logs:GetDataProtectionPolicy", "logs:DescribeIndexPolicies", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
		"logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource",
		"ssm:GetParameters", "ssm:ListTagsForResource", "ssm:AddTagsToResource", "ssm:RemoveTagsFromResource",
	},
	"embed.json": {"cloudformation:DescribeStackEvents"},
}

// policy is a file of infra/policies.
type policy struct {
	Version   string
	Statement []map[string]any
}

// readPolicy returns a policy with its placeholders, and names of the README's,
// replaced: pairs of old and new.
func readPolicy(t *testing.T, file string, names ...string) policy {
	t.Helper()
	text := string(cloudtest.Must(os.ReadFile(filepath.Join(root, "infra", "policies", file)))(t))
	text = strings.NewReplacer(append(names, "<account>", local.Account, "<region>", cloudtest.Region)...).Replace(text)
	var p policy
	if err := json.Unmarshal([]byte(text), &p); err != nil || strings.Contains(text, "<") {
		t.Fatalf("%v: %s", err, text)
	}
	return p
}

func actionsOf(statement map[string]any) []any {
	if actions, ok := statement["Action"].([]any); ok {
		return actions
	}
	return []any{statement["Action"]}
}

// actions returns every action of a policy.
func (p policy) actions() []string {
	var actions []string
	for _, statement := range p.Statement {
		for _, action := range actionsOf(statement) {
			actions = append(actions, action.(string))
		}
	}
	return actions
}

// without returns the policy without one action.
func (p policy) without(action string) policy {
	less := policy{Version: p.Version}
	for _, statement := range p.Statement {
		kept := slices.DeleteFunc(slices.Clone(actionsOf(statement)), func(a any) bool { return a == action })
		if len(kept) > 0 {
			statement = maps.Clone(statement)
			statement["Action"] = kept
			less.Statement = append(less.Statement, statement)
		}
	}
	return less
}

// managedPolicy makes a policy that can be a permissions boundary, and returns its ARN.
func managedPolicy(t *testing.T, name string, p policy) string {
	t.Helper()
	document := string(cloudtest.Must(json.Marshal(p))(t))
	out := cloudtest.Must(cloud.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}))(t)
	return *out.Policy.Arn
}

// holder returns the clients of a new IAM user who has that policy and no other.
func holder(t *testing.T, name string, p policy) *cloudtest.Clients {
	t.Helper()
	return cloudtest.Must(cloud.As(keyOf(t, name, p), nil))(t)
}

// keyOf makes such a user.
func keyOf(t *testing.T, name string, p policy) aws.Credentials {
	t.Helper()
	document := string(cloudtest.Must(json.Marshal(p))(t))
	key := cloudtest.Must(cloud.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
	cloudtest.Must(cloud.IAM.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: &name, PolicyDocument: &document}))(t)
	return key
}

// cleanUp deletes a stack as root, whatever state its owner left it in.
func cleanUp(t *testing.T, name string) {
	t.Helper()
	if err := cloud.DeleteStack(t.Context(), name); err != nil && !strings.Contains(err.Error(), "does not exist") {
		t.Error(err)
	}
}

// wantNeeded runs a cycle with the whole policy, which must succeed, and without
// each of its actions, which must fail and say which.
func wantNeeded(t *testing.T, file string, read func(name string) policy, cycle func(t *testing.T, who *cloudtest.Clients, name string) error) {
	t.Helper()
	name := strings.ReplaceAll(strings.TrimSuffix(file, ".json"), "-", "")
	whole := read(name)
	if err := cycle(t, holder(t, name, whole), name); err != nil {
		t.Fatalf("with the whole policy: %v", err)
	}
	asked := whole.actions()
	for _, action := range notAsked[file] {
		i := slices.Index(asked, action)
		if i < 0 {
			t.Fatalf("%s is not in %s", action, file)
		}
		asked = slices.Delete(asked, i, i+1)
	}
	for i, action := range asked {
		t.Run("without "+strings.ReplaceAll(action, ":", " "), func(t *testing.T) {
			t.Parallel()
			name := fmt.Sprintf("%s%d", name, i)
			err := cycle(t, holder(t, name, read(name).without(action)), name)
			cleanUp(t, name)
			refused(t, err, action)
		})
	}
	figure("%s: %d actions, without any of which deployment fails", file, len(asked))
}

// TestDeployersPolicy uploads, creates, changes all that can change, and deletes. The role is given a permissions
// boundary, and loses it.
func TestDeployersPolicy(t *testing.T) {
	t.Parallel()
	template, bucket := releasedTemplate(t), newBucket(t, "deployers-code")
	limit := managedPolicy(t, "deployers-limit", policy{Version: "2012-10-17", Statement: []map[string]any{
		{"Effect": "Allow", "Action": "*", "Resource": "*"}}})
	read := func(name string) policy {
		return readPolicy(t, "deploy-provider.json", "BucketUserProvider", name, "<code-bucket>", bucket)
	}
	cycle := func(t *testing.T, who *cloudtest.Clients, name string) error {
		ctx := t.Context()
		packed := string(cloudtest.Must(release.Zip([]byte("is never invoked")))(t))
		parameters := map[string]string{"CodeBucket": bucket}
		for i, boundary := range []string{"", limit, ""} {
			parameters["CodePrefix"], parameters["RoleBoundaryArn"] = fmt.Sprintf("%s/%d/", name, i), boundary
			if _, err := who.S3.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &bucket, Key: aws.String(parameters["CodePrefix"] + compile.ZipFile(releaseVersion, "arm64")), Body: strings.NewReader(packed)}); err != nil {
				return fmt.Errorf("s3:PutObject: %w", err)
			}
			if _, err := who.Deploy(ctx, name, template, parameters); err != nil {
				return err
			}
			parameters["BucketNamePattern"], parameters["LogRetentionInDays"] = "other-*", "7"
		}
		return who.DeleteStack(ctx, name)
	}
	wantNeeded(t, "deploy-provider.json", read, cycle)
}

// TestEmbeddersPolicy creates, changes and deletes a stack that embeds the resource
// both ways.
func TestEmbeddersPolicy(t *testing.T) {
	d := newDeployment(t, "Embedders")
	cloudtest.Must(cloud.Deploy(t.Context(), d.name, releasedTemplate(t), codeFor(t, d.name)))(t)
	read := func(name string) policy {
		return readPolicy(t, "embed.json", "BucketUserProvider", d.name, "<stack>", name)
	}
	template := strings.ReplaceAll(snippet(t, "embed"), "BucketUserProvider", d.name)
	cycle := func(t *testing.T, who *cloudtest.Clients, name string) error {
		ctx := t.Context()
		for _, text := range []string{template, strings.Replace(template, "Prefix: clickhouse/", "Prefix: other/", 1)} {
			outputs, err := who.Deploy(ctx, name, text, nil)
			if err != nil {
				return err
			}
			// To embed is not to read: that is the consumers' right.
			_, err = who.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(outputs["DiskSecret"])})
			if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
				t.Errorf("the embedder reads the secret: %v", err)
			}
		}
		return who.DeleteStack(ctx, name)
	}
	t.Run("cycles", func(t *testing.T) { wantNeeded(t, "embed.json", read, cycle) })

	// Nor is it to deploy a provider.
	who := holder(t, "EmbeddersDeployer", read("EmbeddersProvider"))
	_, err := who.Deploy(t.Context(), "EmbeddersProvider", releasedTemplate(t), map[string]string{"CodeBucket": "embedders-code"})
	refused(t, err, "not authorized to perform")
	cleanUp(t, "EmbeddersProvider")
	if err := cloud.DeleteStack(t.Context(), d.name); err != nil {
		t.Error(err)
	}
}
