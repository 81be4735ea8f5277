package rotate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

const (
	secretARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bucketuser/Disk-x-AbCdEf"
	function  = "arn:aws:lambda:eu-west-1:123456789012:function:BucketUserProvider-ProviderRotation1"
	theSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	earlier   = "earlier-0123456789abcdef0123456789"
)

// An account is what Secrets Manager, Lambda and the log answer. Its fields are set before it is asked.
type account struct {
	isOff   bool
	serial  string            // in the value
	tags    map[string]string // of the secret
	refusal [2]string         // code and message of RotateSecret
	// ends says what becomes of the rotation: the labels of its version at each look, from the first. The last stays.
	ends   [][]string
	lines  []string // of the log, with TOKEN in the place of the token
	old    []string // the same, of a minute ago
	denied []string // names of calls

	mu      sync.Mutex
	token   string
	looks   int
	rotated bool
	opened  time.Time
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, call, isTargeted := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !isTargeted {
		call = "GetFunctionConfiguration"
	}
	var in struct {
		ClientRequestToken string
		FilterPattern      string
		StartTime          int64
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // a GET has none
	answer, refusal := map[string]any{}, [2]string{}
	switch call {
	case "DescribeSecret":
		answer = a.describe()
	case "GetSecretValue":
		fields := map[string]string{spec.FieldAccessKeyID: "AKIAOLD", spec.FieldSecretAccessKey: theSecret}
		if a.serial != "" {
			fields[spec.FieldKeySerial] = a.serial
		}
		text, _ := json.Marshal(fields)
		answer = map[string]any{"SecretString": string(text)}
	case "RotateSecret":
		if refusal = a.refusal; refusal[0] == "" {
			a.token, a.rotated = in.ClientRequestToken, true
		}
	case "GetFunctionConfiguration":
		answer = map[string]any{"FunctionName": "F", "LoggingConfig": map[string]any{"LogGroup": "the-group"}}
	case "FilterLogEvents":
		answer = map[string]any{"events": a.events(in.StartTime, strings.Trim(in.FilterPattern, `"`))}
	}
	if slices.Contains(a.denied, call) {
		refusal = [2]string{"AccessDeniedException", "You may not " + call}
	}
	if refusal[0] != "" {
		w.Header().Set("X-Amzn-Errortype", refusal[0])
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"__type": refusal[0], "message": refusal[1]}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (a *account) describe() map[string]any {
	versions := map[string][]string{"version-1": {"AWSCURRENT"}}
	if a.token != "" {
		labels := a.ends[min(a.looks, len(a.ends)-1)]
		if a.looks++; len(labels) > 0 {
			versions[a.token] = labels
		}
	}
	var tags []map[string]string
	for key, value := range a.tags {
		if key == spec.TagPreviousKey && slices.Contains(versions[a.token], "AWSCURRENT") {
			value = "AKIAOLD"
		}
		tags = append(tags, map[string]string{"Key": key, "Value": value})
	}
	return map[string]any{"ARN": secretARN, "RotationEnabled": !a.isOff, "RotationLambdaARN": function, "VersionIdsToStages": versions, "Tags": tags}
}

func (a *account) events(start int64, token string) []map[string]any {
	events := []map[string]any{}
	add := func(line string, at time.Time) {
		if at.UnixMilli() >= start && strings.Contains(strings.ReplaceAll(line, "TOKEN", a.token), token) {
			events = append(events, map[string]any{"message": strings.ReplaceAll(line, "TOKEN", a.token), "logStreamName": "the-stream", "timestamp": at.UnixMilli()})
		}
	}
	for _, line := range a.old {
		add(line, a.opened.Add(-time.Minute))
	}
	for _, line := range a.lines {
		add(line, time.Now())
	}
	return events
}

// open starts the account and returns what asks it, and the target.
func (a *account) open(t *testing.T) (aws.Config, target.Target) {
	t.Helper()
	a.opened = time.Now()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	config := aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
	return config, target.Target{LogicalID: "Disk", SecretARN: secretARN, SecretName: "bucketuser/Disk-x"}
}

// line is one of the function's log.
func line(level, msg, step, more string) string {
	return fmt.Sprintf(`{"time":"2026-11-27T12:00:00Z","level":%q,"msg":%q,"step":%q,"secretId":%q,"token":"TOKEN"%s}`, level, msg, step, secretARN, more)
}
