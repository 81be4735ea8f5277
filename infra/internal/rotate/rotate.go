// Package rotate has Secrets Manager rotate the key of a resource now, and waits for the end.
//
// Secrets Manager tells nobody that a rotation has failed, and repeats it. So [Now] looks at the labels of the secret's
// versions, which say when it is done, and at the log of the function, which says why it is not. What it calls, and with that the rights that
// it needs beside those of package target:
//
//	secretsmanager:RotateSecret, lambda:InvokeFunction  to begin
//	secretsmanager:DescribeSecret                       to see the end
//	lambda:GetFunctionConfiguration, logs:FilterLogEvents  which step it is at, the new key, and why it fails
//	secretsmanager:GetSecretValue                       where no schedule is on: the KeySerial to set
//
// Without those of the last two lines a key is rotated all the same, and less is known.
//
// The package changes nothing but by RotateSecret, and prints nothing.
package rotate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

// An Outcome is a rotation that has ended well. Ids of keys are "" where they are not known.
type Outcome struct {
	New      string // key in the secret
	Previous string // key that it replaces, which goes on working until the next rotation
	Ended    string // previous key before, which had to make room
	Took     time.Duration
}

// Progress says how far a rotation is.
type Progress struct {
	Took time.Duration
	What string
}

// clocks is by how much those of this machine and of AWS may differ.
const clocks = 5 * time.Minute

// interval is the time between two looks.
const interval = time.Second

// Now rotates and waits until ctx ends. It reports after each look. Its error is [OffError] where no schedule is on, [FailedError] where the
// log says why it failed, and [UnfinishedError] where ctx has ended before: the rotation goes on.
func Now(ctx context.Context, config aws.Config, t target.Target, report func(Progress)) (Outcome, error) {
	r := &run{
		secrets: secretsmanager.NewFromConfig(config), lambda: lambda.NewFromConfig(config), logs: cloudwatchlogs.NewFromConfig(config),
		target: t, started: time.Now(), report: report,
	}
	before, err := r.describe(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if !aws.ToBool(before.RotationEnabled) {
		return Outcome{}, &OffError{Resource: t.LogicalID, Next: r.nextSerial(ctx)}
	}
	r.findLog(ctx, aws.ToString(before.RotationLambdaARN))
	if err := r.begin(ctx, before); err != nil {
		return Outcome{}, err
	}
	after, err := r.wait(ctx)
	if err != nil {
		return Outcome{}, err
	}
	_ = r.look(ctx) // it has ended well: the log may tell the key by now
	is := Outcome{New: r.newKey, Previous: previousKey(after), Ended: previousKey(before), Took: time.Since(r.started)}
	if is.Ended == is.Previous { // a label was moved by hand
		is.Ended = ""
	}
	return is, nil
}

// A run is one call of Now.
type run struct {
	secrets *secretsmanager.Client
	lambda  *lambda.Client
	logs    *cloudwatchlogs.Client
	target  target.Target

	started time.Time
	token   string // of the rotation, which is its version
	report  func(Progress)
	what    string // that was reported last

	newKey string // that it has made, or ""

	group string // of the function's log, or ""
	noLog error  // why there is none to be read
	since int64  // from when on it is read, in milliseconds since 1970
}

func (r *run) describe(ctx context.Context) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := r.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &r.target.SecretARN})
	return out, target.Explain(err)
}

// value is what a field of the secret's value says, or "" where it may not be read.
func (r *run) value(ctx context.Context, field string) string {
	out, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &r.target.SecretARN})
	if err != nil {
		return ""
	}
	var fields map[string]any
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &fields) != nil {
		return ""
	}
	text, _ := fields[field].(string)
	return text
}

