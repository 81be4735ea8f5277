package provision_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// Attack A33: CloudFormation's express mode.

// A33, law L16: in express mode no event comes after a replacement that failed. Each call after CreateSecret is
// refused for good in turn, and nothing of the new side is left, while the status stays that of the Update. The old
// side is as it was.
func TestA33FailedReplacementLeavesNothing(t *testing.T) {
	for _, outcome := range []error{awsfake.AccessDenied, invalid} {
		for _, kind := range afterCreateSecret(t) {
			t.Run(kind, func(t *testing.T) {
				inWorld(t, func(w *bench) { w.replacementIsRefused(kind, outcome) })
			})
		}
	}
}

// afterCreateSecret are the kinds of the calls that a replacement makes after its secret.
func afterCreateSecret(t *testing.T) []string {
	calm := livesNamed("replacement")[0].live(t, "eu-west-1", nil)
	made := slices.IndexFunc(calm.calls, isCall("CreateSecret"))
	calm.calls = calm.calls[made+1:]
	return calm.kinds(func(c awsfake.Call) bool { return c.Service != "cloudformation" && c.Operation != "ListAccessKeys" })
}

// replacementIsRefused plays a replacement that is refused a call from its secret on. Where undoing needs that call,
// too, Lambda gets an error and delivers the event again. By then CloudFormation has heard that it failed.
func (w *bench) replacementIsRefused(kind string, outcome error) {
	w.t.Helper()
	w.history(create(named))
	<-time.After(time.Hour)
	was, isMade := numbered(w.AWS.Snapshot()), false
	w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		isMade = isMade || c.Operation == "CreateSecret"
		if isMade && c.Operation != "CreateSecret" && kindOf(c) == kind {
			return awsfake.Refuse(outcome)
		}
		return awsfake.Decision{}
	})
	e := update(named, other(named), named)
	r := w.play(e, nil)
	w.AWS.Before = nil
	if r.err == nil && r.answer.Status == "SUCCESS" { // the event could do without
		w.credentials(r.answer)
		return
	}
	if len(w.Errors()) > 0 {
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "UPDATE_FAILED")
		<-time.After(time.Minute)
		w.play(e, nil)
	}
	if diff := difference(was, numbered(w.AWS.Snapshot())); diff != "" {
		w.t.Errorf("%s\nleft, after %d errors for Lambda: %s", r.answer.Reason, len(w.Errors()), diff)
	}
}

// A33: a failed Update in place is not followed by anything either. The next Update converges, whether CloudFormation
// says that it comes from the properties before the failed one, or from those of the failed one.
func TestA33NextUpdateConverges(t *testing.T) {
	for _, old := range []sim.Properties{named, everything} {
		wanted := everything
		if old["Prefix"] != nil { // see TestA33NextUpdateTakesTheOldFolderMarkerAway
			wanted = maps.Clone(everything)
			delete(wanted, "Prefix")
			old = wanted
		}
		calm := life{"", func(w *bench) { w.history(create(named)) }, update(named, wanted, named), nil}.live(t, "eu-west-1", nil)
		// Refused, the key in the secret is known.
		for _, kind := range calm.kinds(func(c awsfake.Call) bool { return c.Service != "cloudformation" && c.Operation != "ListObjectsV2" }) {
			t.Run(kind, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.converges(wanted, old, notYet(time.Hour, awsfake.AccessDenied, isKind(kind)))
					if diff := difference(calm.account, settled(w.AWS)); diff != "" {
						t.Error(diff)
					}
				})
			})
		}
	}
}

// converges plays an Update that fails, and an hour later one that succeeds, and says what that comes from.
func (w *bench) converges(wanted, old sim.Properties, fault hook) {
	w.t.Helper()
	w.created(named)
	w.AWS.Before = fault
	w.refused(w.update(w.idOf(named), wanted, named), "")
	w.AWS.Before = nil
	<-time.After(time.Hour)
	w.succeeded(w.update(w.idOf(named), wanted, old))
}
