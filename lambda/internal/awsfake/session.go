package awsfake

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Session is one process that calls AWS under a role: one invocation of the function. Make it with [AWS.Session].
type Session struct {
	aws    *AWS
	name   string
	role   string
	key    string
	secret string
	killed bool // guarded by aws.mu
}

// Session is a new process under a role of this account, which exists from its first session on.
func (a *AWS) Session(role string) *Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addRole(role)
	s := &Session{
		aws:    a,
		name:   fmt.Sprintf("%s-%d", role, len(a.sessions)+1),
		role:   role,
		key:    fmt.Sprintf("ASIAFAKE%012d", a.next()),
		secret: fmt.Sprintf("session+secret/%025d", a.next()),
	}
	a.sessions[s.key] = s
	return s
}

// Name is the role and a number, as in [Call.Session].
func (s *Session) Name() string { return s.name }

// Kill ends the process: a call that has not taken effect yet, and every later one, fails without effect and is not
// repeated by the SDK. Nothing that happened before is undone.
func (s *Session) Kill() {
	s.aws.mu.Lock()
	defer s.aws.mu.Unlock()
	s.killed = true
}

// Killed tells whether the process has ended, by [Session.Kill] or by the outcome [Killed].
func (s *Session) Killed() bool {
	s.aws.mu.Lock()
	defer s.aws.mu.Unlock()
	return s.killed
}

// Config makes SDK clients work on this account, with the credentials of the session's role. A client with other
// static credentials (s3.NewFromConfig with Options.Credentials) is the user who has that key, inside the session's
// process.
func (s *Session) Config() aws.Config {
	return aws.Config{
		Region:      s.aws.region,
		Credentials: credentials.NewStaticCredentialsProvider(s.key, s.secret, "session-token"),
		HTTPClient:  transport{},
		APIOptions:  []func(*middleware.Stack) error{s.plug},
	}
}

type inputKey struct{}

// plug adds the fake to one operation's stack: first it keeps the typed input (with the idempotency token that the SDK
// filled in), then, inside the retry loop and outside the deserializer, it answers.
func (s *Session) plug(stack *middleware.Stack) error {
	keep := func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(context.WithValue(ctx, inputKey{}, in.Parameters), in)
	}
	err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("awsfake.input", keep), middleware.After)
	if err != nil {
		return err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("awsfake.answer", s.answer), middleware.Before)
}

// answer is one attempt. A success skips the SDK's deserializer, which has nothing to decode; every other outcome goes
// through it, except those that must not be repeated: they would look like network errors.
func (s *Session) answer(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	out middleware.DeserializeOutput, md middleware.Metadata, err error) {
	req, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return out, md, &notSimulated{fmt.Sprintf("transport %T", in.Request)}
	}
	call := Call{
		Session:   s.name,
		Service:   serviceName(awsmiddleware.GetServiceID(ctx)),
		Operation: middleware.GetOperationName(ctx),
		Input:     ctx.Value(inputKey{}),
	}
	call.Target = operations[call.Name()].about(call.Input)
	result, id, outcome := s.aws.attempt(ctx, s, call, readSignature(req))

	var unknown *notSimulated
	switch {
	case outcome == nil:
		awsmiddleware.SetRequestIDMetadata(&md, id)
		out.Result = result
		return out, md, nil
	case outcome == Killed, errors.As(outcome, &unknown):
		return out, md, outcome
	}
	ctx = context.WithValue(ctx, replyKey{}, reply{service: call.Service, outcome: outcome, id: id})
	return next.HandleDeserialize(ctx, in)
}

// attempt records a call, asks the hook, and carries the call out. A nil outcome means that result is the output.
func (a *AWS) attempt(ctx context.Context, s *Session, c Call, sig signature) (result any, id string, outcome error) {
	a.mu.Lock()
	c.Caller = a.identify(sig).String()
	c = a.begin(c)
	a.mu.Unlock()

	var d Decision
	if a.Before != nil {
		d = a.Before(ctx, c)
	}
	if d.Before == Hang {
		<-ctx.Done()
	}
	defer func() { // after the lock is open again
		if outcome == Hang {
			<-ctx.Done()
			outcome = ctx.Err()
		}
	}()

	a.mu.Lock()
	defer a.mu.Unlock()
	who := a.identify(sig) // the hook may have taken its time
	switch {
	case s.killed:
		outcome = Killed
	case ctx.Err() != nil:
		outcome = ctx.Err()
	case d.Before != nil:
		outcome = d.Before
	default:
		result, outcome = a.serve(c, who, d.AsOf)
		if d.After != nil {
			outcome = d.After
		}
	}
	if fault, ok := outcome.(Fault); ok {
		outcome = fault.answer(a, c, who)
	}
	if outcome == Killed {
		s.killed = true
	}
	a.calls[c.N-1].Code = code(outcome)
	return result, requestID(a.next()), outcome
}

// code is the outcome as [Call.Code] has it.
func code(outcome error) string {
	var answer *Error
	var unknown *notSimulated
	switch {
	case outcome == nil:
		return ""
	case errors.As(outcome, &answer):
		return answer.Code
	case errors.As(outcome, &unknown):
		return "(not simulated)"
	case outcome == Hang, errors.Is(outcome, context.Canceled), errors.Is(outcome, context.DeadlineExceeded):
		return "(canceled)"
	case outcome == Killed:
		return "(killed)"
	}
	return "(connection reset)"
}