// nextSerial is the lowest KeySerial that makes a new key, or 0 where the one in the value may not be read.
func (r *run) nextSerial(ctx context.Context) int {
	if r.value(ctx, spec.FieldAccessKeyID) == "" {
		return 0
	}
	serial, err := strconv.Atoi(r.value(ctx, spec.FieldKeySerial))
	if err != nil {
		return 1
	}
	return max(0, serial) + 1
}

func previousKey(x *secretsmanager.DescribeSecretOutput) string {
	tags := map[string]string{}
	for _, tag := range x.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return claim.Read(tags, spec.Spec{}).PreviousKey()
}

// begin starts a rotation. Where one before is not complete Secrets Manager goes on with that, whose key is new as well.
func (r *run) begin(ctx context.Context, before *secretsmanager.DescribeSecretOutput) error {
	r.token, r.since = rand.Text()+rand.Text(), r.started.Add(-clocks).UnixMilli() // 52 characters
	_, err := r.secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &r.target.SecretARN, ClientRequestToken: &r.token})
	var api smithy.APIError
	switch {
	case err == nil:
		r.say("Secrets Manager has begun to rotate the key")
		return nil
	case !errors.As(err, &api):
		return target.Explain(err)
	case strings.Contains(api.ErrorMessage(), "previous rotation isn't complete"):
		return r.join(ctx, before)
	case strings.HasPrefix(api.ErrorCode(), "AccessDenied"):
		return fmt.Errorf("%s; who rotates needs secretsmanager:RotateSecret on the secret and lambda:InvokeFunction on the function %s: policy rotate.json",
			api.ErrorMessage(), aws.ToString(before.RotationLambdaARN))
	}
	return target.Explain(err)
}

// join waits for the rotation before.
func (r *run) join(ctx context.Context, before *secretsmanager.DescribeSecretOutput) error {
	now, err := r.describe(ctx)
	if err != nil {
		return err
	}
	if r.token = pendingOf(now); r.token == "" {
		r.token = pendingOf(before)
	}
	if r.token == "" {
		return errors.New("a rotation is not complete, Secrets Manager says, and shows none; try again")
	}
	why := ""
	for _, s := range r.steps(ctx, r.started.Add(-24*time.Hour).UnixMilli()) { // what is logged from now on counts
		why, r.since = s.reason, s.at+1
	}
	r.say("a rotation before is not complete, and Secrets Manager goes on with it")
	if why != "" {
		r.say("it had failed: " + why)
	}
	return nil
}

// pendingOf is the version of a rotation that is not complete, or "".
func pendingOf(x *secretsmanager.DescribeSecretOutput) string {
	for version, labels := range x.VersionIdsToStages {
		if slices.Contains(labels, "AWSPENDING") && !slices.Contains(labels, "AWSCURRENT") {
			return version
		}
	}
	return ""
}

// wait looks until the version of the rotation is current, or it is known that it does not become so.
func (r *run) wait(ctx context.Context) (*secretsmanager.DescribeSecretOutput, error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for looked := 0; ; looked++ {
		select {
		case <-ctx.Done():
			return nil, &UnfinishedError{Took: time.Since(r.started), What: r.what, Log: r.howToRead(), IsTimeout: errors.Is(ctx.Err(), context.DeadlineExceeded)}
		case <-tick.C:
		}
		now, err := r.describe(ctx)
		if err != nil { // the rotation goes on whether it can be seen or not
			r.say("Secrets Manager cannot be asked now: " + printable(err.Error()))
			continue
		}
		labels := now.VersionIdsToStages[r.token]
		switch {
		case slices.Contains(labels, "AWSCURRENT"):
			return now, nil
		case !slices.Contains(labels, "AWSPENDING") && looked > 0:
			return nil, &FailedError{Reason: "the rotation was given up: somebody has written another value, or has ended the schedule", Log: r.howToRead()}
		}
		if err := r.look(ctx); err != nil {
			return nil, err
		}
	}
}

// say reports something new.
func (r *run) say(what string) {
	r.what = what
	r.report(Progress{time.Since(r.started), what})
}
