//go:build e2e

package privilege

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// query is a call of a service with the query protocol: IAM, STS, CloudFormation.
func query(service, action string, parameters ...string) cloudtest.Request {
	values := url.Values{"Action": {action}, "Version": {map[string]string{
		"iam": "2010-05-08", "sts": "2011-06-15", "cloudformation": "2010-05-15", "sqs": "2012-11-05"}[service]}}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		values.Set(name, value)
	}
	return cloudtest.Request{Service: service, Body: values.Encode()}
}

// target is a call of a service with the JSON protocol.
func target(service, name, body string) cloudtest.Request {
	return cloudtest.Request{Service: service, Target: name, Body: body}
}

// rest is a call of a service with paths: S3 and Lambda.
func rest(service, method, path, body string) cloudtest.Request {
	return cloudtest.Request{Service: service, Method: method, Path: path, Body: body}
}

var errorCode = regexp.MustCompile(`<Code>([^<]+)</Code>|"(?:__type|Code|code)" ?: ?"(?:[^"#]*#)?([^"]+)"`)

// send returns the error code of the answer to a request, "" for success.
func send(ctx context.Context, who *cloudtest.Clients, r cloudtest.Request) (string, error) {
	answer, err := who.Send(ctx, r)
	if err != nil || answer.Status < 300 {
		return "", err
	}
	if typ := answer.Header.Get("X-Amzn-Errortype"); typ != "" {
		code, _, _ := strings.Cut(typ, ":")
		return code, nil
	}
	if m := errorCode.FindSubmatch(answer.Body); m != nil {
		return string(bytes.Join(m[1:], nil)), nil
	}
	return fmt.Sprintf("%d %s", answer.Status, answer.Body), nil
}

// isDenied reports whether an error code says that a permission is missing.
func isDenied(code string) bool {
	return code == "AccessDenied" || code == "AccessDeniedException"
}

// session returns the clients of a session with the lane's role.
func (l *lane) session(t *testing.T) *cloudtest.Clients {
	t.Helper()
	session := cloudtest.Must(l.cloud.STS.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: &l.roleARN, RoleSessionName: aws.String("function")}))(t).Credentials
	return cloudtest.Must(l.cloud.As(aws.Credentials{AccessKeyID: *session.AccessKeyId,
		SecretAccessKey: *session.SecretAccessKey, SessionToken: *session.SessionToken}, nil))(t)
}

// principal is what AWS calls that session.
func (l *lane) principal() string {
	return "arn:aws:sts::" + local.Account + ":assumed-role/" + l.name + "/function"
}

// A cell is one call and what the two evaluators must say about it.
type cell struct {
	name    string
	call    cloudtest.Request
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
func judge(t *testing.T, who *cloudtest.Clients, principal string, policies []document, boundary document, cells []cell) (r report) {
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
		code, err := send(t.Context(), who, c.call)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		r.add(c.name, !isDenied(code), simulated, c.allowed, code)
	}
	return r
}
