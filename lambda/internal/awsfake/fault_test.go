package awsfake_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// TestFaults shows each fault in each service's words, and how often the SDK's own retryer tries.
func TestFaults(t *testing.T) {
	calls := map[string]func(context.Context, aws.Config) error{
		"iam": func(ctx context.Context, cfg aws.Config) error {
			_, err := iam.NewFromConfig(cfg).DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("u")})
			return err
		},
		"s3": func(ctx context.Context, cfg aws.Config) error {
			_, err := s3.NewFromConfig(cfg).ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String("my-bucket")})
			return err
		},
		"secretsmanager": func(ctx context.Context, cfg aws.Config) error {
			_, err := secretsmanager.NewFromConfig(cfg).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
			return err
		},
		"cloudformation": func(ctx context.Context, cfg aws.Config) error {
			_, err := cloudformation.NewFromConfig(cfg).DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{
				StackName: aws.String("s"), LogicalResourceId: aws.String("r")})
			return err
		},
	}
	for _, test := range []struct {
		service  string
		fault    awsfake.Fault
		status   int
		code     string
		attempts int
	}{
		{"iam", awsfake.Throttled, 400, "Throttling", 3},
		{"s3", awsfake.Throttled, 503, "SlowDown", 3},
		{"secretsmanager", awsfake.Throttled, 400, "ThrottlingException", 3},
		{"cloudformation", awsfake.Throttled, 400, "Throttling", 3},
		{"iam", awsfake.Unavailable, 500, "ServiceFailure", 3},
		{"s3", awsfake.Unavailable, 500, "InternalError", 3},
		{"secretsmanager", awsfake.Unavailable, 500, "InternalServiceError", 3},
		{"cloudformation", awsfake.Unavailable, 500, "InternalFailure", 3},
		{"iam", awsfake.AccessDenied, 403, "AccessDenied", 1},
		{"s3", awsfake.AccessDenied, 403, "AccessDenied", 1},
		{"secretsmanager", awsfake.AccessDenied, 400, "AccessDeniedException", 1},
		{"cloudformation", awsfake.AccessDenied, 403, "AccessDenied", 1},
		{"iam", awsfake.Conflict, 409, "EntityTemporarilyUnmodifiable", 1},
		{"s3", awsfake.Conflict, 409, "OperationAborted", 1},
		{"s3", awsfake.ConnectionReset, 0, "(connection reset)", 3},
		{"iam", awsfake.Killed, 0, "(killed)", 1},
	} {
		t.Run(test.service+" "+string(test.fault), func(t *testing.T) {
			inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
				fake.Before = func(context.Context, awsfake.Call) awsfake.Decision { return awsfake.Refuse(test.fault) }
				err := calls[test.service](t.Context(), s.Config())
				if test.status != 0 {
					awsrules.Want(t, err, test.status, test.code)
				} else if err == nil {
					t.Error("no error")
				}
				made := fake.Calls()
				awsrules.Equal(t, "attempts", len(made), test.attempts)
				awsrules.Equal(t, "code", made[0].Code, test.code)
			})
		})
	}
}

func TestHangEndsWithTheContext(t *testing.T) {
	for name, decision := range map[string]awsfake.Decision{"before": awsfake.Refuse(awsfake.Hang), "after": awsfake.Lose(awsfake.Hang)} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
				fake.Before = func(context.Context, awsfake.Call) awsfake.Decision { return decision }
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				if err := createUser(ctx, s, "u"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				awsrules.Equal(t, "waited", time.Since(start), time.Minute)
				awsrules.Equal(t, "attempts", len(fake.Calls()), 1)
				awsrules.Equal(t, "users", len(fake.Snapshot().Users), map[string]int{"before": 0, "after": 1}[name])
			})
		})
	}
}

func TestErrorOfTheTestsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		fake.Before = func(context.Context, awsfake.Call) awsfake.Decision {
			return awsfake.Refuse(&awsfake.Error{Status: 400, Code: "Odd", Message: `<"&>`})
		}
		awsrules.Want(t, createUser(t.Context(), s, "u"), 400, "Odd", `<"&>`)
	})
}

