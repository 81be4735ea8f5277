package awsfake

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

type replyKey struct{}

// reply is an outcome other than success, on its way through the request's context to [transport].
type reply struct {
	service string
	outcome error
	id      string
}

// transport is the HTTP client under the SDK. It reaches nobody: it returns the reply that the fake has decided on.
type transport struct{}

// Do returns an AWS error as a response of its service, and anything else as a network error.
func (transport) Do(req *http.Request) (*http.Response, error) {
	r, ok := req.Context().Value(replyKey{}).(reply)
	if !ok {
		return nil, &notSimulated{"request to " + req.URL.Host}
	}
	switch outcome := r.outcome.(type) {
	case *Error:
		return r.response(req, outcome), nil
	case *broken:
		return r.respond(req, http.StatusOK, []byte(outcome.body)), nil
	case Fault:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return nil, r.outcome
}

// broken is a success whose body no XML parser reads: S3 lists keys as they are unless asked to encode them.
type broken struct{ body string }

func (b *broken) Error() string { return "awsfake: unreadable answer" }

// response is an error in the protocol of its service.
func (r reply) response(req *http.Request, e *Error) *http.Response {
	var body []byte
	switch {
	case req.Method == http.MethodHead:
		// no body: the SDK makes the code of the status
	case r.service == "secretsmanager":
		body, _ = json.Marshal(map[string]string{"__type": e.Code, "Message": e.Message})
	case r.service == "s3":
		body = []byte(fmt.Sprintf("<Error><Code>%s</Code><Message>%s</Message><RequestId>%s</RequestId>"+
			"<HostId>host-%s</HostId></Error>", e.Code, escape(e.Message), r.id, r.id))
	default:
		body = []byte(fmt.Sprintf("<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message>"+
			"</Error><RequestId>%s</RequestId></ErrorResponse>", e.Code, escape(e.Message), r.id))
	}
	return r.respond(req, e.Status, body)
}

func (r reply) respond(req *http.Request, status int, body []byte) *http.Response {
	header := http.Header{}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if r.service == "s3" {
		header.Set("X-Amz-Request-Id", r.id)
		header.Set("X-Amz-Id-2", "host-"+r.id)
		header.Set("Content-Type", "application/xml")
	} else {
		header.Set("X-Amzn-Requestid", r.id)
	}
	return &http.Response{
		StatusCode: status,
		Status:     fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     header,
		Body:       io.NopCloser(bytes.NewReader(body)),
		Request:    req,
	}
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer takes everything
	return b.String()
}

func requestID(n int) string { return fmt.Sprintf("REQUEST%09d", n) }
