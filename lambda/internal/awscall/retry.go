package awscall

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// PollInterval is the time between two looks at something that AWS may not know yet.
const PollInterval = time.Second

// maxAttempts of one call. The SDK's backoff doubles up to 20 s, from 50 ms, or from 1 s
// after throttling. So they last one to two minutes, longer than OperationAborted and
// throttling usually do.
const maxAttempts = 16

// transientCodes are refusals that go away by themselves and that the SDK does not know as
// such.
var transientCodes = retry.RetryableErrorCode{Codes: map[string]struct{}{
	"ConditionalRequestConflict":    {}, // S3: another write of this object is under way
	"OperationAborted":              {}, // S3: another change of this bucket is under way
	"ConcurrentModification":        {}, // IAM: another change of this user is under way
	"EntityTemporarilyUnmodifiable": {}, // IAM: a user of this name was just deleted
	"InternalServiceErrorException": {}, // Secrets Manager
	"ServiceUnavailable":            {},
}}

// Standard serves every call that may be repeated. It has no token bucket: an event makes
// few calls, and giving up early would leave more to clean up.
func Standard() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, transientCodes)
	})
}

// IfNothingHappened serves a call that must not take effect twice. It repeats only answers
// that say that nothing happened: throttling, and NoSuchEntity for a user whom IAM does not
// know everywhere yet. A lost answer is not repeated.
func IfNothingHappened() aws.Retryer {
	codes := maps.Clone(retry.DefaultThrottleErrorCodes)
	codes["NoSuchEntity"] = struct{}{}
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.RateLimiter = ratelimit.None
		o.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: codes}}
	})
}

// A Patience is how an event waits until AWS knows what was made: users, keys, policies and
// rights are not in force everywhere at once. It says in the log what it waits for.
type Patience struct{ log *slog.Logger }

// NewPatience returns the patience of an event that logs to log.
func NewPatience(log *slog.Logger) Patience { return Patience{log} }

// Until serves a call until it is true that: such as "S3 knows the user". It repeats what
// [Standard] repeats, and errors for which isLag is true, at [PollInterval], for as long as
// limit and the deadline of ctx allow. The last attempt ends before the deadline, so that
// the caller gets its error and not that of the deadline.
func (p Patience) Until(ctx context.Context, that string, limit time.Duration, isLag func(error) bool) aws.Retryer {
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	var once sync.Once
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = max(1, int(limit/(PollInterval+PollInterval/4))) // a call takes time too
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(_ int, err error) (time.Duration, error) {
			if isLag(err) {
				once.Do(func() { p.log.Info("began to wait", "until", that, "atMost", limit.Round(time.Second).String()) })
			}
			return PollInterval, nil
		})
		o.Retryables = append(o.Retryables, transientCodes, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if isLag(err) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	})
}
