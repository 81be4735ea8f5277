// Package cfnresource speaks the protocol of a CloudFormation custom resource:
// an event comes in, and exactly one answer goes out, whatever happens between. Only
// a Delete that goes on in its next delivery leaves the answer to that.
//
// It knows deadlines, panics, physical ids and the form of an answer. It refuses
// to know what the resource is.
package cfnresource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
)

// A Resource is what the events are about. It may be asked for the same event again, at any
// time and also at the same time, since CloudFormation delivers at least once.
type Resource interface {
	// Begin returns a delivery of the event. It calls nothing.
	Begin(e Event) Delivery
}

// A Delivery carries out one event once: it ensures and undoes, or it removes.
type Delivery interface {
	// PhysicalID returns the id that the properties of the event lead to, or "" if they do
	// not parse. It must be known before the first thing is made, or the Delete after a
	// failed Create would not find it.
	PhysicalID() string

	// Ensure carries out a Create or an Update and returns the attributes for
	// Fn::GetAtt. The answer's id is PhysicalID; where that differs from the
	// event's, the Update was a replacement.
	Ensure(ctx context.Context) (map[string]string, error)

	// Undo removes what a failed Ensure made for an id that the event does not have yet. It
	// returns nil if there is nothing to undo.
	Undo(ctx context.Context) error

	// Remove carries out a Delete. What does not exist counts as removed. An [Unanswered] has Lambda
	// deliver the event again.
	Remove(ctx context.Context) error
}

// Time that is kept back before the function's deadline for undoing and
// answering, and the part of it that is for the answer alone. Of a short deadline
// a third is kept back.
const (
	keptBack      = 15 * time.Second
	keptForAnswer = 5 * time.Second
)

// nothingMade is the physical id of a failed Create whose properties do not parse. The Delete
// that CloudFormation sends for it does nothing. It must not look either: an earlier resource
// may have left things under the same names, which these properties were never about.
const nothingMade = "nothing-was-made"

// A Handler answers events about one kind of resource. All fields but
// AllowLoopback are required.
type Handler struct {
	Resource  Resource
	Client    *http.Client // see NewClient
	Log       *slog.Logger
	LogStream string // named in the reason of a failure
	DNSSuffix string // of the partition: the ResponseURL must be below it

	// AllowLoopback accepts a ResponseURL on the loopback interface. It is for the
	// embedded AWS and set when the function is linked, never by its environment.
	AllowLoopback bool
}

// Handle carries out one event and answers it. It returns an error only if no
// answer was accepted, if a failed event could not be undone, or if a Delete is to go
// on in the next delivery, which answers it; Lambda then
// delivers the event again. The error holds nothing of the event, since the runtime
// prints it.
func (h *Handler) Handle(ctx context.Context, payload json.RawMessage) error {
	e, invalid := decode(payload)
	if err := checkResponseURL(e.ResponseURL, h.DNSSuffix, h.AllowLoopback); err != nil {
		return err
	}
	log := LogOf(h.Log, e)
	log.Info("received", "physicalResourceId", e.PhysicalResourceID, "sentAt", SentAt(e))

	work, undo, cancel := deadlines(ctx)
	defer cancel()
	a := answer{Status: cfn.StatusSuccess, StackID: e.StackID, RequestID: e.RequestID, LogicalResourceID: e.LogicalResourceID}
	var delivery Delivery
	err, undone := invalid, error(nil)
	if err == nil {
		delivery, err = h.begin(e)
	}
	if err == nil {
		a.PhysicalResourceID, a.Data, err = h.carryOut(work, e, delivery)
	}
	if later := unansweredBy(e, err); later != nil {
		log.Warn("leaves the answer to the next delivery", "run", later.Run, "deleted", later.Deleted, "rate", int64(later.Rate))
		return ErrUnanswered
	}
	if err != nil {
		if work.Err() != nil {
			err = fmt.Errorf("out of time, %w", err)
		}
		if delivery != nil && e.RequestType != cfn.RequestDelete {
			undone = h.undo(undo, e, delivery)
			err = errors.Join(err, undone)
		}
		a.Status, a.Data, a.Reason = cfn.StatusFailed, nil, reason(err, h.LogStream)
		a.PhysicalResourceID = failedID(e, a.PhysicalResourceID)
		log.Error("failed", "reason", a.Reason)
	}
	if err := h.put(ctx, e.ResponseURL, a); err != nil {
		log.Error("was refused the answer", "reason", err.Error())
		return err
	}
	log.Info("answered", "status", a.Status, "physicalResourceId", a.PhysicalResourceID)
	if undone != nil {
		return errUndo
	}
	return nil
}

// errUndo has Lambda deliver the event again. CloudFormation has its answer and sends the
// Delete or the Update back, which clean up as well, but only after an event that it waited
// for.
var errUndo = errors.New("undo: failed, see the log; the event is to be delivered again")

// begin, carryOut and undo call the resource. A panic becomes an error, so that it is answered.

func (h *Handler) begin(e Event) (delivery Delivery, err error) {
	defer recoverTo(LogOf(h.Log, e), &err)
	return h.Resource.Begin(e), nil
}

func (h *Handler) carryOut(ctx context.Context, e Event, delivery Delivery) (id string, data map[string]string, err error) {
	defer recoverTo(LogOf(h.Log, e), &err)
	switch {
	case e.RequestType == cfn.RequestDelete && e.PhysicalResourceID == nothingMade:
		return nothingMade, nil, nil
	case e.RequestType == cfn.RequestDelete:
		// CloudFormation always names an id, but no answer may go without one.
		return failedID(e, ""), nil, delivery.Remove(ctx)
	}
	id = delivery.PhysicalID()
	data, err = delivery.Ensure(ctx)
	return id, data, err
}

func (h *Handler) undo(ctx context.Context, e Event, delivery Delivery) (err error) {
	defer recoverTo(LogOf(h.Log, e), &err)
	if err := delivery.Undo(ctx); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	return nil
}

// recoverTo turns a panic into an error. The value of the panic may hold anything,
// so only its type and the stack are logged.
func recoverTo(log *slog.Logger, err *error) {
	if value := recover(); value != nil {
		log.Error("panicked", "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
		*err = errors.New("internal error, see the log")
	}
}

// failedID returns the id for a failure. An Update that fails under another id
// than the event's would read as a replacement, and CloudFormation would delete
// the live resource (aws-cdk#22670).
func failedID(e Event, id string) string {
	if e.PhysicalResourceID != "" {
		return e.PhysicalResourceID
	}
	if id != "" {
		return id
	}
	return nothingMade
}

// deadlines returns the contexts for the work and for undoing it. The time
// between the second and the deadline of ctx is left for the answer.
func deadlines(ctx context.Context) (work, undo context.Context, cancel func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, ctx, func() {}
	}
	kept := min(keptBack, time.Until(deadline)/3)
	work, cancelWork := context.WithDeadline(ctx, deadline.Add(-kept))
	undo, cancelUndo := context.WithDeadline(ctx, deadline.Add(-min(keptForAnswer, kept/3)))
	return work, undo, func() { cancelWork(); cancelUndo() }
}
