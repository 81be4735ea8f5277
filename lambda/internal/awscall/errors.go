// Package awscall tells what the answer to a call of AWS means, and repeats calls.
//
// Errors are told apart by their codes here and nowhere else. A call is repeated by
// [Standard], or by a [Patience] where AWS may not know yet what was made a moment ago.
// The package refuses to know what the calls are about.
package awscall

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// IsCode reports whether err is an answer of AWS with one of the codes.
func IsCode(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// IsMissing reports whether err says that the thing does not exist.
func IsMissing(err error) bool {
	return IsCode(err, "NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException",
		"NoSuchBucket", "NoSuchKey", "NotFound", "NoSuchUpload", "NoSuchVersion")
}

// IsNoBucket reports whether S3 does not know a bucket.
func IsNoBucket(err error) bool { return IsCode(err, "NoSuchBucket") }

// IsDenied reports whether err is a refusal for lack of permission. The answer to a HEAD
// has no body, so the SDK makes its code of the status: Forbidden.
func IsDenied(err error) bool {
	return IsCode(err, "AccessDenied", "AccessDeniedException", "Forbidden")
}

// IsByOthers reports whether a call was refused because of what others have done to a thing: a
// statement of theirs, a lock, MFA delete, access control by tags, a KMS key, a policy of the
// organization. A right that the role lacks is not among it, of which AWS says that no policy of the
// role's own allows the call ("Troubleshoot access denied (403 Forbidden) errors in Amazon S3"); nor
// is what is not there, not known yet, busy or throttled.
func IsByOthers(err error) bool {
	var own *byOthers
	isSetting := IsCode(err, "MalformedPolicy", "InvalidRequest", "InvalidBucketState", "MethodNotAllowed", "BadRequest", "InvalidTag",
		"EncryptionFailure", "DecryptionFailure")
	return errors.As(err, &own) || isSetting || IsDenied(err) && !isMissingRight(err) || IsOfKms(err)
}

// IsOfKms reports whether S3 could not use the KMS key that a bucket encrypts with, or the caller may not: the key is
// disabled, gone, or waits for its deletion. From "Error responses" in the S3 API Reference and "Key states of AWS
// KMS keys".
func IsOfKms(err error) bool {
	var api smithy.APIError
	is, _ := DenialOf(err)
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "KMS.") || strings.HasPrefix(is.Action, "kms:")
}

// ByOthers marks an error that says the same before a call is made. It returns nil for nil.
func ByOthers(err error) error {
	if err == nil {
		return nil
	}
	return &byOthers{err}
}

type byOthers struct{ error }

func (e *byOthers) Unwrap() error { return e.error }

func isMissingRight(err error) bool {
	is, _ := DenialOf(err)
	return is.isOfCaller()
}

// IsFinalDenial reports whether no right that comes later overrules a denial: it names a policy of the
// organization or of a VPC endpoint, or a Deny in the role's own policies. A Deny in a resource-based policy may be
// as of before a change of that policy (L4). Where AWS gives no reason, it may be any ("Troubleshoot access denied
// error messages", IAM User Guide). What keeps an object for everybody, whatever their rights, S3 says in words of its
// own: a lock, or that its deletion takes a second factor ("Error responses", S3 API Reference).
func IsFinalDenial(err error) bool {
	is, _ := DenialOf(err)
	return is.IsOfOrganization() || is.IsExplicit && is.isOfCaller() || isOfObject(err)
}

func isOfObject(err error) bool {
	var api smithy.APIError
	if !IsDenied(err) || !errors.As(err, &api) {
		return false
	}
	text := strings.ToLower(api.ErrorMessage())
	return strings.Contains(text, "protected by object lock") || strings.Contains(text, "mfa authentication must be used")
}

func mayBeLate(err error) bool { return IsDenied(err) && !IsFinalDenial(err) }

// IsNotYet reports whether err is what a key gets before all of AWS knows it, or its policy.
func IsNotYet(err error) bool {
	return IsDenied(err) || IsCode(err, "InvalidAccessKeyId")
}

// IsUnknownPair reports whether S3 says of an access key that there is none of that id, or
// that its secret key is another.
func IsUnknownPair(err error) bool { return IsCode(err, "InvalidAccessKeyId", "SignatureDoesNotMatch") }

// IsInvalidPrincipal reports whether S3 does not know the user of a policy. Every other
// MalformedPolicy stays malformed however often it is sent.
func IsInvalidPrincipal(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "MalformedPolicy" &&
		strings.Contains(api.ErrorMessage(), "Invalid principal")
}

// IsElsewhere reports whether S3 points to another region for a bucket. Where a region is
// opt-in, or is asked with the signature or the token of another one, S3 says so in other
// codes: cloud-custodian #8005 and #9793, prowler #1155, botocore's region redirector.
func IsElsewhere(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() == http.StatusMovedPermanently ||
		IsCode(err, "PermanentRedirect", "IllegalLocationConstraintException", "AuthorizationHeaderMalformed", "InvalidToken")
}

// IsRefused reports whether AWS has said no, so that nothing happened. A server error, a
// timeout and a lost connection leave open whether anything did.
func IsRefused(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() >= 400 && response.HTTPStatusCode() < 500
}

// Brief wraps an error of the SDK. Its text is the code, the message, the operation and the
// request id, without the SDK's own nesting. It returns nil for nil.
func Brief(err error) error {
	if err == nil {
		return nil
	}
	return &briefError{err}
}

type briefError struct{ err error }

func (e *briefError) Unwrap() error { return e.err }

func (e *briefError) Error() string {
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

// WithoutMessage keeps the code of an answer and drops its text, which may quote what was
// sent. It serves the calls that send a secret.
func WithoutMessage(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return errors.New(api.ErrorCode())
	}
	return errors.New("no answer")
}
