package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/lambda/spec"
)

// laterFormat is a value of the tag by which a rotation is refused at once, since a later version keeps the secret.
const laterFormat = "99"

func (l *live) brokenStack() string { return l.name + "-fails" }

// breakRotation makes another set with a schedule, and has its rotation fail. What Secrets Manager does then takes its time:
// mendRotation looks at that in the end.
func (l *live) breakRotation(ctx context.Context) error {
	properties := l.names("fails")
	properties["RotateAfterDays"] = days
	text, err := template(l.name, properties, false)
	if err != nil {
		return err
	}
	if l.broken, err = l.create(ctx, l.brokenStack(), text); err != nil {
		return err
	}
	arn := l.broken["SecretArn"]
	err = await(ctx, rotationLimit, func() error { // the schedule is tested
		secret, err := l.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
		if err == nil && pendingOf(secret) != "" {
			err = errors.New("AWSPENDING is on a version")
		}
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(l.tagFormat(ctx, laterFormat), l.rotate(ctx, arn))
}

func (l *live) tagFormat(ctx context.Context, format string) error {
	_, err := l.secrets.TagResource(ctx, &secretsmanager.TagResourceInput{SecretId: aws.String(l.broken["SecretArn"]),
		Tags: []types.Tag{{Key: aws.String(spec.TagFormat), Value: &format}}})
	return err
}

// mendRotation answers what became of the rotation that failed, and deletes its set while that is not complete.
func (l *live) mendRotation(ctx context.Context) error {
	failures, err := l.failuresOf(ctx, l.broken["SecretArn"])
	if err != nil {
		return err
	}
	none := &calls{}
	l.answer(failedRotation, describeFailures(failures), none)
	runs, err := l.logged(ctx, `"START RequestId"`)
	if err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(line logLine) bool { return !strings.Contains(line.stream, "Rotation") })
	l.answer(howInvoked, describeRuns(runs), none)
	if err := l.tagFormat(ctx, fmt.Sprint(spec.Format)); err != nil {
		return err
	}
	if err := l.remove(ctx, l.brokenStack()); err != nil {
		return err
	}
	return l.wantLeft(ctx, "fails")
}

// failuresOf are the steps of a secret's rotations that have failed.
func (l *live) failuresOf(ctx context.Context, arn string) (failures []logLine, err error) {
	err = await(ctx, lagLimit, func() error {
		lines, err := l.logged(ctx, `"failed"`)
		if err != nil {
			return err
		}
		failures = nil
		for _, line := range lines {
			if line.SecretID == arn && line.Msg == "failed" {
				failures = append(failures, line)
			}
		}
		if len(failures) == 0 {
			return errors.New("the log shows no step that has failed")
		}
		return nil
	})
	return failures, err
}

func describeFailures(failures []logLine) string {
	first := failures[0]
	var texts []string
	for _, f := range failures {
		token := "the same token"
		if f.Token != first.Token {
			token = "another token"
		}
		texts = append(texts, fmt.Sprintf("%s at %s, %s", f.Step, f.at.Sub(first.at).Round(100*time.Millisecond), token))
	}
	return fmt.Sprintf("%d steps failed in %s: %s", len(failures), time.Since(first.at).Round(time.Second), strings.Join(texts, "; "))
}

// describeRuns tells by the ids of Lambda's runs: it delivers an event of an asynchronous call again under the same id.
func describeRuns(starts []logLine) string {
	begun := map[string]int{}
	again := ""
	for _, line := range starts {
		id := line.lambdaRun()
		if begun[id]++; id != "" && begun[id] == 2 {
			again = id
		}
	}
	switch {
	case len(starts) == 0:
		return "the log does not show the runs"
	case again != "":
		return fmt.Sprintf("yes: of %d runs some began again under the same id, such as %s", len(starts), again)
	default:
		return fmt.Sprintf("no: each of %d runs began once", len(starts))
	}
}
