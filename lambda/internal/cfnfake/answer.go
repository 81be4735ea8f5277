package cfnfake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// inventID is the id that CloudFormation gives to a resource whose function has not
// answered with one.
func (c *Cloud) inventID(e Event) string {
	parts := strings.Split(e.StackId, "/")
	return fmt.Sprintf("%s-%s-1%011d", parts[1], e.LogicalResourceId, c.serial)
}

// answers is the receiving end of the ResponseURLs, as one invocation sees it.
type answers struct {
	cloud *Cloud
	of    *invocation
}

// A Reception is what becomes of one PUT of an answer.
type Reception string

const (
	Taken       Reception = ""            // 200, and CloudFormation has the answer
	Unavailable Reception = "unavailable" // 503
	Forbidden   Reception = "forbidden"   // 403
	Hanging     Reception = "hanging"     // no reply as long as the function waits
	Unconfirmed Reception = "unconfirmed" // CloudFormation has it, but there is no reply
	Swallowed   Reception = "swallowed"   // 200, but CloudFormation never hears of it
)

// errReset is what a client sees when the connection breaks.
var errReset = errors.New("connection reset by peer")

// RoundTrip takes a PUT as S3 does, whatever it holds, as long as the signature fits.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	status, reception := a.cloud.put(a.of, r, string(body))
	switch reception {
	case Hanging:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case Unconfirmed:
		return nil, errReset
	case Taken, Unavailable, Forbidden, Swallowed: // answered, with the status
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
}

func (c *Cloud) put(by *invocation, r *http.Request, body string) (status int, reception Reception) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.pending[r.URL.String()]
	switch {
	case waiting == nil:
		c.violate("an answer went to another address than that of its event")
		return http.StatusForbidden, Taken
	case r.Method != http.MethodPut || r.Header.Get("Content-Type") != "":
		c.violate("%s with Content-Type %q: SignatureDoesNotMatch", r.Method, r.Header.Get("Content-Type"))
		return http.StatusForbidden, Taken
	}
	if c.Receive != nil {
		reception = c.Receive()
	}
	switch reception {
	case Unavailable:
		return http.StatusServiceUnavailable, reception
	case Forbidden:
		return http.StatusForbidden, reception
	case Taken, Unconfirmed:
		c.read(waiting, body)
	case Hanging, Swallowed: // CloudFormation does not hear of it
	}
	if reception == Taken || reception == Swallowed {
		c.over(by)
	}
	return http.StatusOK, reception
}

// read makes of an answer what CloudFormation does. It waits on if the answer is not
// one to its event.
func (c *Cloud) read(r *request, body string) {
	var a Answer
	e := r.event
	decoder := json.NewDecoder(bytes.NewReader([]byte(body)))
	if len(body) > maxAnswerBytes {
		c.violate("%s: the answer has %d bytes", e.RequestType, len(body))
		c.accept(r, a, outcome{id: c.idOf(e), reason: "Response object is too long."})
		return
	}
	if err := decoder.Decode(&a); err != nil {
		c.violate("%s: the answer is not JSON: %v", e.RequestType, err)
		c.accept(r, a, outcome{id: c.idOf(e), reason: "Invalid response object"})
		return
	}
	if a.StackId != e.StackId || a.RequestId != e.RequestId || a.LogicalResourceId != e.LogicalResourceId {
		c.violate("%s: the answer is for another event", e.RequestType)
		return // dropped: CloudFormation waits for its own
	}
	c.check(e, a)
	o := outcome{ok: a.Status == "SUCCESS", id: a.PhysicalResourceId, reason: a.Reason, data: a.Data}
	if a.PhysicalResourceId == "" || len(a.PhysicalResourceId) > maxIDBytes {
		o = outcome{id: c.idOf(e), reason: "Invalid PhysicalResourceId"}
	}
	c.accept(r, a, o)
}

// check records what is wrong with an answer that belongs to its event.
func (c *Cloud) check(e Event, a Answer) {
	switch {
	case a.PhysicalResourceId == "" || len(a.PhysicalResourceId) > maxIDBytes:
		c.violate("%s: the answer has an id of %d bytes", e.RequestType, len(a.PhysicalResourceId))
	case a.Status != "SUCCESS" && a.Status != "FAILED":
		c.violate("%s: Status is %q", e.RequestType, a.Status)
	case a.Status == "FAILED" && a.Reason == "":
		c.violate("%s: FAILED without a Reason", e.RequestType)
	case a.Status == "FAILED" && e.PhysicalResourceId != "" && a.PhysicalResourceId != e.PhysicalResourceId:
		c.violate("%s: FAILED under another id than the event's reads as a replacement", e.RequestType)
	case e.RequestType == "Delete" && a.PhysicalResourceId != e.PhysicalResourceId:
		c.violate("Delete: answered under another id")
	}
}

// accept takes the first answer and drops the others.
func (c *Cloud) accept(r *request, a Answer, o outcome) {
	if r.closed {
		c.dropped++
		return
	}
	r.closed = true
	r.exchange.Answer = a
	r.exchange.Outcome = "FAILED"
	if o.ok {
		r.exchange.Outcome = "SUCCESS"
	}
	r.accepted <- o
}

// idOf is the id of an event, or one that CloudFormation makes up.
func (c *Cloud) idOf(e Event) string {
	if e.PhysicalResourceId != "" {
		return e.PhysicalResourceId
	}
	return c.inventID(e)
}
