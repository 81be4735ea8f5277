package provision_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What each event does while CloudFormation says that the resource is in a state.
// A state with a star is that of a resource with an id that the event does not name.
func TestEventsInEachState(t *testing.T) {
	for kind, states := range map[string]struct{ goesOn, isStale string }{
		"Create": {"CREATE_IN_PROGRESS", "CREATE_COMPLETE CREATE_FAILED UPDATE_IN_PROGRESS UPDATE_COMPLETE DELETE_IN_PROGRESS DELETE_COMPLETE"},
		"Update": {"UPDATE_IN_PROGRESS UPDATE_ROLLBACK_IN_PROGRESS",
			"CREATE_IN_PROGRESS CREATE_COMPLETE UPDATE_COMPLETE UPDATE_FAILED DELETE_IN_PROGRESS UPDATE_IN_PROGRESS*"},
		"Delete": {"DELETE_IN_PROGRESS UPDATE_IN_PROGRESS* UPDATE_COMPLETE*",
			"CREATE_COMPLETE CREATE_FAILED UPDATE_COMPLETE DELETE_COMPLETE DELETE_FAILED DELETE_SKIPPED"},
	} {
		for state := range strings.FieldsSeq(states.goesOn) {
			t.Run(kind+" in "+state, func(t *testing.T) {
				inWorld(t, func(w *bench) { w.succeeded(w.deliverIn(state, kind)) })
			})
		}
		for state := range strings.FieldsSeq(states.isStale) {
			t.Run(kind+" in "+state, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.refused(w.deliverIn(state, kind), "CloudFormation no longer waits for this event: the resource is ")
				})
			})
		}
	}
}

// deliverIn delivers an event while the resource is in a state.
func (w *bench) deliverIn(state, kind string) answer {
	w.t.Helper()
	id := w.idOf(named)
	if kind != "Create" {
		w.created(named)
	}
	status, isOther := strings.CutSuffix(state, "*")
	w.sign(kind, id, with("OnDelete", "Purge"), named)
	w.becomes(status)
	w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, id)
	if isOther {
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(renamed))
	}
	return w.deliver(w.AWS.Session("provider"), kind, id, with("OnDelete", "Purge"), named)
}

// The state may change while the set is made: nobody may get a key then, and nothing
// is waited for.
func TestCreateThatIsGivenUpDoesNotCommit(t *testing.T) {
	for _, proven := range []string{"true", "false"} {
		t.Run("proven "+proven, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.KeyPropagation = time.Minute
				var made time.Time
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.Operation == "CreateAccessKey" {
						made = time.Now()
						w.AWS.SetResourceStatus(stackID, sim.LogicalID, "DELETE_IN_PROGRESS")
					}
					w.isNoCommit(c)
					return awsfake.Decision{}
				})
				p := with("VerifyCredentials", proven)
				w.begin("Create", "", p, nil)
				time.Sleep(3 * time.Second)
				w.refused(w.create(p), "CloudFormation no longer waits for this event")
				if took := time.Since(made); took > 30*time.Second {
					t.Errorf("gave up %s after it was given up", took)
				}
				w.empty()
			})
		})
	}
}

// isNoCommit fails the test if a call puts a value into the secret that is no tombstone.
func (w *bench) isNoCommit(c awsfake.Call) {
	w.t.Helper()
	if c.Operation == "PutSecretValue" && putValue(c) != "null" {
		w.t.Error("a key is committed")
	}
}

// CloudFormation that does not answer, or not that, holds up no event for long.
func TestEventsGoOnWhereCloudFormationDoesNotSay(t *testing.T) {
	for name, decision := range map[string]awsfake.Decision{
		"denied": awsfake.Refuse(awsfake.AccessDenied), "hanging": awsfake.Refuse(awsfake.Hang), "throttled": awsfake.Refuse(awsfake.Throttled),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.Operation == "DescribeStackResource" {
						return decision
					}
					return awsfake.Decision{}
				}
				start := time.Now()
				created := w.succeeded(w.create(named))
				w.succeeded(w.update(created.PhysicalResourceId, named, renamed)) // and goes back from a replacement
				w.succeeded(w.delete(created.PhysicalResourceId, named))
				if took := time.Since(start); took > 90*time.Second {
					t.Errorf("took %s", took)
				}
				w.empty()
			})
		})
	}
}

// Every call on a bucket names the account that must own it: between two calls the name
// may have gone to somebody else.
func TestCallsOnABucketNameItsOwner(t *testing.T) {
	inWorld(t, func(w *bench) {
		seen := map[string]bool{}
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if owner := reflect.ValueOf(c.Input).Elem().FieldByName("ExpectedBucketOwner"); owner.IsValid() {
				if seen[c.Operation] = true; owner.IsNil() || owner.Elem().String() != sim.Account {
					t.Errorf("%s does not name the owner", c)
				}
			}
			return awsfake.Decision{}
		})
		for _, access := range []string{"ReadOnly", "Full"} {
			p := with("Access", access, "OnDelete", "Purge", "Versioning", "true")
			created := w.created(p)
			w.fill()
			w.AWS.SetPublicAccessBlock("my-data", false)
			changed := with("OnDelete", "Retain", "AbortIncompleteUploadsAfterDays", "0", "Prefix", "logs", "Tags", []any{map[string]any{"Key": "a", "Value": "b"}})
			w.succeeded(w.update(created.PhysicalResourceId, changed, p))
			w.succeeded(w.update(created.PhysicalResourceId, p, changed))
			w.succeeded(w.update(created.PhysicalResourceId, plus(p, "Trigger", "1"), p)) // what is not changed is read
			w.succeeded(w.delete(created.PhysicalResourceId, p))
		}
		retained := with("OnDelete", "Retain")
		w.created(retained)
		w.fill()
		w.succeeded(w.delete(w.idOf(retained), retained))
		if len(seen) != 21 {
			t.Errorf("%d operations on buckets, 21 are known; a new one that names its owner raises that number: %v", len(seen), seen)
		}
	})
}
