//go:build e2e

package privilege

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// lanes is how many roles are tried beside each other. A function that lacks a right waits for
// it most of the time, and the embedded AWS is a tenth of its time at work.
const lanes = 12

// offline are the services that the embedded AWS never asks about: it encrypts no
// secret with KMS, and writes a function's log itself. Their statements are shown
// with the simulator instead.
var offline = []string{"kms:", "logs:"}

func isOffline(d drop, documents []document) bool {
	for _, document := range documents {
		for _, s := range document.statements {
			if document.id == d.document && s.sid() == d.sid {
				return slices.ContainsFunc(offline, func(service string) bool { return strings.HasPrefix(s.actions()[0], service) })
			}
		}
	}
	return false
}

// spared are rights whose want shows nowhere, each with the reason why the role
// holds it. One whose want does show must go from here.
var spared = map[string]string{
	"cloudformation:DescribeStacks": "it is asked only where something was refused to an Update because of others; without the " +
		"answer the event is no rollback, which the tests of the function show",
	"s3:DeleteObject": "every deletion names a version, \"null\" in a bucket without versions, for which AWS does not " +
		"document which of the two actions it asks for; the embedded AWS asks for DeleteObjectVersion",
}

// shows is the story that notices best that an action is missing. It is tried
// first; if it does not, all others are.
var shows = map[string]string{
	"s3:AbortMultipartUpload": "purge", "s3:ListBucketMultipartUploads": "purge", "s3:GetBucketVersioning": "purge",
	"s3:DeleteBucketPolicy": "retain", "secretsmanager:RestoreSecret": "recover",
	"secretsmanager:RotateSecret": "rotate", "secretsmanager:CancelRotateSecret": "rotate", "lambda:InvokeFunction": "rotate",
	"iam:GetAccessKeyLastUsed": "rotate", "s3:ListAllMyBuckets": "foreign", "cloudformation:DescribeStackResource": "stale",
}

// want returns how the life cycle shows that the lane's role lacks something, or
// "" if it does not.
func (l *lane) want(ctx context.Context, d drop, documents func(run string) ([]document, error)) (string, error) {
	order := slices.Clone(stories)
	slices.SortStableFunc(order, func(a, b story) int {
		return rank(a.name == shows[d.action]) - rank(b.name == shows[d.action])
	})
	given := strings.HasPrefix(d.sid, "Named")
	for _, s := range order {
		if result, err := l.wantIn(ctx, life{s, given}, d, documents); result != "" || err != nil {
			return result, err
		}
	}
	return "", nil
}

// wantIn returns how one life shows it.
func (l *lane) wantIn(ctx context.Context, work life, d drop, documents func(run string) ([]document, error)) (string, error) {
	for attempt := 1; ; attempt++ {
		run := l.cloud.nextRun()
		all, err := documents(run)
		if err != nil {
			return "", err
		}
		if err := l.hold(ctx, d.without(all)); err != nil {
			return "", err
		}
		if err = l.tell(ctx, work.story, run, work.given); err == nil {
			return "", nil
		}
		// A busy machine is no want of a right.
		if attempt == attempts || isWant(err.Error()) || !isOutOfTime(err) {
			return err.Error(), nil
		}
	}
}

// attempts of a story that ran out of time.
const attempts = 3

// isOutOfTime reports whether the function, or a call of the test, ran out of time.
func isOutOfTime(err error) bool {
	return strings.Contains(err.Error(), "deadline exceeded") || strings.Contains(err.Error(), "out of time")
}

// isWant reports whether a story failed for want of a right. Without the right to
// read its tags, a bucket that does not exist is taken for somebody else's, and
// without the one to ask CloudFormation, an event is carried out too late.
func isWant(result string) bool {
	return strings.Contains(result, "AccessDenied") || strings.HasPrefix(result, "stale: was not refused") ||
		strings.Contains(result, "owned by another account") && !strings.HasPrefix(result, "foreign")
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// TestMinimal drops each action and each statement of the role in turn: the life
// cycle must fail, for want of just that.
func TestMinimal(t *testing.T) {
	for _, s := range []*subject{construct, shared} {
		t.Run(s.name, func(t *testing.T) { minimal(t, s) })
	}
}

func minimal(t *testing.T, s *subject) {
	start := time.Now()
	documents, err := s.rights(runMark)
	if err != nil {
		t.Fatal(err)
	}
	var live, simulated []drop
	for _, d := range dropsOf(documents) {
		if isOffline(d, documents) {
			simulated = append(simulated, d)
		} else {
			live = append(live, d)
		}
	}
	shown, kept := 0, 0
	var mu sync.Mutex
	eachInLane(t, s, "minimal", live, func(l *lane, d drop) error {
		result, err := l.want(t.Context(), d, s.rights)
		if err != nil {
			return err
		}
		reason, isSpared := spared[d.action]
		mu.Lock()
		defer mu.Unlock()
		switch {
		case result == "" && isSpared:
			kept++
			t.Logf("%s is not missed: %s", d, reason)
		case result == "":
			t.Errorf("%s: the life cycle passes without it: a right too many", d)
		case isSpared && isWant(result):
			t.Errorf("%s: is missed now, so it need not be spared: %s", d, result)
		case !isWant(result):
			t.Errorf("%s: the life cycle fails, but not for want of a right: %s", d, result)
		default:
			shown++
		}
		return nil
	})
	shown += simulatedWants(t, simulated, documents, func(drop) []request { return requestsOfServices })
	summary.set("minimal, "+s.name, "%d rights dropped one by one: %d missed (%d by the simulator), %d spared with a reason, %d too many; %s",
		len(live)+len(simulated), shown, len(simulated), kept, len(live)+len(simulated)-shown-kept, since(start))
}

// eachInLane works off the drops in lanes beside each other.
func eachInLane[T any](t *testing.T, s *subject, name string, work []T, do func(*lane, T) error) {
	t.Helper()
	queue := make(chan T)
	var running sync.WaitGroup
	for i := range lanes {
		l, err := s.newLane(t.Context(), fmt.Sprintf("%s-%d", name, i))
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			for item := range queue {
				if err := do(l, item); err != nil {
					t.Errorf("%v: %v", item, err)
				}
			}
		})
	}
	for _, item := range work {
		queue <- item
	}
	close(queue)
	running.Wait()
}

// TestMinimalNoticesARightTooMany gives the role one action that nothing uses.
func TestMinimalNoticesARightTooMany(t *testing.T) {
	l, err := construct.newLane(t.Context(), "spare")
	if err != nil {
		t.Fatal(err)
	}
	for _, spare := range []drop{beside(t, "iam:CreateAccessKey", "iam:UpdateAccessKey"),
		beside(t, "s3:CreateBucket", "s3:GetBucketAcl")} {
		result, err := l.want(t.Context(), spare, func(run string) ([]document, error) {
			documents, err := construct.rights(run)
			return spare.with(documents), err
		})
		if err != nil || result != "" {
			t.Errorf("%s: %s %v", spare, result, err)
		}
	}
}

// beside returns the drop of a spare action from the first statement that allows another.
func beside(t *testing.T, action, spare string) drop {
	t.Helper()
	documents, err := construct.rights(runMark)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		for _, s := range d.statements {
			if slices.Contains(s.actions(), action) {
				return drop{d.id, s.sid(), spare}
			}
		}
	}
	t.Fatalf("no statement allows %s", action)
	return drop{}
}
