//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// motoFunction is a function that moto invokes: a machine, and what it was asked and told.
type motoFunction struct {
	machine *machine // set before moto invokes anything
	mu      sync.Mutex
	steps   []string // payload and outcome of each invocation
}

func (f *motoFunction) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	told := f.machine.invoke(payload)
	f.steps = append(f.steps, string(payload)+" "+told)
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

// onMoto starts moto, and as its function a program with a handler that talks to moto.
func onMoto(t *testing.T, program, handler string) (aws.Config, *motoFunction) {
	t.Helper()
	function := &motoFunction{}
	server := httptest.NewServer(function)
	t.Cleanup(server.Close)
	config := cloudtest.Must(local.StartMoto(t.Context(), root, t.TempDir(), server.URL, os.Stderr))(t)
	function.machine = machineOn(t, config, program, handler)
	return config, function
}

// machineOn runs a program with a handler that talks to moto.
func machineOn(t *testing.T, config aws.Config, program, handler string) *machine {
	t.Helper()
	m := &machine{t: t, program: program, env: []string{"AWS_ENDPOINT_URL=" + *config.BaseEndpoint, "_HANDLER=" + handler}}
	m.run()
	return m
}

// moto runs the steps of a rotation too, as somebody else has understood Secrets Manager:
// it names the secret by its name, spells no RotationToken, and invokes before it answers.
func TestMotoRotatesByTheFunction(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "bootstrap")
	if output, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", program, "../local/testdata/rotate").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	config, function := onMoto(t, program, "rotation")
	config.Region = cloud.Region
	secrets := secretsmanager.NewFromConfig(config)
	cloudtest.Must(s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("rotations"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: cloudtest.Region}}))(t)
	name := "rotated-by-moto"
	cloudtest.Must(secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("1")}))(t)

	out := cloudtest.Must(secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &name, RotationLambdaARN: aws.String("arn:aws:lambda:" + cloud.Region + ":123456789012:function:rotation"),
		RotationRules: &smtypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}))(t)
	function.mu.Lock()
	defer function.mu.Unlock()
	var want []string
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		want = append(want, `{"Step": "`+step+`", "SecretId": "`+name+`", "ClientRequestToken": "`+*out.VersionId+`"} response null`)
	}
	if diff := cmp.Diff(want, function.steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s\n%s", diff, function.machine.output.String())
	}
	value := cloudtest.Must(secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name}))(t)
	if *value.SecretString != "2" || *value.VersionId != *out.VersionId {
		t.Errorf("current: %s of version %s", *value.SecretString, *value.VersionId)
	}
}

// The function makes its set on moto as well: a rotation there finds one of its own.
func TestMotoHoldsASet(t *testing.T) {
	t.Parallel()
	config, _ := onMoto(t, cloud.Function.Dir+"/bootstrap", "bootstrap")
	m := machineOn(t, config, cloud.Function.Dir+"/bootstrap", "bootstrap")
	answer, told := m.deliver("Create", "OnMoto", "", map[string]any{"ServiceToken": "arn"}, 60*time.Second)
	m.wantSuccess(answer, told)
}
