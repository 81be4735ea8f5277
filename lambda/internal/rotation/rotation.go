// Package rotation speaks the protocol of a Secrets Manager rotation function: a step comes in,
// and nil says that it is done. An error has Secrets Manager repeat the whole rotation, later.
//
// It knows the names of the steps, panics and what an invocation may say. It refuses to know
// what is rotated.
//
// The protocol is "Lambda rotation functions" in the Secrets Manager user guide. It is the
// opposite of a custom resource's: an error must be returned, and nobody else is told of it.
package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// A Step is one of the four that a rotation consists of.
type Step string

// The steps, in their order. Secrets Manager may send each of them again, and late.
const (
	CreateSecret Step = "createSecret" // puts a new value under the token, with AWSPENDING
	SetSecret    Step = "setSecret"    // has the service know the value
	TestSecret   Step = "testSecret"   // tries the value
	FinishSecret Step = "finishSecret" // moves AWSCURRENT to it
)

// spellings are those of each step: templates of AWS have the first, newer pages of its guide
// the second.
var spellings = map[string]Step{
	"createSecret": CreateSecret, "create_secret": CreateSecret,
	"setSecret": SetSecret, "set_secret": SetSecret,
	"testSecret": TestSecret, "test_secret": TestSecret,
	"finishSecret": FinishSecret, "finish_secret": FinishSecret,
}

// An Event is one step of the rotation of one secret.
type Event struct {
	Step     Step
	SecretID string // the ARN; some callers send the name
	Token    string // id of the version that the rotation is about

	// RotationToken goes into the calls that write the value. It is never logged.
	RotationToken string
}

// Limits of ClientRequestToken, from the API reference.
const (
	minTokenLength = 32
	maxTokenLength = 64
)

// decode reads an event. Its error quotes nothing of it: whoever may invoke the function may
// send anything.
func decode(payload []byte) (Event, error) {
	var in struct{ Step, SecretId, ClientRequestToken, RotationToken string }
	if err := json.Unmarshal(payload, &in); err != nil {
		return Event{}, errors.New("rotation: the event is no step of Secrets Manager")
	}
	step, isStep := spellings[in.Step]
	switch {
	case !isStep:
		return Event{}, errors.New("rotation: Step is not createSecret, setSecret, testSecret or finishSecret")
	case in.SecretId == "":
		return Event{}, errors.New("rotation: the event has no SecretId")
	case len(in.ClientRequestToken) < minTokenLength, len(in.ClientRequestToken) > maxTokenLength:
		return Event{}, fmt.Errorf("rotation: ClientRequestToken must be %d to %d characters long", minTokenLength, maxTokenLength)
	}
	return Event{Step: step, SecretID: in.SecretId, Token: in.ClientRequestToken, RotationToken: in.RotationToken}, nil
}

// keptBack is the time before the function's deadline that no step uses: its error is returned
// in that time, where Lambda would end the process without one.
const keptBack = 5 * time.Second

// A Handler carries out steps. All fields are required.
type Handler struct {
	// Rotate carries out one step. It may be called for the same one again, at any time and
	// also at the same time. log names the rotation on every line.
	Rotate func(ctx context.Context, e Event, log *slog.Logger) error
	Log    *slog.Logger
}

// Handle carries out one step. Its error is what Secrets Manager, CloudTrail and the function's
// log hear of a failure; it holds nothing secret.
func (h *Handler) Handle(ctx context.Context, payload json.RawMessage) error {
	e, err := decode(payload)
	if err != nil {
		h.Log.Error("failed", "reason", err.Error())
		return err
	}
	log := h.Log.With("step", e.Step, "secretId", e.SecretID, "token", e.Token)
	log.Info("received")
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(keptBack, time.Until(deadline)/3)))
		defer cancel()
	}
	if err := h.rotate(ctx, e, log); err != nil {
		err = fmt.Errorf("%s: %w", e.Step, err)
		log.Error("failed", "reason", err.Error())
		return err
	}
	log.Info("did the step")
	return nil
}

// rotate turns a panic into an error. The value of the panic may hold anything, so only its type
// and the stack are logged.
func (h *Handler) rotate(ctx context.Context, e Event, log *slog.Logger) (err error) {
	defer func() {
		if value := recover(); value != nil {
			log.Error("panicked", "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
			err = errors.New("internal error, see the log")
		}
	}()
	return h.Rotate(ctx, e, log)
}
