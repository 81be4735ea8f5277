package rotate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"bucketuser/infra/internal/target"
)

// A step is what the function has logged of one.
type step struct {
	name, stream string
	reason       string // it failed for, or ""
	isDone       bool
	at           int64  // in milliseconds since 1970
	key          string // id of the key that it has made, or ""
}

// done says of each step what there is after it.
var done = map[string]string{
	"createSecret": "the new key is made, and is being proven",
	"setSecret":    "the new key is made, and is being proven",
	"testSecret":   "the new key works, and is about to take its place",
	"finishSecret": "the new key has taken its place",
}

// findLog asks where the function logs.
func (r *run) findLog(ctx context.Context, function string) {
	out, err := r.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function})
	if err != nil {
		r.noLog = target.Explain(err)
		return
	}
	name := aws.ToString(out.FunctionName)
	r.group = "/aws/lambda/" + name
	if out.LoggingConfig != nil && out.LoggingConfig.LogGroup != nil {
		r.group = *out.LoggingConfig.LogGroup
	}
}

// look reports which step is done, and fails with the reason of one that failed.
func (r *run) look(ctx context.Context) error {
	for _, s := range r.steps(ctx, r.since) {
		switch {
		case s.key != "":
			r.newKey = s.key
		case s.reason != "":
			return &FailedError{Reason: s.reason, Step: s.name, Log: r.howToRead(), Stream: s.stream}
		case s.isDone && done[s.name] != "":
			r.what = done[s.name]
		}
	}
	r.say(r.what)
	return nil
}

// steps are what the function has logged of the rotation since a time, in milliseconds since 1970, in its order. Where the log may not be read there are none.
func (r *run) steps(ctx context.Context, since int64) (steps []step) {
	if r.group == "" {
		return nil
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(r.logs, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &r.group, FilterPattern: aws.String(`"` + r.token + `"`), StartTime: &since})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			r.noLog = target.Explain(err)
			return nil
		}
		for _, event := range page.Events {
			s := stepIn(aws.ToString(event.Message))
			s.stream, s.at = aws.ToString(event.LogStreamName), aws.ToInt64(event.Timestamp)
			steps = append(steps, s)
		}
	}
	return steps
}

// stepIn reads a line of the function's log.
func stepIn(line string) step {
	var says struct{ Level, Msg, Step, Reason, AccessKeyID string }
	if at := strings.Index(line, "{"); at < 0 || json.Unmarshal([]byte(line[at:]), &says) != nil {
		return step{}
	}
	s := step{name: says.Step, isDone: says.Msg == "did the step"}
	if says.Msg == "created an access key" {
		s.key = says.AccessKeyID
	}
	if says.Level == "ERROR" && says.Msg == "failed" {
		s.reason = printable(strings.TrimPrefix(says.Reason, says.Step+": "))
	}
	return s
}

// printable is a text without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// howToRead is the command that reads the log of the rotation, or says why it is not known.
func (r *run) howToRead() string {
	if r.group == "" {
		return fmt.Sprintf("its log could not be read: %v", r.noLog)
	}
	return fmt.Sprintf(`aws logs tail %s --since 1h --filter-pattern '"%s"'`, r.group, r.token)
}
