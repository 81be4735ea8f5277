package cfnfake

import (
	"context"
	"reflect"
)

// rollBack returns to what the stack was when it was last complete, and reports whether
// that succeeded.
func (s *Stack) rollBack(ctx context.Context, how How) bool {
	s.State = Live
	s.phase("UPDATE_ROLLBACK_IN_PROGRESS")
	if !s.goBack(ctx, how) {
		s.State = RollbackFailed
		s.phase("UPDATE_ROLLBACK_FAILED")
		return false
	}
	s.phase("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
	if how.Nested {
		s.State, s.isBack = Waiting, true
		return true
	}
	s.complete(ctx, how, "UPDATE_ROLLBACK_COMPLETE")
	return true
}

// goBack sends the Update that returns to the last complete state, if the resource has
// left that.
func (s *Stack) goBack(ctx context.Context, how How) bool {
	s.isRemoved = false
	from := s.Properties
	switch {
	case s.Tried != nil:
		from = s.Tried
	case s.PhysicalID != s.stable.id && how.OnlyDelete:
		s.become(s.stable)
		s.status("UPDATE_COMPLETE")
		return true
	case s.PhysicalID == s.stable.id && reflect.DeepEqual(s.Properties, s.stable.properties):
		return true
	}
	s.status("UPDATE_IN_PROGRESS")
	o := s.send(ctx, Event{RequestType: "Update", PhysicalResourceId: s.PhysicalID, ResourceProperties: s.stable.properties,
		OldResourceProperties: from}, how, nil)
	if !o.ok {
		s.status("UPDATE_FAILED")
		s.Reason = o.reason
		return false
	}
	s.become(version{o.id, s.stable.properties, o.data})
	s.status("UPDATE_COMPLETE")
	how.between()
	return true
}

// ContinueRollback tries a failed rollback again and reports whether it succeeded.
func (s *Stack) ContinueRollback(ctx context.Context, how How) bool {
	return s.may("ContinueRollback", RollbackFailed) && s.rollBack(ctx, how)
}

// Rollback is a rollback on demand, after an update that failed with its rollback disabled,
// and reports whether it succeeded. "Rolls back the specified stack to the last known stable
// state" (API reference, RollbackStack): that before the first of several such updates.
func (s *Stack) Rollback(ctx context.Context, how How) bool {
	return s.may("Rollback", UpdateFailed) && s.rollBack(ctx, how)
}

// ParentEnds ends the update of the parent of a nested stack, how late the caller decides,
// and reports whether the nested stack keeps what its own update did. How.SiblingFails
// makes the parent fail: a nested stack that is complete is rolled back then. What was
// replaced or removed is deleted in any case. A parent that is created, not updated, and
// fails is nothing but a Delete of its nested stacks.
func (s *Stack) ParentEnds(ctx context.Context, how How) bool {
	if !s.may("ParentEnds", Waiting) {
		return false
	}
	how.Nested = false
	if s.isBack {
		s.complete(ctx, how, "UPDATE_ROLLBACK_COMPLETE")
		return false
	}
	return s.conclude(ctx, !how.SiblingFails, how)
}
