//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
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
)

// A machine runs the built function as Lambda does: a process that asks the runtime
// API for its next event. What it says to AWS goes through a proxy that can spoil
// it, and its answers come to a ResponseURL that can misbehave.
type machine struct {
	t       *testing.T
	runtime *httptest.Server
	cloud   *httptest.Server // CloudFormation's end of the ResponseURL
	program string           // a built function
	env     []string         // what else than the runtime's own address it gets
	process *exec.Cmd
	output  bytes.Buffer

	events chan event
	done   chan string // what Lambda was told about the event: response, or error and its text

	faults
	mu      sync.Mutex
	respond func(http.ResponseWriter, *http.Request) // of the ResponseURL; nil accepts
	answers []map[string]any                         // accepted ones, since the last event
	said    []string                                 // all answers, and all that Lambda was told
}

// event is one invocation.
type event struct {
	payload  []byte
	deadline time.Duration
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, program: filepath.Join(cloud.Function.Dir, "bootstrap")}
	proxy := httptest.NewTLSServer(newFaultProxy(t, &m.faults))
	t.Cleanup(proxy.Close)
	certificate := filepath.Join(t.TempDir(), "proxy.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	if err := os.WriteFile(certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	m.env = []string{"AWS_ENDPOINT_URL=" + proxy.URL, "AWS_CA_BUNDLE=" + certificate}
	m.run()
	return m
}

// run starts all of a machine, which ends with the test.
func (m *machine) run() {
	m.t.Helper()
	m.events, m.done = make(chan event, 1), make(chan string, 1)
	m.runtime = httptest.NewServer(http.HandlerFunc(m.serveRuntime))
	m.cloud = httptest.NewServer(http.HandlerFunc(m.serveAnswer))
	m.start()
	m.t.Cleanup(func() {
		m.kill()
		m.runtime.CloseClientConnections()
		m.runtime.Close()
		m.cloud.Close()
	})
}

// start starts the process, which then waits for an event.
func (m *machine) start() {
	m.t.Helper()
	m.process = exec.Command(m.program)
	m.process.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(m.runtime.URL, "http://"),
		"AWS_LAMBDA_LOG_STREAM_NAME=stream", "AWS_REGION=" + cloud.Region,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true",
	}, m.env...)
	m.process.Stdout, m.process.Stderr = &m.output, &m.output
	if err := m.process.Start(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) kill() {
	_ = m.process.Process.Kill() // it may have ended already
	_ = m.process.Wait()         // killed, as was intended
}

// serveRuntime is Lambda's runtime API.
func (m *machine) serveRuntime(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/next") {
		select {
		case e := <-m.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "invocation")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(e.deadline).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+cloud.Region+":000000000000:function:machine")
			_, _ = w.Write(e.payload)
		case <-r.Context().Done():
		}
		return
	}
	body, _ := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusAccepted)
	m.done <- strings.TrimSpace(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] + " " + string(body))
}

func (m *machine) serveAnswer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	m.mu.Lock()
	respond := m.respond
	m.said = append(m.said, string(body))
	m.mu.Unlock()
	if respond != nil {
		respond(w, r)
		return
	}
	var answer map[string]any
	if err != nil || json.Unmarshal(body, &answer) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers = append(m.answers, answer)
}

// signed is the query of a presigned address, as a ResponseURL has it.
const signed = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=7200&X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"

const wireStack = "arn:aws:cloudformation:eu-west-1:000000000000:stack/wire/5f0c2b10-0000-11ee-be56-0242ac120002"

// send gives the process an event and does not wait.
func (m *machine) send(kind, logicalID, physicalID string, properties map[string]any, deadline time.Duration) {
	m.t.Helper()
	responseURL := m.cloud.URL + "/" + signed
	wire.responseURL(responseURL)
	payload, err := json.Marshal(map[string]any{
		"RequestType": kind, "RequestId": "request", "ResponseURL": responseURL, "StackId": wireStack,
		"LogicalResourceId": logicalID, "PhysicalResourceId": physicalID, "ResourceType": "Custom::BucketUser", "ResourceProperties": properties,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.mu.Lock()
	m.answers = nil
	m.mu.Unlock()
	m.begin()
	m.events <- event{payload, deadline}
}

// deliver gives the process an event, waits until it is done with it, and returns
// the answer and what Lambda was told.
func (m *machine) deliver(kind, logicalID, physicalID string, properties map[string]any, deadline time.Duration) (answer map[string]any, told string) {
	m.t.Helper()
	m.send(kind, logicalID, physicalID, properties, deadline)
	select {
	case told = <-m.done:
	case <-time.After(deadline + 10*time.Second):
		m.t.Fatalf("%s: the function does not come to an end\n%s", kind, m.output.String())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.answers) > 1 {
		m.t.Errorf("%s: %d answers", kind, len(m.answers))
	}
	if len(m.answers) == 1 {
		answer = m.answers[0]
	}
	m.said = append(m.said, told)
	return answer, told
}

// wantNoLeak fails the test if a secret access key that AWS has given to the process,
// or the query of the ResponseURL, stands in what it printed, answered or told Lambda.
func (m *machine) wantNoLeak() {
	m.t.Helper()
	m.kill() // nothing is printed any more
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, text := range append(m.said, m.output.String()) {
		wire.scan(m.t, "what the function says", text)
	}
}

// wantSuccess fails the test unless the answer is SUCCESS.
func (m *machine) wantSuccess(answer map[string]any, told string) {
	m.t.Helper()
	if answer["Status"] != "SUCCESS" {
		m.t.Fatalf("answer %v, Lambda was told %q\n%s", answer, told, m.output.String())
	}
}
