//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"bucketuser/infra/internal/cloudtest"
)

// A fault is what the proxy does to one call.
type fault string

const (
	none       fault = ""
	lostAnswer fault = "answer lost"      // AWS has done it, and the connection breaks
	reset      fault = "connection reset" // before AWS has heard of it
	throttled  fault = "throttled"
	serverSick fault = "503"
)

// faults say which of a function's calls are spoilt.
type faults struct {
	mu    sync.Mutex
	calls int // since the last event
	spoil func(n int, r *http.Request) fault
}

func (f *faults) setSpoil(spoil func(int, *http.Request) fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spoil = spoil
}

// begin counts the calls of another event.
func (f *faults) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = 0
}

func (f *faults) next(r *http.Request) fault {
	f.mu.Lock()
	f.calls++
	n, spoil := f.calls, f.spoil
	f.mu.Unlock()
	if spoil == nil {
		return none
	}
	return spoil(n, r)
}

// faultProxy passes calls on to the embedded AWS, unless they are spoilt.
type faultProxy struct {
	faults *faults
	next   *httputil.ReverseProxy
}

func newFaultProxy(t *testing.T, f *faults) *faultProxy {
	t.Helper()
	target := cloudtest.Must(url.Parse(cloud.Endpoint))(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cloudtest.Must(os.ReadFile(cloud.CertFile))(t))
	return &faultProxy{faults: f, next: &httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is part of the signature
		},
		ModifyResponse: learnSecret,
	}}
}

var secretAccessKey = regexp.MustCompile(`<SecretAccessKey>(.+?)</SecretAccessKey>`)

// learnSecret makes a key that AWS hands out known to the canary, whatever becomes of
// it afterwards.
func learnSecret(r *http.Response) error {
	if !strings.Contains(r.Header.Get("Content-Type"), "xml") {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	for _, key := range secretAccessKey.FindAllSubmatch(body, -1) {
		wire.secret(html.UnescapeString(string(key[1])))
	}
	return nil
}

func (p *faultProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := p.faults.next(r)
	switch kind {
	case lostAnswer:
		p.next.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context()))) // who asks may be dead
		hangUp(w)
	case reset:
		_, _ = io.Copy(io.Discard, r.Body)
		hangUp(w)
	case throttled, serverSick:
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, r, kind)
	case none:
		p.next.ServeHTTP(w, r)
	}
}

// hangUp breaks the connection off without an answer.
func hangUp(w http.ResponseWriter) {
	if connection, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_ = connection.Close()
	}
}

// refuse answers in the form of the service that the call is for.
func refuse(w http.ResponseWriter, r *http.Request, kind fault) {
	status, code := http.StatusServiceUnavailable, "ServiceUnavailable"
	if kind == throttled {
		status, code = http.StatusBadRequest, "Throttling"
	}
	switch {
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager."):
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if kind == throttled {
			code = "ThrottlingException"
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"__type":"`+code+`","message":"slow down"}`)
	case strings.Contains(r.Header.Get("Authorization"), "/s3/"):
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `<Error><Code>SlowDown</Code><Message>slow down</Message></Error>`)
	default:
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>`+code+`</Code><Message>slow down</Message></Error></ErrorResponse>`)
	}
}