func TestWhatIsNotSimulatedSaysSo(t *testing.T) {
	for _, test := range []struct {
		name, want string
		call       func(ctx context.Context, fake *awsfake.AWS, cfg aws.Config) error
	}{
		{"an operation", "iam:CreateGroup", func(ctx context.Context, _ *awsfake.AWS, cfg aws.Config) error {
			_, err := iam.NewFromConfig(cfg).CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("g")})
			return err
		}},
		{"a field", "s3:PutObject with ACL", func(ctx context.Context, _ *awsfake.AWS, cfg aws.Config) error {
			_, err := s3.NewFromConfig(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), ACL: "private"})
			return err
		}},
		{"a field inside", "s3:DeleteObjects with Delete.Objects.ETag", func(ctx context.Context, _ *awsfake.AWS, cfg aws.Config) error {
			_, err := s3.NewFromConfig(cfg).DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String("b"), Delete: &types.Delete{
				Objects: []types.ObjectIdentifier{{Key: aws.String("k"), ETag: aws.String("e")}}}})
			return err
		}},
		{"a condition", "policy condition on aws:PrincipalOrgID", func(ctx context.Context, fake *awsfake.AWS, cfg aws.Config) error {
			fake.AddBucket("my-bucket", nil)
			if err := fake.SetBucketPolicy("my-bucket", `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*",
				"Resource":"arn:aws:s3:::my-bucket","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}}`); err != nil {
				return err
			}
			_, err := s3.NewFromConfig(cfg).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("my-bucket")})
			return err
		}},
		{"a variable", "policy variable ${aws:PrincipalTag/team}", func(ctx context.Context, fake *awsfake.AWS, cfg aws.Config) error {
			fake.AddBucket("my-bucket", nil)
			if err := fake.SetBucketPolicy("my-bucket", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*",
				"Resource":"arn:aws:s3:::my-bucket/${aws:PrincipalTag/team}"}}`); err != nil {
				return err
			}
			_, err := s3.NewFromConfig(cfg).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("my-bucket")})
			return err
		}},
		{"a variable without a value", "policy variable without a value in a negated element", func(ctx context.Context, fake *awsfake.AWS, cfg aws.Config) error {
			fake.AddBucket("my-bucket", nil)
			if err := fake.SetBucketPolicy("my-bucket", `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*",
				"NotResource":"arn:aws:s3:::my-bucket/${aws:username}"}}`); err != nil {
				return err
			}
			_, err := s3.NewFromConfig(cfg).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("my-bucket")})
			return err
		}},
		{"a list of stacks", "DescribeStacks without StackName", func(ctx context.Context, _ *awsfake.AWS, cfg aws.Config) error {
			_, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{})
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
				err := test.call(t.Context(), fake, s.Config())
				if err == nil || !strings.Contains(err.Error(), "not simulated: "+test.want) {
					t.Errorf("got %v", err)
				}
				awsrules.Equal(t, "attempts", len(fake.Calls()), 1)
			})
		})
	}
}

func TestCallsAreRecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		fake.AddUser("alice", "/", nil)
		id, secret := fake.AddKey("alice")
		c := clientsOf(s.Config())
		_ = createBucket(t.Context(), c, "my-bucket")
		_, _ = c.as(id, secret).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("my-bucket"), Key: aws.String("data/")})
		var lines []string
		for _, c := range fake.Calls() {
			lines = append(lines, c.String()+" by "+c.Caller)
			if c.Input != nil {
				t.Error("an input, which may hold a secret, was kept")
			}
		}
		if diff := cmp.Diff([]string{
			"1 provider-1 s3:CreateBucket my-bucket by role/provider",
			"2 provider-1 s3:PutObject my-bucket/data/ AccessDenied by user/alice",
		}, lines); diff != "" {
			t.Error(diff)
		}
	})
}

// TestConcurrentCalls is for the race detector.
func TestConcurrentCalls(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		c := clientsOf(s.Config())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				name := string(rune('a' + i))
				_ = createUser(t.Context(), s, name)
				_, _ = c.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &name})
				_ = createBucket(t.Context(), c, "bucket-"+name)
				_, _ = c.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("value")})
				fake.Snapshot()
				fake.Calls()
			})
		}
		wg.Wait()
		got := fake.Snapshot()
		awsrules.Equal(t, "users, buckets and secrets", len(got.Users)+len(got.Buckets)+len(got.Secrets), 24)
	})
}
