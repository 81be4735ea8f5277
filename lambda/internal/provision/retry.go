package provision

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// How long AWS may take until what was made is known everywhere, with a margin.
const (
	rolePropagation      = 30 * time.Second // a role just deployed: aws-cdk#37878
	principalPropagation = 2 * time.Minute  // a user in a bucket policy: 10 to 30 s, terraform waits 1 to 2 min
	keyPropagation       = 2 * time.Minute  // a key, or the policy behind it: 5 to 15 s
	pollInterval         = time.Second
)

// maxAttempts of one call. The SDK's backoff doubles up to 20 s, from 50 ms, or from 1 s
// after throttling, so they last one to two minutes, longer than OperationAborted and
// throttling usually do.
const maxAttempts = 16

// transientCodes are refusals that go away by themselves and that the SDK does not
// know as such.
var transientCodes = retry.RetryableErrorCode{Codes: map[string]struct{}{
	"ConditionalRequestConflict":    {}, // S3: another write of this object is under way
	"OperationAborted":              {}, // S3: another change of this bucket is under way
	"ConcurrentModification":        {}, // IAM: another change of this user is under way
	"EntityTemporarilyUnmodifiable": {}, // IAM: a user of this name was just deleted
	"InternalServiceErrorException": {}, // Secrets Manager
	"ServiceUnavailable":            {},
}}

// standardRetryer serves every call that may be repeated. It has no token bucket:
// one event makes few calls, and giving up early would leave more to clean up.
func standardRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, transientCodes)
	})
}

// patient returns a retryer that also repeats errors for which again is true, at
// pollInterval, for as long as limit and the deadline of ctx allow. The last
// attempt ends before the deadline, so that its error, and not the deadline, is
// what the caller gets.
func patient(ctx context.Context, limit time.Duration, again func(error) bool) aws.Retryer {
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = max(1, int(limit/(pollInterval+pollInterval/4))) // a call takes time too
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return pollInterval, nil })
		o.Retryables = append(o.Retryables, transientCodes, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if again(err) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	})
}
