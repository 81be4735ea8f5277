//go:build e2e

package examples

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
)

// TestECS deploys the task definition and resolves its secrets as the agent does.
func TestECS(t *testing.T) {
	t.Parallel()
	lint(t, "ecs", "template.yaml")
	const name = "StorageTask"
	template := read(t, "ecs", "template.yaml")
	for _, prefix := range []string{"clickhouse/", "moved/"} {
		if prefix != "clickhouse/" {
			template = edit(t, template, "Prefix: clickhouse/", "Prefix: "+prefix)
		}
		outputs := deploy(t, name, template)
		use(t, outputs["Secret"], prefix)
		fields, environment := user(t, outputs["Secret"]).Fields, taskEnvironment(t, outputs["Task"])
		for _, variable := range []string{"S3_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
			if environment[variable] != fields[variable] {
				t.Errorf("%s of the container is not that of the secret", variable)
			}
		}
		if len(environment) != 4 {
			t.Errorf("the container has %v", slices.Sorted(maps.Keys(environment)))
		}
		wantPermission(t, name, outputs["Secret"])
	}
	destroy(t, name)
}

// taskEnvironment returns what the agent puts into the container's environment.
func taskEnvironment(t *testing.T, task string) map[string]string {
	t.Helper()
	var out struct {
		TaskDefinition struct {
			ContainerDefinitions []struct {
				Secrets []struct{ Name, ValueFrom string }
			}
		}
	}
	answer := cloudtest.Must(cloud.Send(t.Context(), cloudtest.Request{Service: "ecs", // for which there is no client here
		Target: "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition", Body: `{"taskDefinition": "` + task + `"}`}))(t)
	if err := json.Unmarshal(answer.Body, &out); answer.Status != http.StatusOK || err != nil {
		t.Fatalf("task %s: %d %s %v", task, answer.Status, answer.Body, err)
	}
	environment := map[string]string{}
	for _, s := range out.TaskDefinition.ContainerDefinitions[0].Secrets {
		// arn:aws:secretsmanager:<region>:<account>:secret:<name>, field, stage, version
		parts := strings.Split(s.ValueFrom, ":")
		if len(parts) != 10 || parts[8] != "" {
			t.Fatalf("%s: %s", s.Name, s.ValueFrom)
		}
		value := cloudtest.Must(cloud.Secrets.GetSecretValue(t.Context(),
			&secretsmanager.GetSecretValueInput{SecretId: aws.String(strings.Join(parts[:7], ":")), VersionId: &parts[9]}))(t)
		fields := map[string]string{}
		if err := json.Unmarshal([]byte(*value.SecretString), &fields); err != nil {
			t.Fatal(err)
		}
		environment[s.Name] = fields[parts[7]]
	}
	return environment
}

// wantPermission fails the test unless the stack's role may read exactly the secret.
func wantPermission(t *testing.T, name, arn string) {
	t.Helper()
	for _, role := range cloudtest.Must(cloud.IAM.ListRoles(t.Context(), &iam.ListRolesInput{}))(t).Roles {
		if !strings.HasPrefix(*role.RoleName, name+"-ExecutionRole") {
			continue
		}
		for resource, want := range map[string]string{arn: "allowed", arn + "x": "implicitDeny"} {
			out := cloudtest.Must(cloud.IAM.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
				PolicySourceArn: role.Arn, ActionNames: []string{"secretsmanager:GetSecretValue"}, ResourceArns: []string{resource}}))(t)
			if got := string(out.EvaluationResults[0].EvalDecision); got != want {
				t.Errorf("%s: reading %s is %s, want %s", *role.RoleName, resource, got, want)
			}
		}
		return
	}
	t.Error("the stack has no execution role")
}
