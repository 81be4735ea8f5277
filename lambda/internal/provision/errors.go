package provision

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// isCode reports whether err is an answer of AWS with one of the codes.
func isCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

// isMissing reports whether err says that the thing does not exist.
func isMissing(err error) bool {
	return isCode(err, "NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException",
		"NoSuchBucket", "NoSuchKey", "NotFound", "NoSuchUpload", "NoSuchVersion")
}

// isDenied reports whether err is a refusal for lack of permission. A HEAD has no
// body, so its code is made of the status.
func isDenied(err error) bool {
	return isCode(err, "AccessDenied", "AccessDeniedException", "Forbidden")
}

// isNotYet reports whether err is what a key answers before all of AWS knows it,
// or its policy.
func isNotYet(err error) bool {
	return isDenied(err) || isCode(err, "InvalidAccessKeyId")
}

// isInvalidPrincipal reports whether S3 does not know the user of a policy yet.
// Other malformed policies stay malformed.
func isInvalidPrincipal(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "MalformedPolicy" &&
		strings.Contains(api.ErrorMessage(), "Invalid principal")
}

// isElsewhere reports whether S3 points to another region for the bucket.
func isElsewhere(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() == http.StatusMovedPermanently
}

// brief wraps an error of the SDK, so that its text is the code, the message, the
// call and the request id, without the SDK's own nesting.
func brief(err error) error {
	if err == nil {
		return nil
	}
	return &callError{err}
}

type callError struct{ err error }

func (e *callError) Unwrap() error { return e.err }

func (e *callError) Error() string {
	var api smithy.APIError
	var operation *smithy.OperationError
	if !errors.As(e.err, &api) || !errors.As(e.err, &operation) {
		return e.err.Error()
	}
	text := fmt.Sprintf("%s: %s (%s", api.ErrorCode(), api.ErrorMessage(), operation.Operation())
	var response *awshttp.ResponseError
	if errors.As(e.err, &response) && response.ServiceRequestID() != "" {
		text += ", request " + response.ServiceRequestID()
	}
	return text + ")"
}

// isRefused reports whether AWS has said no, so that nothing happened. A server
// error, a timeout or a lost connection say nothing about that.
func isRefused(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() >= 400 && response.HTTPStatusCode() < 500
}

// withoutMessage keeps the code of an answer and drops its text, which may quote
// what was sent.
func withoutMessage(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return errors.New(api.ErrorCode())
	}
	return errors.New("no answer")
}
