//go:build e2e

package examples

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
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
		fields, environment := secret(t, outputs["Secret"]), taskEnvironment(t, outputs["Task"])
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
	call(t, "ecs", "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition", map[string]string{"taskDefinition": task}, &out)
	environment := map[string]string{}
	for _, s := range out.TaskDefinition.ContainerDefinitions[0].Secrets {
		// arn:aws:secretsmanager:<region>:<account>:secret:<name>, field, stage, version
		parts := strings.Split(s.ValueFrom, ":")
		if len(parts) != 10 || parts[8] != "" {
			t.Fatalf("%s: %s", s.Name, s.ValueFrom)
		}
		value := must[*secretsmanager.GetSecretValueOutput](t)(secretsmanager.NewFromConfig(config).GetSecretValue(t.Context(),
			&secretsmanager.GetSecretValueInput{SecretId: aws.String(strings.Join(parts[:7], ":")), VersionId: &parts[9]}))
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
	client := iam.NewFromConfig(config)
	for _, role := range must[*iam.ListRolesOutput](t)(client.ListRoles(t.Context(), &iam.ListRolesInput{})).Roles {
		if !strings.HasPrefix(*role.RoleName, name+"-ExecutionRole") {
			continue
		}
		for resource, want := range map[string]string{arn: "allowed", arn + "x": "implicitDeny"} {
			out := must[*iam.SimulatePrincipalPolicyOutput](t)(client.SimulatePrincipalPolicy(t.Context(), &iam.SimulatePrincipalPolicyInput{
				PolicySourceArn: role.Arn, ActionNames: []string{"secretsmanager:GetSecretValue"}, ResourceArns: []string{resource}}))
			if got := string(out.EvaluationResults[0].EvalDecision); got != want {
				t.Errorf("%s: reading %s is %s, want %s", *role.RoleName, resource, got, want)
			}
		}
		return
	}
	t.Error("the stack has no execution role")
}

// call makes a call of a service for which there is no client here.
func call(t *testing.T, service, target string, input, output any) {
	t.Helper()
	body := must[[]byte](t)(json.Marshal(input))
	request := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPost, cloud.Endpoint+"/", bytes.NewReader(body)))
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", target)
	credentials := must[aws.Credentials](t)(config.Credentials.Retrieve(t.Context()))
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, request, hex.EncodeToString(sum[:]), service, config.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	response := must[*http.Response](t)(config.HTTPClient.Do(request))
	defer response.Body.Close()
	text := must[[]byte](t)(io.ReadAll(response.Body))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", target, response.Status, text)
	}
	if err := json.Unmarshal(text, output); err != nil {
		t.Fatal(err)
	}
}
