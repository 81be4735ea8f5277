package awsfake_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// inBubble runs f in a bubble with an empty account and a session.
func inBubble(t *testing.T, f func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := awsfake.New(account, "eu-west-1")
		f(t, fake, fake.Session("provider"))
	})
}

func createUser(ctx context.Context, s *awsfake.Session, name string) error {
	_, err := iam.NewFromConfig(s.Config()).CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	return err
}

func createBucket(ctx context.Context, c clients, name string) error {
	_, err := c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name,
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}})
	return err
}

func TestKilledSessionDoesNothingMore(t *testing.T) {
	for _, test := range []struct {
		name     string
		decision awsfake.Decision
		users    int
	}{
		{"before the call takes effect", awsfake.Refuse(awsfake.Killed), 0},
		{"after the call took effect", awsfake.Lose(awsfake.Killed), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
				fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.N == 1 {
						return test.decision
					}
					return awsfake.Decision{}
				}
				for range 2 {
					if err := createUser(t.Context(), s, "u"); !errors.Is(err, awsfake.Killed) {
						t.Errorf("got %v", err)
					}
				}
				awsrules.Equal(t, "killed", s.Killed(), true)
				awsrules.Equal(t, "users", len(fake.Snapshot().Users), test.users)
				awsrules.Equal(t, "attempts", len(fake.Calls()), 2)
				another := fake.Session("provider")
				awsrules.Equal(t, "another session", createUser(t.Context(), another, "v"), nil)
			})
		})
	}
}

func TestKillWhileACallWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		release := make(chan struct{})
		fake.Before = func(context.Context, awsfake.Call) awsfake.Decision {
			<-release
			return awsfake.Decision{}
		}
		done := make(chan error)
		go func() { done <- createUser(t.Context(), s, "u") }()
		synctest.Wait()
		s.Kill()
		close(release)
		if err := <-done; !errors.Is(err, awsfake.Killed) {
			t.Errorf("got %v", err)
		}
		awsrules.Equal(t, "users", len(fake.Snapshot().Users), 0)
	})
}

func TestCallThatWaitsSeesTheStateOfItsTurn(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		first := make(chan struct{})
		fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.OperationN == 1 {
				<-first
			}
			return awsfake.Decision{}
		}
		done := make(chan error)
		go func() { done <- createUser(t.Context(), s, "u") }()
		synctest.Wait()
		awsrules.Equal(t, "second call", createUser(t.Context(), fake.Session("provider"), "u"), nil)
		close(first)
		awsrules.Want(t, <-done, 409, "EntityAlreadyExists")
	})
}

func TestDeadlineEndsACallWithoutEffect(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		fake.Before = func(ctx context.Context, _ awsfake.Call) awsfake.Decision {
			<-ctx.Done()
			return awsfake.Decision{}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := createUser(ctx, s, "u"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		awsrules.Equal(t, "users", len(fake.Snapshot().Users), 0)
		awsrules.Equal(t, "code", fake.Calls()[0].Code, "(canceled)")
	})
}
