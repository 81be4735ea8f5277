package sim

import (
	"slices"

	"bucketuser/lambda/internal/awsfake"
)

// Writes are the earlier writes that a call may not see yet, the latest first: those of calls, and what CloudFormation
// has set the resource to. What people changed by hand is not among them: they had time to look.
func (w *World) Writes(c awsfake.Call) []awsfake.Write {
	return slices.DeleteFunc(w.AWS.LagsBehind(c), func(write awsfake.Write) bool {
		return write.N == 0 && c.Service != "cloudformation"
	})
}

// Decide says what becomes of a call under a Hit. It returns false for a stale read of a call that lags behind fewer
// writes.
func (w *World) Decide(h Hit, c awsfake.Call) (d awsfake.Decision, ok bool) {
	if h.Fault != Stale {
		return Faults[h.Fault].Decision, true
	}
	writes := w.Writes(c)
	if h.Behind < 1 || h.Behind > len(writes) {
		return d, false
	}
	return awsfake.Stale(writes[h.Behind-1]), true
}
