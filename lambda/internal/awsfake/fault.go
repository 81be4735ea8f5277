package awsfake

import (
	"fmt"
	"strings"
)

// Decision is what a hook makes of a call. The zero value lets it through.
//
// An outcome is a [Fault] or an *[Error]; any other error goes to the client as if the transport had returned it,
// which the SDK takes for a network failure and repeats.
type Decision struct {
	Before error // not nil: the call has no effect, and this is its outcome
	After  error // not nil: the call takes effect, but this is its outcome instead of AWS's answer
	AsOf   int   // not zero: the call is answered as of before the write with this ID, see [Stale]
}

// Refuse keeps a call from taking effect.
func Refuse(outcome error) Decision { return Decision{Before: outcome} }

// Lose lets a call take effect and replaces its answer, for example by [ConnectionReset] or [Killed].
func Lose(outcome error) Decision { return Decision{After: outcome} }

// Stale answers a call as of before an earlier write, one of [AWS.LagsBehind]. Any other is not simulated.
func Stale(w Write) Decision { return Decision{AsOf: w.ID} }

// Fault is a failure that every service has, each with its own code and message.
type Fault string

const (
	// Throttled is the service's answer to too many requests. The SDK repeats the call.
	Throttled Fault = "throttled"
	// Unavailable is an internal error with status 500. The SDK repeats the call.
	Unavailable Fault = "unavailable"
	// AccessDenied is a missing permission of the caller.
	AccessDenied Fault = "access denied"
	// Conflict is S3's OperationAborted (409), and IAM's EntityTemporarilyUnmodifiable. The SDK does not repeat it.
	Conflict Fault = "conflict"
	// ConnectionReset is no answer: the connection broke. The SDK repeats the call.
	ConnectionReset Fault = "connection reset"
	// Hang is no answer for as long as the caller waits: the call ends with its context, before or after its effect.
	Hang Fault = "hang"
	// Killed ends the session as [Session.Kill] does: this call and all later ones fail and are not repeated.
	Killed Fault = "killed"
)

// Error makes a Fault an outcome for a [Decision].
func (f Fault) Error() string { return "awsfake: " + string(f) }

// Error is an AWS error answer as it goes over the wire.
type Error struct {
	Status  int // HTTP status
	Code    string
	Message string
}

// Error makes an *Error an outcome for a [Decision].
func (e *Error) Error() string { return fmt.Sprintf("awsfake: %d %s: %s", e.Status, e.Code, e.Message) }

// fail is an error answer with a formatted message.
func fail(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// notSimulated is an error of the test, not of AWS: the fake does not know what AWS would answer.
type notSimulated struct{ what string }

func (e *notSimulated) Error() string {
	return "awsfake: not simulated: " + e.what + " (see operations.go)"
}

// answer turns a fault into the service's own error. ConnectionReset, Hang and Killed have none and stay as they are.
func (f Fault) answer(a *AWS, c Call, who caller) error {
	switch f {
	case Throttled:
		return map[string]*Error{
			"s3":             {503, "SlowDown", "Please reduce your request rate."},
			"secretsmanager": {400, "ThrottlingException", "Rate exceeded"},
			"iam":            {400, "Throttling", "Rate exceeded"},
			"cloudformation": {400, "Throttling", "Rate exceeded"},
		}[c.Service]
	case Unavailable:
		return map[string]*Error{
			"s3":             {500, "InternalError", "We encountered an internal error. Please try again."},
			"secretsmanager": {500, "InternalServiceError", "An error occurred on the server side."},
			"iam":            {500, "ServiceFailure", "The request processing has failed because of an unknown error."},
			"cloudformation": {500, "InternalFailure", "The request processing has failed because of an unknown error."},
		}[c.Service]
	case Conflict:
		if c.Service == "s3" {
			return operationAborted()
		}
		return fail(409, "EntityTemporarilyUnmodifiable", "Please try again later.")
	case AccessDenied:
		return a.denied(c, who)
	case ConnectionReset, Hang, Killed: // no service answers
	}
	return f
}

// denied is a service's refusal of a missing permission, in the form that names the caller and the action.
func (a *AWS) denied(c Call, who caller) *Error {
	action := c.Name()
	if op, known := operations[action]; known {
		action = op.action
	}
	return a.deniedAction(c, who, action)
}

// deniedAction is the refusal of one of the actions that a call needs.
func (a *AWS) deniedAction(c Call, who caller, action string) *Error {
	return a.deniedBy("because no identity-based policy allows the "+action+" action", c, who, action)
}

// deniedBy is a refusal that says which policy is the reason.
func (a *AWS) deniedBy(reason string, c Call, who caller, action string) *Error {
	message := fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", who.arn, action, a.resource(c, action), reason)
	if c.Service == "secretsmanager" {
		return &Error{400, "AccessDeniedException", message}
	}
	return &Error{403, "AccessDenied", message}
}

// resource is the ARN that a refusal of an action names, as near as the target of the call allows.
func (a *AWS) resource(c Call, action string) string {
	switch action {
	case "iam:GetAccessKeyLastUsed":
		return "access key " + c.Target
	case invokeFunction:
		return a.functionOf(c)
	}
	switch c.Service {
	case "s3":
		if c.Target == "" {
			return "*"
		}
		return a.arn("s3", c.Target)
	case "iam":
		name, _, _ := strings.Cut(c.Target, "/")
		return "user " + name
	case "secretsmanager":
		return c.Target
	}
	return "*"
}
