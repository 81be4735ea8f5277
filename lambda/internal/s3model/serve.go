package s3model

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// request is a call on the way to its operation.
type request struct {
	*http.Request
	query url.Values
	key   string
}

// wait lets time pass. It reports false where the caller has given up meanwhile.
func (r request) wait(d time.Duration) bool { return wait(r.Context(), d) }

func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// operation is a call that the server knows.
type operation struct {
	name     string
	serve    func(*Server, request) answer
	isDelete bool // it waits itself
	mayFail  bool // for the trouble of whole calls
}

// subresources are the queries that tell calls apart.
var subresources = []string{"versions", "uploads", "uploadId", "delete", "tagging", "policy", "lifecycle", "versioning", "publicAccessBlock",
	"encryption", "location", "object-lock", "ownershipControls", "list-type"}

// operations are by method, whether a key is named, and subresource.
var operations = map[string]operation{
	"GET bucket versions":    {name: "ListObjectVersions", serve: (*Server).listVersions, mayFail: true},
	"GET bucket uploads":     {name: "ListMultipartUploads", serve: (*Server).listUploads, mayFail: true},
	"GET bucket list-type":   {name: "ListObjectsV2", serve: (*Server).listObjects, mayFail: true},
	"GET bucket":             {name: "ListObjects", serve: (*Server).listObjects, mayFail: true},
	"POST bucket delete":     {name: "DeleteObjects", serve: (*Server).deleteObjects, isDelete: true, mayFail: true},
	"DELETE key":             {name: "DeleteObject", serve: (*Server).deleteObject, isDelete: true, mayFail: true},
	"DELETE key uploadId":    {name: "AbortMultipartUpload", serve: (*Server).abortUpload, isDelete: true, mayFail: true},
	"PUT key":                {name: "PutObject", serve: (*Server).putObject},
	"HEAD bucket":            {name: "HeadBucket", serve: (*Server).headBucket},
	"DELETE bucket":          {name: "DeleteBucket", serve: (*Server).deleteBucket},
	"GET bucket tagging":     {name: "GetBucketTagging", serve: (*Server).getTagging},
	"PUT bucket tagging":     {name: "PutBucketTagging", serve: (*Server).putTagging},
	"GET bucket policy":      {name: "GetBucketPolicy", serve: (*Server).getPolicy},
	"PUT bucket policy":      {name: "PutBucketPolicy", serve: (*Server).putPolicy},
	"DELETE bucket policy":   {name: "DeleteBucketPolicy", serve: (*Server).deletePolicy},
	"GET bucket versioning":  {name: "GetBucketVersioning", serve: (*Server).getVersioning},
	"GET bucket location":    {name: "GetBucketLocation", serve: (*Server).getLocation},
	"GET bucket lifecycle":   {name: "GetBucketLifecycleConfiguration", serve: none("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")},
	"GET bucket object-lock": {name: "GetObjectLockConfiguration", serve: none("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")},
	"GET bucket publicAccessBlock": {name: "GetPublicAccessBlock", serve: setting("<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>" +
		"<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>")},
	"GET bucket ownershipControls": {name: "GetBucketOwnershipControls", serve: setting("<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>")},
	"GET bucket encryption": {name: "GetBucketEncryption", serve: setting("<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" +
		"<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>")},
}

// route finds the operation of a call. Buckets are in the path, not in the name of the host.
func (s *Server) route(r *http.Request) (operation, request, *refusal) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	key, err := url.PathUnescape(key)
	query, err2 := url.ParseQuery(r.URL.RawQuery)
	call := request{Request: r, query: query, key: key}
	if err != nil || err2 != nil {
		return operation{}, call, &refusal{http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI."}
	}
	if bucket == "" && r.Method == http.MethodGet {
		return operation{name: "ListBuckets", serve: (*Server).listBuckets}, call, nil
	}
	name := r.Method + " bucket"
	if key != "" {
		name = r.Method + " key"
	}
	for _, sub := range subresources {
		if query.Has(sub) {
			name += " " + sub
			break
		}
	}
	op, isKnown := operations[name]
	owner := r.Header.Get("x-amz-expected-bucket-owner")
	switch {
	case !isKnown:
		return operation{name: name}, call, errUnsupported
	case bucket != s.config.Bucket || s.isDeleted():
		return op, call, errNoBucket
	case owner != "" && owner != s.config.Owner:
		return op, call, errDenied
	}
	return op, call, nil
}

func (s *Server) isDeleted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isGone
}

// answer carries a call out.
func (s *Server) answer(r *http.Request) answer {
	op, call, wrong := s.route(r)
	s.mu.Lock()
	s.stats.Requests[op.name]++
	s.mu.Unlock()
	a := s.carryOut(op, call, wrong)
	if call.Context().Err() != nil {
		a = answer{isReset: true, refused: "canceled"}
	}
	if a.refused != "" {
		s.mu.Lock()
		s.stats.Refusals[a.refused]++
		s.mu.Unlock()
	}
	return a
}

func (s *Server) carryOut(op operation, call request, wrong *refusal) answer {
	latency := s.config.List
	if op.isDelete {
		latency = s.config.Delete
	}
	if wrong != nil {
		call.wait(latency / 10)
		return refuse(wrong)
	}
	becomes := goesWell
	if op.mayFail {
		s.mu.Lock()
		becomes = s.draw()
		s.mu.Unlock()
	}
	switch becomes {
	case slowDown:
		call.wait(latency / 10)
		return refuse(errSlowDown)
	case internalError:
		call.wait(latency)
		return refuse(errInternal)
	case resetBefore:
		call.wait(latency / 2)
		return answer{isReset: true, refused: "reset"}
	case resetAfter, goesWell:
	}
	if !op.isDelete && !s.pass(call, latency) {
		return answer{isReset: true}
	}
	a := op.serve(s, call)
	if becomes == resetAfter {
		return answer{isReset: true, refused: "reset"}
	}
	return a
}

// pass lets the latency of a call pass that is no delete.
func (s *Server) pass(call request, latency time.Duration) bool {
	s.mu.Lock()
	s.lists.begin()
	s.mu.Unlock()
	isHeard := call.wait(latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists.now--
	return isHeard
}

// ServeHTTP answers a call that came over the network.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.answer(r)
	if a.isReset {
		reset(w)
		return
	}
	writeHeader(w.Header(), a)
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the caller may be gone
	}
}

func writeHeader(h http.Header, a answer) {
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("x-amz-request-id", requestID)
	h.Set("x-amz-id-2", "host-"+requestID)
	if len(a.body) > 0 {
		h.Set("Content-Type", "application/xml")
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
}

// reset ends the connection of a call without an answer.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // nothing else ends it
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // so that the caller gets a reset
	}
	_ = connection.Close() // it is of no use any more
}

// Transport carries calls to a server without any network.
type Transport struct{ Server *Server }

// RoundTrip answers a call in the goroutine of its caller.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	a := t.Server.answer(in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if a.isReset {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	response := &http.Response{
		Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}
	writeHeader(response.Header, a)
	return response, nil
}
