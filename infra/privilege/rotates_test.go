//go:build e2e

package privilege

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
)

// TestMinimalRotationLive has the embedded AWS rotate by a function without one of the rights of its role.
func TestMinimalRotationLive(t *testing.T) {
	start := time.Now()
	documents := cloudtest.Must(rotation.rights(runMark))(t)
	work := slices.DeleteFunc(dropsOf(documents), func(d drop) bool { // a statement is missed where each of its actions is
		return d.action == "" || isOffline(d, documents) || spared[d.action] != ""
	})
	work = append(work, drop{}, drop{sid: "Named"}) // nothing is dropped
	var shown atomic.Int32
	eachInLane(t, rotation, "rotating", work, func(l *lane, d drop) error {
		result, err := l.rotateWithout(t.Context(), d)
		for again := 1; again < attempts && err == nil && strings.Contains(result, "deadline exceeded"); again++ { // a busy machine
			result, err = l.rotateWithout(t.Context(), d)
		}
		isWhole := d.document == ""
		switch {
		case err != nil:
			return err
		case isWhole != (result == "") || !isWhole && !isWant(result):
			t.Errorf("without %q: %q", d, result)
		case !isWhole:
			shown.Add(1)
		}
		return nil
	})
	summary.set("minimal, rotation live", "%d rights dropped one by one: without %d of them a rotation fails; %s", len(work)-2, shown.Load(), since(start))
}

// rotationTimeout is of a function that rotates: it tries what it may not do again until a third of it is left.
const rotationTimeout = 6 * time.Second

// rotateWithout makes a set, has Secrets Manager rotate its key by the lane's function, and returns what that missed, or "". An
// inactive key has to make room.
func (l *lane) rotateWithout(ctx context.Context, d drop) (missed string, err error) {
	run := l.cloud.nextRun()
	documents, err := l.subject.rights(run)
	if err != nil {
		return "", err
	}
	maker, err := construct.newFunction(ctx, l.name+"-"+run, map[string]string{"BUCKETUSER_ROTATION_FUNCTION_ARN": l.arn})
	if err != nil {
		return "", err
	}
	p := &play{lane: maker, run: run, given: strings.HasPrefix(d.sid, "Named"), logical: "R" + run}
	props := properties{"RotateAfterDays": "1000", "Access": "ReadOnly"}
	s, err := p.spec(props)
	if err != nil {
		return "", err
	}
	err = inTurn(
		func() error { return l.limit(ctx, rotationTimeout) },
		func() error { return l.hold(ctx, d.without(documents)) },
		func() error { return l.permit(ctx) },
		func() error { return maker.hold(ctx, []document{documentOf("Admin", anyPolicy)}) },
		func() error { return p.create(ctx, props) },
		func() error { return l.cloud.inactiveKey(ctx, s.UserName) },
		func() error { missed, err = l.rotate(ctx, s.SecretName); return err },
		func() error { return p.remove(ctx, props) },
	)
	return missed, err
}

// inactiveKey makes one more key of a user.
func (c *cloud) inactiveKey(ctx context.Context, user string) error {
	key, err := c.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &user})
	if err != nil {
		return err
	}
	_, err = c.IAM.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &user, AccessKeyId: key.AccessKey.AccessKeyId, Status: iamtypes.StatusTypeInactive})
	return err
}

// rotate starts a rotation, again while the test of the new schedule is under way, and returns the line of the function's log that
// says that something was refused, or "" once it is done.
func (l *lane) rotate(ctx context.Context, secret string) (missed string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	isStarted := false
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		if !isStarted {
			_, err := l.cloud.Secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &secret})
			isStarted = err == nil
		}
		lines, err := l.logs(ctx, ":secret:"+secret+"-")
		if err != nil {
			return "", err
		}
		for _, line := range lines {
			if strings.Contains(line, `"ERROR"`) || strings.Contains(line, couldNotAsk) {
				return line, nil
			}
		}
		if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, `"did the step","step":"finishSecret"`) }) {
			return "", nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", fmt.Errorf("the rotation of %s does not end: %q", secret, lines)
		}
	}
}

// logs are the lines of the function's log that hold a text.
func (l *lane) logs(ctx context.Context, text string) (lines []string, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(l.cloud.Logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + l.name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if cloudtest.Code(err) == "ResourceNotFoundException" {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, event := range page.Events {
			if strings.Contains(*event.Message, text) {
				lines = append(lines, *event.Message)
			}
		}
	}
	return lines, nil
}
