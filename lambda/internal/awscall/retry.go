package awscall

import (
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// maxAttempts of one call. The SDK's backoff doubles up to 20 s, from 50 ms, or from 1 s
// after throttling. So they last two minutes and more, longer than OperationAborted and
// throttling usually do.
const maxAttempts = 22

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

// isBusy tells the answers of a service that is too busy to begin with a call.
var isBusy = retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}

// IsBusy reports whether a service was too busy to begin with a call.
func IsBusy(err error) bool {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && (response.HTTPStatusCode() == http.StatusServiceUnavailable || response.HTTPStatusCode() == http.StatusTooManyRequests) {
		return true
	}
	return err != nil && isBusy.IsErrorRetryable(err).Bool()
}

// IsBusyCode is [IsBusy] for the code of one key of a call.
func IsBusyCode(code string) bool {
	_, is := retry.DefaultThrottleErrorCodes[code]
	return is || code == "ServiceUnavailable"
}

// IsTransientCode reports whether an error with one key of a call goes away by itself.
func IsTransientCode(code string) bool {
	_, is := transientCodes.Codes[code]
	return is || code == "InternalError" || code == "RequestTimeout"
}

// UnlessBusy is a retryer that does not repeat what a service was too busy for.
func UnlessBusy(of aws.Retryer) aws.Retryer { return unlessBusy{of} }

type unlessBusy struct{ aws.Retryer }

func (r unlessBusy) IsErrorRetryable(err error) bool {
	return !IsBusy(err) && r.Retryer.IsErrorRetryable(err)
}
