package target

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// deniedCodes are those of the services for a right that is missing.
var deniedCodes = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}

// refusedCodes are those for credentials that are no longer, or never were, good for anything.
var refusedCodes = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException",
	"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "AuthFailure"}

func isDenied(err error) bool { return slices.Contains(deniedCodes, CodeOf(err)) }

// CodeOf is the error code of AWS's answer, or "" for an error that is none.
func CodeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Explain says of an error of AWS's what a user can do about it: of a right that is missing which one,
// of credentials that are refused how to get others. Any other error is returned as it is.
func Explain(err error) error {
	var api smithy.APIError
	var call *smithy.OperationError
	var unreached *net.OpError
	isAPI, isCall := errors.As(err, &api), errors.As(err, &call)
	switch {
	case !isCall || errors.Is(err, context.Canceled):
		return err
	case isAPI && slices.Contains(deniedCodes, api.ErrorCode()):
		return explained{err, fmt.Sprintf("%sneeds the right %s: %s", before(err, call), Action(call, api), api.ErrorMessage())}
	case isAPI && slices.Contains(refusedCodes, api.ErrorCode()):
		return explained{err, fmt.Sprintf("AWS refuses the credentials: %s: %s; %s", api.ErrorCode(), strings.TrimSuffix(api.ErrorMessage(), "."), howToLogIn)}
	case isAPI:
		return explained{err, before(err, call) + api.ErrorCode() + ": " + api.ErrorMessage()}
	case errors.As(err, &unreached):
		return explained{err, fmt.Sprintf("%s cannot be reached: %v; AWS_REGION and AWS_ENDPOINT_URL say where it is looked for", call.ServiceID, unreached)}
	}
	return err
}

// An explained error has a sentence in the place of the SDK's.
type explained struct {
	cause error
	text  string
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }

// before is what the callers have put before the error of a call.
func before(err error, call *smithy.OperationError) string {
	text, _, _ := strings.Cut(err.Error(), call.Error())
	return text
}

// actions are rights whose names are not those of the calls that need them.
var actions = map[string]string{
	"ListObjectsV2":        "s3:ListBucket",
	"GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}

// Action is the right that a call needs, as policies name it.
func Action(call *smithy.OperationError, api smithy.APIError) string {
	service := strings.ToLower(strings.ReplaceAll(call.ServiceID, " ", ""))
	switch action := actions[call.OperationName]; {
	case service == "secretsmanager" && strings.Contains(api.ErrorMessage(), "KMS"):
		return "kms:Decrypt"
	case action != "":
		return action
	}
	return service + ":" + call.OperationName
}

// absent is the error for something that is not where it was looked for.
func (f finder) absent(ctx context.Context, kind, name string) error {
	account := "this account"
	if out, err := sts.NewFromConfig(f.config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err == nil {
		account = "account " + aws.ToString(out.Account)
	}
	at, says := "", "AWS_PROFILE"
	if endpoint := f.endpoint(); endpoint != "" {
		at, says = " at "+endpoint, "AWS_ENDPOINT_URL"
	}
	return fmt.Errorf("no %s %s in region %s of %s%s; AWS_REGION and %s say where it is looked for", kind, name, f.config.Region, account, at, says)
}
