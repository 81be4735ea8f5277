package cfnresource

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/cenkalti/backoff/v5"
)

// Limits of an answer, from "Custom resource response objects" in the
// CloudFormation user guide.
const (
	maxAnswerBytes = 4096
	putAttempts    = 6
	putTimeout     = 10 * time.Second // of one attempt
)

// answer is the body that CloudFormation expects. Its Data is shown by
// Fn::GetAtt, in outputs and in the API: no secret ever goes in.
type answer struct {
	Status             cfn.StatusType
	Reason             string            `json:",omitempty"`
	PhysicalResourceID string            `json:"PhysicalResourceId"`
	StackID            string            `json:"StackId"`
	RequestID          string            `json:"RequestId"`
	LogicalResourceID  string            `json:"LogicalResourceId"`
	Data               map[string]string `json:",omitempty"`
}

// NewClient returns a client for answers: no proxy from the environment and no
// redirects, so that the presigned address goes to one host only.
func NewClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &http.Client{
		Transport:     transport,
		Timeout:       putTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// put sends the answer, repeating on network errors, 429 and 5xx. Its error never
// holds the address.
func (h *Handler) put(ctx context.Context, address string, a answer) error {
	body, err := a.encode()
	if err != nil {
		return err
	}
	attempt := func() (struct{}, error) { return struct{}{}, h.putOnce(ctx, address, body) }
	_, err = backoff.Retry(ctx, attempt, backoff.WithMaxTries(putAttempts))
	return err
}

func (h *Handler) putOnce(ctx context.Context, address string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(errors.New("answer: ResponseURL is not an address"))
	}
	request.Header["Content-Type"] = nil // the presigned address was signed without one
	response, err := h.Client.Do(request)
	if err != nil { // a *url.Error, which quotes the address: only its cause goes on
		return fmt.Errorf("answer: %w", errors.Unwrap(err))
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64*1024)) // so that the connection can be used again
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 500 || code == http.StatusTooManyRequests:
		return fmt.Errorf("answer: HTTP status %d", code)
	default:
		return backoff.Permanent(fmt.Errorf("answer: HTTP status %d", code))
	}
}

// leastReason is what is left of a reason for which there is no room. CloudFormation takes no failure without one.
const leastReason = "see log"

// encode returns the body, with the reason cut so that it fits. A success with data that do
// not fit becomes a failure that says so, since CloudFormation would refuse the answer without
// saying why.
func (a answer) encode() ([]byte, error) {
	body, err := marshal(a)
	if err != nil {
		return nil, err
	}
	if a.Status == cfn.StatusSuccess && len(body) > maxAnswerBytes {
		a.Status, a.Data = cfn.StatusFailed, nil
		a.Reason = fmt.Sprintf("the answer has %d bytes, CloudFormation accepts %d: choose shorter names", len(body), maxAnswerBytes)
		body, err = marshal(a)
	}
	for err == nil && len(body) > maxAnswerBytes {
		if a.Reason == leastReason {
			return nil, fmt.Errorf("answer: ids of the event do not fit %d bytes", maxAnswerBytes)
		}
		a.Reason = cmp.Or(cutTo(a.Reason, len(a.Reason)-max(1, (len(body)-maxAnswerBytes)/6)), leastReason)
		body, err = marshal(a)
	}
	return body, err
}

func marshal(a answer) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// maxReason is how many bytes of an error a reason has. The ids of the event take the rest of an answer.
const maxReason = 3072

// reason is for people: one line, and where to read more.
func reason(err error, logStream string) string {
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\n", "; "), "?")
	return cutTo(text, maxReason) + " (log stream " + logStream + ")"
}

// cutTo takes out of the middle of s what makes it longer than n bytes, without splitting a character: an error
// begins with what it is about, and ends with what to do.
func cutTo(s string, n int) string {
	const gap = " … "
	if len(s) <= n {
		return s
	}
	if n < len(gap) {
		return ""
	}
	head := (n - len(gap)) / 3
	tail := len(s) - (n - len(gap) - head)
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + gap + s[tail:]
}
