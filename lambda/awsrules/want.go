package awsrules

import (
	"errors"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Want fails a test unless err is AWS's error of this HTTP status and code, and of this message when one is given. An
// error of AWS has a request id.
func Want(t T, err error, status int, code string, message ...string) {
	t.Helper()
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	var operation *smithy.OperationError
	if !errors.As(err, &api) || !errors.As(err, &response) || !errors.As(err, &operation) {
		t.Fatalf("got %v, want %d %s", err, status, code)
		return
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

// typed fails a test unless err is of the SDK's type for its code.
func typed[E error](t T, err error) {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Errorf("got %T, want %T", err, want)
	}
}

// Must ends a rule, or a test of the fake, on an error.
func Must[V any](t T) func(V, error) V {
	return func(v V, err error) V {
		t.Helper()
		if err != nil {
			t.Fatalf("%v", err)
		}
		return v
	}
}

// Equal fails a test unless a value is as wanted; what names it.
func Equal[V comparable](t T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
