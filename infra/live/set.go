package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// setStack is the stack whose resource goes through all changes.
func (l *live) setStack() string { return l.name + "-set" }

// names are the three names of a set of this run.
func (l *live) names(suffix string) map[string]any {
	return map[string]any{"BucketName": l.name + "-" + suffix, "UserName": l.name + "-" + suffix, "SecretName": l.name + "/" + suffix}
}

// createSet makes the resource with default values, beside names. Its key works, and a session made with it does not.
func (l *live) createSet(ctx context.Context) error {
	l.properties = l.names("one")
	text, err := template(l.name, l.properties, false)
	if err != nil {
		return err
	}
	if l.outputs, err = l.watched(ctx, "create", func() (map[string]string, error) { return l.create(ctx, l.setStack(), text) }); err != nil {
		return err
	}
	if l.consumer, err = l.consumerOf(ctx, l.outputs["SecretArn"]); err != nil {
		return err
	}
	if err := allowed(ctx, "a write with the new key", func() error { return l.consumer.put(ctx, "data/first") }); err != nil {
		return err
	}
	var session *consumer
	err = await(ctx, lagLimit, func() (err error) { // STS may learn of the key later
		session, err = l.session(ctx, l.consumer)
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(l.healthy(ctx),
		refused(ctx, "a write of a session that the key has made", "AccessDenied", func() error { return session.put(ctx, "data/session") }))
}

// change updates the set: each property gets that value, or its default for nil.
func (l *live) change(ctx context.Context, values map[string]any) error {
	next := maps.Clone(l.properties)
	for name, value := range values {
		if value == nil {
			delete(next, name)
		} else {
			next[name] = value
		}
	}
	text, err := template(l.name, next, false)
	if err != nil {
		return err
	}
	outputs, err := l.update(ctx, l.setStack(), text)
	if err != nil {
		return err
	}
	for name := range values {
		l.changed[name] = l.changed[name] || !reflect.DeepEqual(next[name], l.properties[name])
	}
	l.properties, l.outputs = next, outputs
	return l.healthy(ctx)
}

// healthy wants the operator's program to find nothing wrong with the set.
func (l *live) healthy(ctx context.Context) error {
	return l.wantStatus(ctx, 0, "healthy")
}

// wantStatus wants an exit status and a word of bucketuser status.
func (l *live) wantStatus(ctx context.Context, want int, word string) error {
	return await(ctx, lagLimit, func() error { return l.operate(ctx, "status", want, word) })
}

// operate runs a command of the operator's program for the set.
func (l *live) operate(ctx context.Context, command string, want int, word string) error {
	program := exec.CommandContext(ctx, l.operator, command, "--stack", l.setStack())
	program.Env = programs()
	output, _ := program.CombinedOutput() // the exit status says it
	if got := program.ProcessState.ExitCode(); got != want || !strings.Contains(string(output), word) {
		return fmt.Errorf("bucketuser %s: exit status %d, want %d and %q\n%s", command, got, want, word, output)
	}
	return nil
}

// follow reads the credentials anew, as consumers do after a rotation. The key must be another one.
func (l *live) follow(ctx context.Context) error {
	now, err := l.consumerOf(ctx, l.outputs["SecretArn"])
	if err != nil {
		return err
	}
	if now.key() == l.consumer.key() {
		return fmt.Errorf("secret %s: still has the key %s", l.outputs["SecretArn"], now.key())
	}
	l.before, l.consumer = l.consumer, now
	return nil
}

// logged are the lines of the functions' log that match a pattern of CloudWatch Logs, oldest first.
func (l *live) logged(ctx context.Context, pattern string) (lines []logLine, err error) {
	if l.logGroup == "" {
		resources, err := l.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &l.name})
		if err != nil {
			return nil, err
		}
		for _, r := range resources.StackResources {
			if aws.ToString(r.ResourceType) == "AWS::Logs::LogGroup" {
				l.logGroup = aws.ToString(r.PhysicalResourceId)
			}
		}
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(l.logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &l.logGroup, FilterPattern: &pattern})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, event := range page.Events {
			lines = append(lines, logLineOf(event))
		}
	}
	return lines, nil
}
