package awsfake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// story is calls of a life of a set. They follow each other at once.
func story(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
	ctx, c, bucket := t.Context(), clientsOf(s.Config()), "my-bucket"
	_ = createUser(ctx, s, "alice")
	_ = createBucket(ctx, c, bucket)
	_ = getUser(t, c, "alice")
	_ = getTags(t, c, bucket)
	for range 2 { // the second writes what is there
		_, _ = c.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(allowAlice)})
	}
	fake.TagBucket(bucket, map[string]string{"k": "v"})
	id, secret := fake.AddKey("alice")
	_ = putObject(t, c, bucket, "k") // the bucket is full from now on
	_ = putObject(t, clients{s3: c.as(id, secret)}, bucket, "k")
	_ = getTags(t, c, bucket)
	_, _ = c.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket})
	_, _ = listKeys(t, c, "alice")
	_ = deleteKey(t, c, "alice", id)
	_ = deleteUser(t, c, "alice")
	_ = deleteUser(t, c, "alice")
	_ = getUser(t, c, "alice")
	_, _ = c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("k")})
	_, _ = c.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	_, _ = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	_, _ = c.s3.ListBuckets(ctx, &s3.ListBucketsInput{})
	fake.SetResourceStatus("arn:aws:cloudformation:eu-west-1:1:stack/s/1", "R", "DELETE_IN_PROGRESS")
	_, _ = c.stacks.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: aws.String("s"), LogicalResourceId: aws.String("R")})
	_, _ = c.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String("s")})
	_, _ = c.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("s")})
	_, _ = c.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
}

// rotationStory is calls of a rotation, whose reads may lag behind its writes.
func rotationStory(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
	c := clientsOf(s.Config())
	describe := func() {
		_, _ = c.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})
	}
	read := func(stage string) {
		_, _ = c.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionStage: &stage})
	}
	_, _ = c.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("s")})
	_ = putStaged(t, c, 1, "first")
	_ = rotateSecret(t, fake, c, true)
	describe()
	read("AWSPENDING")
	_ = putStaged(t, c, 9, "second", "AWSPENDING")
	read("AWSPENDING")
	_ = moveStage(t, c, "AWSCURRENT", 1, 9)
	read("AWSCURRENT")
	_, _ = c.secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String("s")})
	describe()
	read("AWSCURRENT")
}

// TestEachCallIsServedAsOfBeforeEachWrite enumerates a story: which call can lag behind which write, and what it answers
// then instead.
func TestEachCallIsServedAsOfBeforeEachWrite(t *testing.T) {
	got := staleAnswers(t, story, false)
	want := []string{
		`3 GetUser "" behind 1 iam:CreateUser: "NoSuchEntity"`,
		`4 GetBucketTagging "NoSuchTagSet" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`5 PutBucketPolicy "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`6 PutBucketPolicy "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`7 PutObject "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`8 PutObject "" behind 5 s3:PutBucketPolicy: "AccessDenied"`,
		`8 PutObject "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`9 GetBucketTagging "" behind 0 : "NoSuchTagSet"`,
		`9 GetBucketTagging "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`10 GetBucketPolicy "" behind 5 s3:PutBucketPolicy: "NoSuchBucketPolicy"`,
		`10 GetBucketPolicy "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`11 ListAccessKeys "" behind 0 : ""`,
		`11 ListAccessKeys "" behind 1 iam:CreateUser: "NoSuchEntity"`,
		`12 DeleteAccessKey "" behind 0 : "NoSuchEntity"`,
		`13 DeleteUser "" behind 12 iam:DeleteAccessKey: "DeleteConflict"`,
		`13 DeleteUser "" behind 1 iam:CreateUser: "NoSuchEntity"`,
		`15 GetUser "NoSuchEntity" behind 13 iam:DeleteUser: ""`,
		`16 DeleteObject "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`17 ListObjectVersions "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`18 DeleteBucket "" behind 16 s3:DeleteObject: "BucketNotEmpty"`,
		`18 DeleteBucket "" behind 2 s3:CreateBucket: "NoSuchBucket"`,
		`19 ListBuckets "" behind 18 s3:DeleteBucket: ""`,
		`20 DescribeStackResource "" behind 0 : "ValidationError"`,
		`21 DescribeStacks "" behind 0 : "ValidationError"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadsOfSecretsLagBehindARotation(t *testing.T) {
	got := staleAnswers(t, rotationStory, true)
	want := []string{
		`4 DescribeSecret "" behind 3 secretsmanager:RotateSecret: ""`,
		`4 DescribeSecret "" behind 2 secretsmanager:PutSecretValue: ""`,
		`4 DescribeSecret "" behind 1 secretsmanager:CreateSecret: "ResourceNotFoundException"`,
		`5 GetSecretValue "ResourceNotFoundException" behind 3 secretsmanager:RotateSecret: "ResourceNotFoundException"`,
		`5 GetSecretValue "ResourceNotFoundException" behind 2 secretsmanager:PutSecretValue: "ResourceNotFoundException"`,
		`5 GetSecretValue "ResourceNotFoundException" behind 1 secretsmanager:CreateSecret: "ResourceNotFoundException"`,
		`7 GetSecretValue "" behind 6 secretsmanager:PutSecretValue: "ResourceNotFoundException"`,
		`7 GetSecretValue "" behind 3 secretsmanager:RotateSecret: "ResourceNotFoundException"`,
		`7 GetSecretValue "" behind 2 secretsmanager:PutSecretValue: "ResourceNotFoundException"`,
		`7 GetSecretValue "" behind 1 secretsmanager:CreateSecret: "ResourceNotFoundException"`,
		`9 GetSecretValue "" behind 8 secretsmanager:UpdateSecretVersionStage: ""`,
		`9 GetSecretValue "" behind 6 secretsmanager:PutSecretValue: ""`,
		`9 GetSecretValue "" behind 3 secretsmanager:RotateSecret: ""`,
		`9 GetSecretValue "" behind 2 secretsmanager:PutSecretValue: "ResourceNotFoundException"`,
		`9 GetSecretValue "" behind 1 secretsmanager:CreateSecret: "ResourceNotFoundException"`,
		`11 DescribeSecret "" behind 10 secretsmanager:CancelRotateSecret: ""`,
		`11 DescribeSecret "" behind 8 secretsmanager:UpdateSecretVersionStage: ""`,
		`11 DescribeSecret "" behind 6 secretsmanager:PutSecretValue: ""`,
		`11 DescribeSecret "" behind 3 secretsmanager:RotateSecret: ""`,
		`11 DescribeSecret "" behind 2 secretsmanager:PutSecretValue: ""`,
		`11 DescribeSecret "" behind 1 secretsmanager:CreateSecret: "ResourceNotFoundException"`,
		`12 GetSecretValue "" behind 8 secretsmanager:UpdateSecretVersionStage: ""`,
		`12 GetSecretValue "" behind 6 secretsmanager:PutSecretValue: ""`,
		`12 GetSecretValue "" behind 3 secretsmanager:RotateSecret: ""`,
		`12 GetSecretValue "" behind 2 secretsmanager:PutSecretValue: "ResourceNotFoundException"`,
		`12 GetSecretValue "" behind 1 secretsmanager:CreateSecret: "ResourceNotFoundException"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// staleAnswers are what the calls of a story answer as of before each write that they can lag behind.
func staleAnswers(t *testing.T, story func(*testing.T, *awsfake.AWS, *awsfake.Session), secrets bool) (got []string) {
	t.Helper()
	run := func(stale func(fake *awsfake.AWS, c awsfake.Call) awsfake.Decision) (fake *awsfake.AWS) {
		synctest.Test(t, func(t *testing.T) {
			fake = awsfake.New(account, "eu-west-1")
			fake.History, fake.SecretHistory = 2*time.Minute, secrets
			fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
				if changed := fake.Unnoted(); changed != nil {
					t.Errorf("before %v: %v has changed and nobody has noted it", c, changed)
				}
				return stale(fake, c)
			}
			story(t, fake, fake.Session("provider"))
		})
		return fake
	}
	behind := map[int]int{} // how many writes each call can lag behind
	usual := run(func(fake *awsfake.AWS, c awsfake.Call) awsfake.Decision {
		behind[c.N] = len(fake.LagsBehind(c))
		return awsfake.Decision{}
	}).Calls()
	for n := range usual {
		for i := range behind[n+1] {
			var write awsfake.Write
			calls := run(func(fake *awsfake.AWS, c awsfake.Call) awsfake.Decision {
				if c.N != n+1 {
					return awsfake.Decision{}
				}
				write = fake.LagsBehind(c)[i]
				return awsfake.Stale(write)
			}).Calls()
			got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %q behind %d %s: %q", n+1, usual[n].Operation, usual[n].Code,
				write.N, write.Name, calls[n].Code)))
		}
	}
	return got
}

