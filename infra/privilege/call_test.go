//go:build e2e

package privilege

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/local"
)

// An apiCall is one HTTP request to the embedded AWS: less than an SDK client for each
// of a dozen services.
type apiCall struct {
	service, method, path string
	target                string // X-Amz-Target of a JSON service
	body                  string
}

// query is a call of a service with the query protocol: IAM, STS, CloudFormation.
func query(service, action string, parameters ...string) apiCall {
	values := url.Values{"Action": {action}, "Version": {map[string]string{
		"iam": "2010-05-08", "sts": "2011-06-15", "cloudformation": "2010-05-15", "sqs": "2012-11-05"}[service]}}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		values.Set(name, value)
	}
	return apiCall{service: service, method: "POST", path: "/", body: values.Encode()}
}

// target is a call of a service with the JSON protocol.
func target(service, name, body string) apiCall {
	return apiCall{service: service, method: "POST", path: "/", target: name, body: body}
}

// rest is a call of a service with paths: S3 and Lambda.
func rest(service, method, path, body string) apiCall {
	return apiCall{service: service, method: method, path: path, body: body}
}

// A caller sends calls with its credentials.
type caller struct {
	world       *world
	credentials aws.Credentials
}

var errorCode = regexp.MustCompile(`<Code>([^<]+)</Code>|"(?:__type|Code|code)" ?: ?"(?:[^"#]*#)?([^"]+)"`)

// do returns the error code of the answer, "" for success.
func (c caller) do(ctx context.Context, call apiCall) (string, error) {
	config, err := c.world.aws.ConfigAs(c.credentials, nil)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, call.method, c.world.aws.Endpoint+call.path, strings.NewReader(call.body))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(call.body))
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	switch {
	case call.target != "":
		r.Header.Set("X-Amz-Target", call.target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	case call.path == "/":
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	if err := v4.NewSigner().SignHTTP(ctx, c.credentials, r, hash, call.service, region, time.Now()); err != nil {
		return "", err
	}
	response, err := config.HTTPClient.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode < 300 {
		return "", err
	}
	if typ := response.Header.Get("X-Amzn-Errortype"); typ != "" {
		code, _, _ := strings.Cut(typ, ":")
		return code, nil
	}
	if m := errorCode.FindSubmatch(body); m != nil {
		return string(bytes.Join(m[1:], nil)), nil
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body), nil
}

// isDenied reports whether an error code says that a permission is missing.
func isDenied(code string) bool {
	return code == "AccessDenied" || code == "AccessDeniedException"
}

// session returns the caller with the lane's role.
func (l *lane) session(t *testing.T) caller {
	t.Helper()
	out, err := sts.NewFromConfig(l.w.config).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: &l.roleARN, RoleSessionName: aws.String("function")})
	if err != nil {
		t.Fatal(err)
	}
	return caller{l.w, aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId,
		SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}}
}

// principal is what AWS calls that session.
func (l *lane) principal() string {
	return "arn:aws:sts::" + local.Account + ":assumed-role/" + l.name + "/function"
}

// A cell is one call and what the two evaluators must say about it.
type cell struct {
	name    string
	call    apiCall
	asks    []request // the first that is refused refuses the call
	allowed bool
}

// A report is what does not hold: cells on which the evaluators disagree, and cells
// on which they agree and are not as they should be.
type report struct{ disagreements, wrong []string }

// fail fails the test for each of them.
func (r report) fail(t *testing.T) {
	t.Helper()
	for _, text := range append(r.disagreements, r.wrong...) {
		t.Error(text)
	}
}

func (r report) String() string {
	return fmt.Sprintf("%d disagreements, %d not as they should be", len(r.disagreements), len(r.wrong))
}

// add enters what the evaluators say about one thing.
func (r *report) add(name string, live, simulated, want bool, code string) {
	switch {
	case live != simulated:
		r.disagreements = append(r.disagreements, fmt.Sprintf("%s: the evaluators disagree: embedded AWS %v %q, simulator %v", name, live, code, simulated))
	case live != want:
		r.wrong = append(r.wrong, fmt.Sprintf("%s: allowed %v %q, want %v", name, live, code, want))
	}
}

// judge sends each call and simulates what it asks.
func judge(t *testing.T, who caller, principal string, policies []document, boundary document, cells []cell) (r report) {
	t.Helper()
	var asks []request
	for _, c := range cells {
		asks = append(asks, c.asks...)
	}
	results := simulate(t, principal, policies, boundary, asks)
	for _, c := range cells {
		simulated := true
		for range c.asks {
			simulated = simulated && results[0] == nil
			results = results[1:]
		}
		code, err := who.do(t.Context(), c.call)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r.add(c.name, !isDenied(code), simulated, c.allowed, code)
	}
	return r
}
