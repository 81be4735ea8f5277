package awsfake_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	account = "111122223333"
	other   = "444455556666"
)

// rule is one thing that AWS does and that the fake claims to do as well. A case takes nothing but SDK clients, unless
// it says that it needs the fake, so that the same cases can be run against another endpoint.
type rule struct {
	name   string
	source string // where it is written or was seen
	region string // when only one has the rule
	fake   bool   // needs what only the fake can do: a knob, a hook, another account
	run    func(t *testing.T, e *env)
}

// TestRules runs every rule against the fake, in a bubble where waiting takes no time.
func TestRules(t *testing.T) {
	names := map[string]bool{}
	for _, r := range allRules() {
		if names[r.name] || r.source == "" {
			t.Errorf("rule %q: there twice, or without a source", r.name)
		}
		names[r.name] = true
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				region := r.region
				if region == "" {
					region = "eu-west-1"
				}
				fake := awsfake.New(account, region)
				e := newEnv(fake.Session("provider").Config(), account)
				e.fake = fake
				r.run(t, e)
			})
		})
	}
}

func allRules() []rule {
	return slices.Concat(iamRules(), keyRules(), bucketRules(), configRules(), policyRules(), accessRules(), objectRules(), listRules(),
		secretRules(), valueRules(), stackRules())
}

// env is the account that a case runs in.
type env struct {
	cfg     aws.Config
	account string
	region  string
	run     string       // makes names unique
	fake    *awsfake.AWS // nil when the account is another one
	names   int

	iam     *iam.Client
	s3      *s3.Client
	secrets *secretsmanager.Client
	stacks  *cloudformation.Client
}

func newEnv(cfg aws.Config, account string, options ...func(*s3.Options)) *env {
	return &env{
		cfg:     cfg,
		account: account,
		region:  cfg.Region,
		run:     fmt.Sprintf("rules-%x", time.Now().UnixNano()),
		iam:     iam.NewFromConfig(cfg),
		s3:      s3.NewFromConfig(cfg, options...),
		secrets: secretsmanager.NewFromConfig(cfg),
		stacks:  cloudformation.NewFromConfig(cfg),
	}
}

// once takes the SDK's retries away from a call.
func once[O any](o *O) {
	switch o := any(o).(type) {
	case *s3.Options:
		o.Retryer = aws.NopRetryer{}
	case *iam.Options:
		o.Retryer = aws.NopRetryer{}
	case *secretsmanager.Options:
		o.Retryer = aws.NopRetryer{}
	}
}

// patience is how often something is tried, at a second's distance, that is not true everywhere at once. Emulators
// know at once.
func patience() int {
	if os.Getenv("AWS_ENDPOINT_URL") != "" {
		return 2
	}
	return 90
}

// patient repeats what a key or a policy that is not known everywhere yet causes.
func patient(o *s3.Options) {
	o.Retryer = retry.NewStandard(func(so *retry.StandardOptions) {
		so.MaxAttempts = patience()
		so.MaxBackoff = time.Second
		so.RateLimiter = ratelimit.None
		so.Retryables = append(so.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{
			"InvalidAccessKeyId": {}, "AccessDenied": {}, "Forbidden": {}}})
	})
}

// name is a name that nothing else in the account has.
func (e *env) name() string {
	e.names++
	return fmt.Sprintf("%s-%d", e.run, e.names)
}

// eventually repeats f for up to a minute, until it succeeds.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for range patience() {
		if err = f(); err == nil {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatal(err)
}

// must stops a case on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// want checks an error's status, code, and message when one is given.
func want(t *testing.T, err error, status int, code string, message ...string) {
	t.Helper()
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	var operation *smithy.OperationError
	if !errors.As(err, &api) || !errors.As(err, &response) || !errors.As(err, &operation) {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
	if api.ErrorCode() != code || response.HTTPStatusCode() != status {
		t.Errorf("got %d %s (%s), want %d %s", response.HTTPStatusCode(), api.ErrorCode(), api.ErrorMessage(), status, code)
	}
	if len(message) > 0 && api.ErrorMessage() != message[0] {
		t.Errorf("%s: got message %q, want %q", code, api.ErrorMessage(), message[0])
	}
	var request interface{ ServiceRequestID() string }
	if !errors.As(err, &request) || request.ServiceRequestID() == "" {
		t.Errorf("%s: no request id", code)
	}
}

// lose lets the n-th call of an operation take effect and breaks its connection.
func lose(e *env, n int, operation string) {
	e.fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Name() == operation && c.OperationN == n {
			return awsfake.Lose(awsfake.ConnectionReset)
		}
		return awsfake.Decision{}
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
