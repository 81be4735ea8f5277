package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// Either id is right while CloudFormation goes back from a replacement.
func TestRollbackUnderEitherID(t *testing.T) {
	for _, isOld := range []bool{true, false} {
		inWorld(t, func(w *bench) {
			p := other(named)
			w.history(create(named), update(named, p, named))
			w.begin("Update", w.idOf(p), named, p)
			if isOld {
				w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(named))
			}
			w.history(update(p, named, p))
		})
	}
}

// A Create has no id yet, so whatever CloudFormation calls it is right.
func TestCreateUnderAnyID(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.begin("Create", "", named, nil)
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, "analytics-Disk-1ABCDEFGHIJKL")
		w.created(named)
	})
}

// CloudFormation signs an event after it has set the status of the resource. A stack that
// has no such resource waits for none, but may not know it yet.
func TestEventThatIsMuchOlderThanTheStatus(t *testing.T) {
	for _, test := range []struct {
		status string
		age    time.Duration
		reason string // to refuse it, if any
	}{
		{"CREATE_IN_PROGRESS", 5 * time.Minute, ""},
		{"CREATE_IN_PROGRESS", 5*time.Minute + time.Second, "it is from 2000-01-01T00:00:00Z, and the resource is CREATE_IN_PROGRESS since 2000-01-01T00:05:01Z"},
		{"", 4 * time.Minute, ""},
		{"", 6 * time.Minute, "the stack has no such resource"},
	} {
		t.Run(test.status+" "+test.age.String(), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.begin("Create", "", named, nil)
				time.Sleep(test.age)
				w.AWS.SetResourceStatus(stackID, sim.LogicalID, test.status)
				a := w.deliver(w.AWS.Session("provider"), "Create", "", named, nil)
				if test.reason == "" {
					w.succeeded(a)
					return
				}
				w.refused(a, test.reason)
				w.empty()
			})
		})
	}
}

// A late Create beside its Delete, or after one that was refused, leaves to the Delete
// what the Delete decides on, also if somebody has written over the secret.
func TestLateCreateLeavesTheRestToTheDelete(t *testing.T) {
	for _, state := range []string{"DELETE_IN_PROGRESS", "DELETE_FAILED"} {
		t.Run(state, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.lateCreateInTheMiddleOfADelete(state, func() { w.AWS.PutSecretValue("clickhouse/s3", "nonsense") })
				if users := w.AWS.Snapshot().Users; len(users["clickhouse"].Keys) != 1 {
					t.Errorf("left: %+v", users)
				}
			})
		})
		t.Run(state, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.lateCreateInTheMiddleOfADelete(state, func() { w.AWS.DeleteSecret("clickhouse/s3", 0) })
			})
		})
	}
}

// lateCreateInTheMiddleOfADelete delivers a Create once more after a Delete that was
// refused, when something was changed, and fails the test unless the bucket stays.
func (w *bench) lateCreateInTheMiddleOfADelete(state string, change func()) {
	w.t.Helper()
	w.created(named)
	w.AWS.PutObject("my-data", "data/x", "1")
	w.refused(w.delete(w.idOf(named), named), "is not empty")
	change()
	w.AWS.SetResourceStatus(stackID, sim.LogicalID, state)
	w.refused(w.deliverLate("Create", "", named, nil), "CloudFormation no longer waits for this event")
	if b := w.AWS.Snapshot().Buckets["my-data"]; b.Tags["bucketuser:owner"] != w.idOf(named) || len(b.Objects["data/x"]) != 1 {
		w.t.Errorf("left: %+v", b)
	}
}

// A Create that failed without a rollback has the id of the one that follows, and
// CloudFormation may delete it afterwards.
func TestDeleteOfAnIDThatIsInUse(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.sign("Delete", w.idOf(named), with("OnDelete", "Purge"), nil)
		w.becomes("CREATE_COMPLETE")
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(named))
		was := w.AWS.Snapshot()
		w.refused(w.deliver(w.AWS.Session("provider"), "Delete", w.idOf(named), with("OnDelete", "Purge"), nil), "the resource is CREATE_COMPLETE")
		w.unchanged(was)
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(renamed))
		w.succeeded(w.deliver(w.AWS.Session("provider"), "Delete", w.idOf(named), named, nil))
		w.empty()
	})
}

// A set that its stack has let go of stays.
func TestLateCreateOfARetainedResource(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.DeleteSecret("clickhouse/s3", 0)
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "DELETE_SKIPPED")
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(named))
		was := w.AWS.Snapshot()
		w.refused(w.deliverLate("Create", "", named, nil), "the resource is DELETE_SKIPPED")
		w.unchanged(was)
	})
}

// Neither an emulator's event nor somebody's tag stands in the way of anything.
func TestTimeThatIsNotKnownIsNoReason(t *testing.T) {
	inWorld(t, func(w *bench) {
		address, _, _ := strings.Cut(w.urlOf(time.Now()), "?")
		provider := w.AWS.Session("provider")
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "")
		w.succeeded(w.answered(provider, address, "Create", "", named, nil))
		if diff := cmp.Diff([3]string{}, w.lastEvents()); diff != "" {
			t.Error(diff)
		}
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "CREATE_COMPLETE")
		w.AWS.TagSecret("clickhouse/s3", map[string]string{spec.TagLastEvent: "tomorrow"})
		w.history(update(named, with("Access", "Full"), named))
		w.begin("Delete", w.idOf(named), named, nil)
		w.succeeded(w.answered(provider, address, "Delete", w.idOf(named), named, nil))
		w.empty()
	})
}
