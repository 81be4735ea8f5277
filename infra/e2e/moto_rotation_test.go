//go:build e2e

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// motoFunction is a function that moto invokes: a machine, and what it was asked and told.
type motoFunction struct {
	machine *machine // set before moto invokes anything
	mu      sync.Mutex
	steps   []string // of each invocation: the step, the secret, and what Lambda was told
}

func (f *motoFunction) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(r.Body)
	var event struct{ Step, SecretId string }
	if err != nil || json.Unmarshal(payload, &event) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.machine.invoke(payload)
	f.steps = append(f.steps, event.Step+" "+event.SecretId+" "+told)
	if !strings.HasPrefix(told, "response") {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, _ = io.WriteString(w, told) // whoever invoked it may be gone
}

// invoke gives the process a payload, and returns what Lambda was told: response, or
// error, and its text.
func (m *machine) invoke(payload []byte) string {
	const deadline = 60 * time.Second
	m.events <- event{payload, deadline}
	select {
	case told := <-m.done:
		return told
	case <-time.After(deadline + 10*time.Second):
		return "no end"
	}
}

// onMoto starts moto, and as the function that it invokes the built one with a handler, which talks to moto.
func onMoto(t *testing.T, handler string) (aws.Config, *motoFunction) {
	t.Helper()
	function := &motoFunction{}
	server := httptest.NewServer(function)
	t.Cleanup(server.Close)
	config := cloudtest.Must(local.StartMoto(t.Context(), root, t.TempDir(), server.URL, os.Stderr))(t)
	config.Region = cloud.Region
	function.machine = machineOn(t, config, handler)
	return config, function
}

// machineOn runs the built function with a handler, and talks to moto.
func machineOn(t *testing.T, config aws.Config, handler string, env ...string) *machine {
	t.Helper()
	m := &machine{t: t, program: filepath.Join(cloud.Function.Dir, "bootstrap")}
	m.env = append([]string{"AWS_ENDPOINT_URL=" + *config.BaseEndpoint, "_HANDLER=" + handler}, env...)
	m.run()
	return m
}

// moto runs the steps of a rotation too, as somebody else has understood Secrets Manager: it names the secret by its
// name, spells no RotationToken, and invokes before it answers. It evaluates no policy and knows every key: what is
// shown is that the two agree on the steps.
func TestMotoRotatesByTheFunction(t *testing.T) {
	t.Parallel()
	config, function := onMoto(t, "rotation")
	m := machineOn(t, config, "bootstrap", "BUCKETUSER_ROTATION_FUNCTION_ARN="+machineARN)
	answer, told := m.deliver("Create", "OnMoto", "", map[string]any{"ServiceToken": "arn", "RotateAfterDays": "30"}, time.Minute)
	m.wantSuccess(answer, told)
	data, secrets := answer["Data"].(map[string]any), secretsmanager.NewFromConfig(config)
	name, user, before := data["SecretName"].(string), data["UserName"].(string), data["AccessKeyId"].(string)
	wantSteps(t, function, name, "testSecret") // of a schedule that is new

	out := cloudtest.Must(secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &name, RotationLambdaARN: aws.String(machineARN)}))(t)
	wantSteps(t, function, name, "createSecret", "setSecret", "testSecret", "finishSecret")
	value := cloudtest.Must(secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name}))(t)
	if *value.VersionId != *out.VersionId || strings.Contains(*value.SecretString, before) {
		t.Errorf("current: version %s, want %s with another key than %s", *value.VersionId, *out.VersionId, before)
	}
	var keys []string
	for _, key := range cloudtest.Must(iam.NewFromConfig(config).ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &user}))(t).AccessKeyMetadata {
		keys = append(keys, *key.AccessKeyId)
	}
	secret := describe(t, secrets, name)
	if len(keys) != 2 || !slices.Contains(keys, before) || tagOf(secret, spec.TagPreviousKey) != before || tagOf(secret, spec.TagRotation) != "" {
		t.Errorf("keys %q, previous %q, under way %q; the key before was %s", keys, tagOf(secret, spec.TagPreviousKey), tagOf(secret, spec.TagRotation), before)
	}
}

// wantSteps fails the test unless the function was invoked for these steps since the last call, and did each.
func wantSteps(t *testing.T, function *motoFunction, secret string, steps ...string) {
	t.Helper()
	function.mu.Lock()
	defer function.mu.Unlock()
	var want []string
	for _, step := range steps {
		want = append(want, step+" "+secret+" response null")
	}
	if diff := cmp.Diff(want, function.steps); diff != "" {
		t.Fatalf("steps (-want +got):\n%s\n%s", diff, function.machine.output.String())
	}
	function.steps = nil
}

func describe(t *testing.T, secrets *secretsmanager.Client, id string) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	return cloudtest.Must(secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &id}))(t)
}

// tagOf is the value of a secret's tag, or "".
func tagOf(secret *secretsmanager.DescribeSecretOutput, key string) string {
	for _, tag := range secret.Tags {
		if *tag.Key == key {
			return *tag.Value
		}
	}
	return ""
}
