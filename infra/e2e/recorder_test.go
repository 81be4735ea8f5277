//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"bucketuser/infra/internal/cloudtest"
)

// A recorder stands with TLS before the embedded AWS, changes nothing, and counts the requests to S3: who made them,
// with which key, and how they were answered. It is told which key is current.
type recorder struct {
	url      string // of the recorder, in place of the embedded AWS's
	certFile string // that clients must trust
	next     *httputil.ReverseProxy

	mu      sync.Mutex
	current []string // ids of the keys that have been current, the latest first
	counts  map[tally]int
	refusal string        // the last one, as S3 told it
	more    chan struct{} // closed and made anew by every request
}

// A tally is what requests are counted by.
type tally struct {
	who string // the folder of the object, below the prefix
	key age
	end answered
}

// The age of a key is how many rotations ago it was current, as of the arrival of the request.
type age string

const (
	current  age = "current"
	previous age = "previous"
	older    age = "older"
	unknown  age = "unknown" // no signature, or the key of somebody else
)

type answered string

const (
	served    answered = "served" // 404 too: an object that is not there is an answer
	denied    answered = "denied"
	abandoned answered = "abandoned" // the consumer hung up before the answer: its timeouts are short, and it asks again
	broken    answered = "broken"    // any other status, or none
)

// newRecorder starts a recorder for the time of a test.
func newRecorder(t *testing.T) *recorder {
	t.Helper()
	target := cloudtest.Must(url.Parse(cloud.Endpoint))(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cloudtest.Must(os.ReadFile(cloud.CertFile))(t))
	r := &recorder{counts: map[tally]int{}, more: make(chan struct{})}
	r.next = &httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 16},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // it is part of the signature
		},
		ErrorLog: log.New(io.Discard, "", 0), // what has no answer is counted
	}
	front := httptest.NewUnstartedServer(r)
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that clients give up
	front.StartTLS()
	t.Cleanup(front.Close)
	r.url, r.certFile = front.URL, filepath.Join(t.TempDir(), "recorder.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	if err := os.WriteFile(r.certFile, certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	return r
}

var credential = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/[^/]+/[^/]+/s3/`)

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	id := ""
	if match := credential.FindStringSubmatch(request.Header.Get("Authorization")); match != nil {
		id = match[1]
	}
	counted := tally{who: folder(request.URL), key: r.age(id)}
	answer := &witness{ResponseWriter: w}
	r.next.ServeHTTP(answer, request)
	counted.end = answer.end()
	if request.Context().Err() != nil && counted.end == broken {
		counted.end = abandoned
	}
	r.count(counted, fmt.Sprintf("%s %s: %d %s", request.Method, request.URL, answer.status, answer.body.String()))
}

// folder is the first name below the bucket's prefix, in the path or in that of a list.
func folder(u *url.URL) string {
	path := strings.Trim(u.Path, "/")
	if prefix := u.Query().Get("prefix"); prefix != "" {
		path += "/" + prefix
	}
	names := strings.SplitN(path, "/", 4) // bucket, prefix, folder
	if len(names) < 3 {
		return ""
	}
	return names[2]
}

// rotated tells the recorder that another key is current.
func (r *recorder) rotated(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = append([]string{id}, r.current...)
}

func (r *recorder) age(id string) age {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, known := range r.current {
		if known != id {
			continue
		}
		return []age{current, previous, older}[min(n, 2)]
	}
	return unknown
}

func (r *recorder) count(counted tally, told string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[counted]++
	if counted.end == denied || counted.end == broken {
		r.refusal = fmt.Sprintf("%+v: %s", counted, told)
	}
	close(r.more)
	r.more = make(chan struct{})
}

// sum is the number of requests that all of the words fit: a folder, an age, an answer. The empty word fits all.
func (r *recorder) sum(who string, key age, end answered) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := 0
	for counted, n := range r.counts {
		if (who == "" || who == counted.who) && (key == "" || key == counted.key) && (end == "" || end == counted.end) {
			sum += n
		}
	}
	return sum
}

// account is what was counted, and the last refusal.
func (r *recorder) account() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("%v\nlast refusal: %s", r.counts, r.refusal)
}

// changed returns a channel that is closed as soon as one more request was counted.
func (r *recorder) changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.more
}

// A witness remembers the status of an answer, and the text of one that is no success.
type witness struct {
	http.ResponseWriter
	status int
	body   strings.Builder
}

func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(text []byte) (int, error) {
	if w.status >= 400 {
		w.body.Write(text)
	}
	return w.ResponseWriter.Write(text)
}

func (w *witness) end() answered {
	switch {
	case w.status == http.StatusForbidden:
		return denied
	case w.status >= 200 && w.status < 300, w.status == http.StatusNotFound:
		return served
	default:
		return broken
	}
}
