package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// observeEvery is the pause between two looks at something that passes quickly.
const observeEvery = 30 * time.Millisecond

// A sight is what one look has shown first.
type sight struct {
	what string
	at   time.Time // by this machine's clock
	set  time.Time // when AWS says that it was set
}

// observe looks all the while that work takes, and returns each thing that differs from the look before.
func observe(ctx context.Context, look func(context.Context) sight, work func() error) (seen []sight, err error) {
	looking, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(looking, observeEvery) == nil {
			s := look(looking)
			if looking.Err() == nil && (len(seen) == 0 || seen[len(seen)-1].what != s.what) {
				seen = append(seen, s)
			}
		}
	}()
	err = work()
	stop()
	<-ended
	return seen, err
}

// watched creates or deletes the set, and answers what DescribeStackResource shows when the function gets the event.
func (l *live) watched(ctx context.Context, kind string, work func() (map[string]string, error)) (outputs map[string]string, err error) {
	said, begun := &calls{}, time.Now()
	seen, err := observe(said.in(ctx), func(ctx context.Context) sight {
		out, err := l.stacks.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
			StackName: aws.String(l.setStack()), LogicalResourceId: aws.String(resourceID)})
		if err != nil {
			return sight{what: codeOf(err), at: time.Now()}
		}
		return sight{string(out.StackResourceDetail.ResourceStatus), time.Now(), aws.ToTime(out.StackResourceDetail.LastUpdatedTimestamp)}
	}, func() (err error) {
		outputs, err = work()
		return err
	})
	if err != nil {
		return nil, err
	}
	received, err := l.receivedBySet(ctx, strings.ToUpper(kind[:1])+kind[1:], begun.Add(-2*time.Second))
	text := describeSights(seen, received)
	if err != nil {
		text = "not answered: " + err.Error()
	}
	l.answer(firstSecondOf+kind, text, said)
	return outputs, context.Cause(ctx)
}

// receivedBySet is when the function got an event of the set's stack since then, by the log's clock.
func (l *live) receivedBySet(ctx context.Context, requestType string, since time.Time) (at time.Time, err error) {
	err = await(ctx, lagLimit, func() error {
		lines, err := l.logged(ctx, `"received"`)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if line.RequestType == requestType && line.at.After(since) && strings.Contains(line.StackID, "/"+l.setStack()+"/") {
				at = line.at
				return nil
			}
		}
		return errors.New("the log has no line of the event")
	})
	return at, err
}

// describeSights tells times relative to the moment when the function received the event.
func describeSights(seen []sight, received time.Time) string {
	var texts []string
	for _, s := range seen {
		text := fmt.Sprintf("%s from %+.2f s", s.what, s.at.Sub(received).Seconds())
		if !s.set.IsZero() {
			text += fmt.Sprintf(" (set at %+.2f s)", s.set.Sub(received).Seconds())
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ") + "; 0 is when the function received the event"
}

// pendingOf is the version that has AWSPENDING, and is not current.
func pendingOf(secret *secretsmanager.DescribeSecretOutput) string {
	for version, labels := range secret.VersionIdsToStages {
		if slices.Contains(labels, "AWSPENDING") && !slices.Contains(labels, "AWSCURRENT") {
			return version
		}
	}
	return ""
}

// whilePending turns a schedule on, and answers what the version with AWSPENDING holds until the test of it is over.
func (l *live) whilePending(ctx context.Context, work func() error) error {
	said := &calls{}
	current, err := l.value(ctx, "AWSCURRENT")
	if err != nil {
		return err
	}
	seen, err := observe(ctx, func(ctx context.Context) sight { return l.pendingSight(ctx, said, current) }, func() error {
		if err := work(); err != nil {
			return err
		}
		return await(ctx, lagLimit, func() error {
			lines, err := l.logged(ctx, `"found no new key to test"`)
			if err == nil && !slices.ContainsFunc(lines, func(line logLine) bool { return line.SecretID == l.outputs["SecretArn"] }) {
				err = errors.New("the log does not show that Secrets Manager has tested the schedule")
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	text := "no look has met it; the function found no new key in it"
	for _, s := range seen {
		if s.what != "" {
			text = s.what
		}
	}
	l.answer(pendingContent, text, said)
	return nil
}

// pendingSight is what AWSPENDING holds now, or nothing.
func (l *live) pendingSight(ctx context.Context, said *calls, current string) sight {
	secret, err := l.describe(ctx)
	if err != nil {
		return sight{}
	}
	version := pendingOf(secret)
	if version == "" {
		return sight{}
	}
	value, err := l.value(said.in(ctx), "AWSPENDING")
	switch {
	case err != nil:
		return sight{what: "no value: " + codeOf(err)}
	case value == current:
		return sight{what: "the current value"}
	default:
		return sight{what: "another value"}
	}
}

// value is that of the version with a label of the set's secret.
func (l *live) value(ctx context.Context, stage string) (string, error) {
	out, err := l.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(l.outputs["SecretArn"]), VersionStage: &stage})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

// askWhereAWSPENDINGIs is asked after a rotation that has succeeded.
func (l *live) askWhereAWSPENDINGIs(ctx context.Context) error {
	said := &calls{}
	secret, err := l.describe(said.in(ctx))
	if err != nil {
		return err
	}
	text := "on none"
	for _, labels := range secret.VersionIdsToStages {
		if slices.Contains(labels, "AWSPENDING") {
			text = "on the version with " + strings.Join(labels, ", ")
		}
	}
	l.answer(pendingAfter, text, said)
	return nil
}
