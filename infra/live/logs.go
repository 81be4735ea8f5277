package main

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// A logLine is a line of the functions' log: one of their own, or one of Lambda about a run.
type logLine struct {
	at     time.Time // by the function's clock, or by that of the log for a line of Lambda
	stream string    // has the function's name, where several write to one group
	text   string

	Time        time.Time `json:"time"`
	Msg         string    `json:"msg"`
	Reason      string    `json:"reason"`
	Step        string    `json:"step"`
	Token       string    `json:"token"`
	SecretID    string    `json:"secretId"`
	RequestType string    `json:"requestType"`
	StackID     string    `json:"stackId"`
}

func logLineOf(event types.FilteredLogEvent) logLine {
	line := logLine{at: time.UnixMilli(aws.ToInt64(event.Timestamp)), stream: aws.ToString(event.LogStreamName), text: aws.ToString(event.Message)}
	if json.Unmarshal([]byte(line.text), &line) == nil && !line.Time.IsZero() { // a line of Lambda is text
		line.at = line.Time
	}
	return line
}

// started is what Lambda says at the begin of a run: the id is the same when it delivers an event again.
var startedRun = regexp.MustCompile(`^START RequestId: ([0-9a-f-]+)`)

// lambdaRun is the id of the run that a line says has begun, or "".
func (l logLine) lambdaRun() string {
	if found := startedRun.FindStringSubmatch(l.text); found != nil {
		return found[1]
	}
	return ""
}
