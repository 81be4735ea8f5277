package awsrules

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// other is an account that owns nothing here.
const other = "444455556666"

// Account is where a rule is played, by somebody who may do everything there.
type Account struct {
	Config aws.Config
	ID     string // 12 digits
	// PathStyle has S3 addressed by path, as emulators ask it.
	PathStyle bool
	// Patience is how long a rule waits for what is not true everywhere at once. Zero does not wait; AWS needs a minute
	// and a half.
	Patience time.Duration
	// RotationFunction is the ARN of a function that Secrets Manager may invoke, and that succeeds at testSecret. Empty: there
	// is none, and rules that need one are not played there.
	RotationFunction string
	// Attach puts something on a user, and detach takes it off, where the calls that do so are not served. Nil: they are.
	Attach func(user string, what Attachment) (detach func())
}

// env is an account with its clients, for one rule.
type env struct {
	Account
	region string
	run    string // makes names unique
	names  int

	iam     *iam.Client
	s3      *s3.Client
	secrets *secretsmanager.Client
	stacks  *cloudformation.Client
}

func newEnv(a Account) *env {
	e := &env{
		Account: a,
		region:  a.Config.Region,
		run:     fmt.Sprintf("rules-%x", time.Now().UnixNano()),
		iam:     iam.NewFromConfig(a.Config),
		secrets: secretsmanager.NewFromConfig(a.Config),
		stacks:  cloudformation.NewFromConfig(a.Config),
	}
	e.s3 = e.s3Client()
	return e
}

func (e *env) s3Client(options ...func(*s3.Options)) *s3.Client {
	return s3.NewFromConfig(e.Config, append(options, func(o *s3.Options) { o.UsePathStyle = e.PathStyle })...)
}

// as is an S3 client with other credentials.
func (e *env) as(id, secret string, options ...func(*s3.Options)) *s3.Client {
	return e.s3Client(append(options, func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(id, secret, "")
	})...)
}

// name is a name that nothing else in the account has.
func (e *env) name() string {
	e.names++
	return fmt.Sprintf("%s-%d", e.run, e.names)
}

// attempts is how often something is tried, at a second's distance, that is not true everywhere at once.
func (e *env) attempts() int { return 1 + int(e.Patience/time.Second) }

// eventually repeats f for as long as the account's patience, until it succeeds.
func (e *env) eventually(t T, f func() error) {
	t.Helper()
	var err error
	for n := range e.attempts() {
		if n > 0 {
			wait(t)
		}
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("%v", err)
}

// untilRefused repeats f for as long as the account's patience, until AWS refuses it with status 403 and this code.
func (e *env) untilRefused(t T, code string, f func() error) {
	t.Helper()
	var last error
	e.eventually(t, func() error {
		var refused smithy.APIError
		if last = f(); !errors.As(last, &refused) || refused.ErrorCode() != code {
			return fmt.Errorf("got %v, want %s", last, code)
		}
		return nil
	})
	Want(t, last, 403, code)
}

// wait is a second, unless the test ends before.
func wait(t T) {
	select {
	case <-time.After(time.Second):
	case <-t.Context().Done():
	}
}

// patient repeats what a key or a policy that is not known everywhere yet causes.
func (e *env) patient(o *s3.Options) {
	o.Retryer = retry.NewStandard(func(so *retry.StandardOptions) {
		so.MaxAttempts = e.attempts()
		so.MaxBackoff = time.Second
		so.RateLimiter = ratelimit.None
		so.Retryables = append(so.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{
			"InvalidAccessKeyId": {}, "AccessDenied": {}, "Forbidden": {}}})
	})
}

// once takes the SDK's retries away from a call.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
