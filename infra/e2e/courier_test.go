//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
)

// A courier stands between Lambda and a deployed function, and between the function and AWS. It sees every delivery of
// an event, may end the process of the function at any call or when the event is done, and may hold a delivery back. The
// rest is as deployed: CloudFormation sends the event, Lambda delivers it again, the answer goes to the ResponseURL.
type courier struct {
	t *testing.T
	*deployment
	faults
	runtime *httptest.Server
	aws     *httptest.Server

	mu         sync.Mutex
	deliveries []delivery
	again      []*again
}

// delivery is one invocation of the function with an event.
type delivery struct {
	process int
	kind    string // RequestType
	payload string
	sent    time.Time // in the ResponseURL
}

// again is the next event of a type. It is answered, and Lambda delivers it a second time because the process ends before
// Lambda knows. The second delivery waits.
type again struct {
	kind, payload        string
	held, released, done chan struct{}
}

// newCourier deploys the released provider, with a function that starts through a courier. It may use names that start
// with the given one in lower case and a hyphen.
func newCourier(t *testing.T, name string) *courier {
	t.Helper()
	c := &courier{t: t, deployment: newDeployment(t, name)}
	c.runtime = httptest.NewServer(http.HandlerFunc(c.serveRuntime))
	c.aws = httptest.NewTLSServer(newFaultProxy(t, &c.faults))
	t.Cleanup(func() {
		c.runtime.CloseClientConnections()
		c.runtime.Close()
		c.aws.Close()
	})
	trusted := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.aws.Certificate().Raw}), cloudtest.Must(os.ReadFile(cloud.CertFile))(t)...)
	certificates := filepath.Join(c.dir, "courier.pem")
	if err := os.WriteFile(certificates, trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	// The shell becomes the function, so that its id is the process's.
	script := fmt.Sprintf("#!/bin/sh\nAWS_LAMBDA_RUNTIME_API=%s/$$/$AWS_LAMBDA_RUNTIME_API AWS_ENDPOINT_URL=%s AWS_CA_BUNDLE=%s exec %s\n",
		strings.TrimPrefix(c.runtime.URL, "http://"), c.aws.URL, certificates, filepath.Join(cloud.Function.Dir, "bootstrap"))
	pattern := strings.ToLower(name) + "-*"
	cloudtest.Must(cloud.Deploy(t.Context(), name, releasedTemplate(t), with(codeOf(t, name, []byte(script)),
		map[string]string{"BucketNamePattern": pattern, "SecretNamePattern": pattern})))(t)
	return c
}

// remove deletes the provider, and fails the test if anything else is left.
func (c *courier) remove() {
	c.t.Helper()
	if err := cloud.DeleteStack(c.t.Context(), c.name); err != nil {
		c.t.Fatal(err)
	}
	c.wantOnlyCode()
}

// serveRuntime passes on what a process says to Lambda's runtime API. The path begins with the process and the address
// of the API.
func (c *courier) serveRuntime(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	process, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 3 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(c.t.Context(), cancel)() // a process may still wait for its next event
	isDone := r.Method == http.MethodPost
	if isDone && c.ends(process) {
		_ = syscall.Kill(process, syscall.SIGKILL) // it waits for our answer, so it is still this process
		hangUp(w)
		return
	}
	(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: parts[1]})
			p.Out.URL.Path, p.Out.URL.RawPath = "/"+parts[2], ""
		},
		ModifyResponse: func(response *http.Response) error {
			if isDone || response.StatusCode != http.StatusOK {
				return nil
			}
			return c.hand(process, response)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { hangUp(w) }, // Lambda ends the process
	}).ServeHTTP(w, r.WithContext(ctx))
	if isDone {
		c.isDone(process)
	}
}

// hand is a delivery on its way to the process.
func (c *courier) hand(process int, response *http.Response) error {
	payload, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(payload))
	var event struct{ RequestType, ResponseURL string }
	if err := json.Unmarshal(payload, &event); err != nil {
		return err
	}
	wire.responseURL(event.ResponseURL)
	address, err := url.Parse(event.ResponseURL)
	if err != nil {
		return err
	}
	sent, err := time.Parse("20060102T150405Z", address.Query().Get("X-Amz-Date"))
	if err != nil {
		return err
	}
	c.mu.Lock()
	d := delivery{process, event.RequestType, string(payload), sent}
	c.deliveries = append(c.deliveries, d)
	second := c.second(d)
	isHeld := second != nil && c.times(d.payload) == 2
	c.mu.Unlock()
	c.begin()
	if isHeld {
		close(second.held)
		select {
		case <-second.released:
		case <-c.t.Context().Done(): // a test that has failed
		}
	}
	return nil
}

// second is what is to become of an event, or nil.
func (c *courier) second(d delivery) *again {
	for _, a := range c.again {
		if a.payload == "" && a.kind == d.kind {
			a.payload = d.payload
		}
		if a.payload == d.payload {
			return a
		}
	}
	return nil
}

// times is how often an event was delivered.
func (c *courier) times(payload string) (n int) {
	for _, d := range c.deliveries {
		if d.payload == payload {
			n++
		}
	}
	return n
}

// last is what was delivered last to a process, or to any if that is 0.
func (c *courier) last(process int) delivery {
	for i := len(c.deliveries) - 1; i >= 0; i-- {
		if process == 0 || c.deliveries[i].process == process {
			return c.deliveries[i]
		}
	}
	return delivery{}
}

// ends tells whether Lambda does not hear that a process is done.
func (c *courier) ends(process int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.last(process)
	return c.second(d) != nil && c.times(d.payload) == 1
}

func (c *courier) isDone(process int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.last(process)
	if second := c.second(d); second != nil && c.times(d.payload) == 2 {
		close(second.done)
	}
}

// deliverAgain has Lambda deliver the next event of a type a second time.
func (c *courier) deliverAgain(kind string) *again {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := &again{kind: kind, held: make(chan struct{}), released: make(chan struct{}), done: make(chan struct{})}
	c.again = append(c.again, next)
	return next
}

// isHeld waits for the second delivery.
func (a *again) isHeld(t *testing.T) {
	t.Helper()
	within(t, "the second delivery", a.held)
}

// release lets the second delivery through and returns when it is done.
func (a *again) release(t *testing.T) {
	t.Helper()
	close(a.released)
	within(t, "the end of the second delivery", a.done)
}

func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s does not come", what)
	}
}

// endAt ends the process of the function at the first call of an operation, which takes effect, and is called once that
// has happened.
func (c *courier) endAt(operation string, happened func()) {
	c.setSpoil(func(_ int, r *http.Request) fault {
		if operationOf(r) != operation {
			return none
		}
		c.setSpoil(nil)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			c.t.Errorf("the body of %s: %v", operation, err)
			return lostAnswer
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.mu.Lock()
		process := c.last(0).process
		c.mu.Unlock()
		_ = syscall.Kill(process, syscall.SIGKILL) // it has sent all of the call, and waits for the answer
		happened()
		return lostAnswer
	})
}

// operationOf is what a call asks for: an operation of IAM or Secrets Manager, or method and query of one on a bucket.
func operationOf(r *http.Request) string {
	if _, operation, isJSON := strings.Cut(r.Header.Get("X-Amz-Target"), "."); isJSON {
		return operation
	}
	if strings.Contains(r.Header.Get("Authorization"), "/s3/") {
		if strings.Contains(strings.Trim(r.URL.Path, "/"), "/") {
			return r.Method + " object"
		}
		query := r.URL.Query()
		query.Del("x-id")
		return strings.TrimRight(r.Method+" bucket "+strings.TrimSuffix(query.Encode(), "="), " ")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}