func TestLagTakesNothingBack(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		fake.History = time.Minute
		c := clientsOf(s.Config())
		fake.AddBucket("my-bucket", map[string]string{"k": "old"})
		pass(time.Second)
		putTag(t, c, "my-bucket", "new")
		lags := 1
		fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if writes := fake.LagsBehind(c); len(writes) >= lags {
				return awsfake.Stale(writes[lags-1])
			}
			return awsfake.Decision{}
		}
		old, err := tagOf(t, c, "my-bucket")
		awsrules.Equal(t, "error", err, nil)
		awsrules.Equal(t, "stale", old, "old")
		clone := fake.Clone()
		clone.Before = fake.Before // lists what the original has to list, which is the same
		old, err = tagOf(t, clientsOf(clone.Session("provider").Config()), "my-bucket")
		awsrules.Equal(t, "error of the clone", err, nil)
		awsrules.Equal(t, "stale in the clone", old, "old")
		lags = 3
		got, err := tagOf(t, c, "my-bucket")
		awsrules.Equal(t, "error", err, nil)
		awsrules.Equal(t, "afterwards", got, "new")
		pass(time.Minute)
		lags = 1
		got, err = tagOf(t, c, "my-bucket")
		awsrules.Equal(t, "error", err, nil)
		awsrules.Equal(t, "past the history", got, "new")
	})
}

func TestALagThatIsNoneIsNotSimulated(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		fake.AddBucket("my-bucket", nil)
		fake.Before = func(context.Context, awsfake.Call) awsfake.Decision { return awsfake.Stale(awsfake.Write{ID: 1}) }
		for _, history := range []time.Duration{0, time.Minute} {
			fake.History = history
			err := getTags(t, clientsOf(s.Config()), "my-bucket")
			if err == nil || !strings.Contains(err.Error(), "not simulated: s3:GetBucketTagging as of before a write that it cannot lag behind") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestSecretsLagOnlyIfAskedFor(t *testing.T) {
	for on, want := range map[bool]int{false: 0, true: 2} {
		inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
			fake.History, fake.SecretHistory = time.Minute, on
			arn := fake.AddSecret("s", "1", nil)
			pass(time.Second)
			fake.PutSecretValue("s", "2")
			got := 0
			fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
				got = len(fake.LagsBehind(c))
				return awsfake.Decision{}
			}
			awsrules.Must[*secretsmanager.GetSecretValueOutput](t)(clientsOf(s.Config()).secrets.GetSecretValue(t.Context(),
				&secretsmanager.GetSecretValueInput{SecretId: &arn}))
			awsrules.Equal(t, "writes", got, want)
		})
	}
}
