package cfnfake

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// A State is where the resource of a stack stands between operations.
type State string

const (
	None           State = "none"                   // not there: never created, deleted, or removed from the template
	Live           State = "live"                   // created, updated, or rolled back
	Waiting        State = "waiting for its parent" // only ParentEnds can follow
	UpdateFailed   State = "update failed"          // rollback was disabled: Update, Rollback or Delete can follow
	DeleteFailed   State = "delete failed"          // only Delete can follow
	RollbackFailed State = "rollback failed"        // only ContinueRollback can follow
)

// A Stack is one stack with one custom resource of interest. Its fields are for
// reading. One operation runs at a time.
//
// [Cloud.StackStatus] is told what the stack itself goes through, which its resource does not
// show: an update and its rollback are UPDATE_IN_PROGRESS there alike. A nested stack that
// waits for its parent is in its clean-up already (user guide, View stack information, Stack
// status codes; Troubleshooting CloudFormation, Nested stacks are stuck). One that is rolled
// back with its parent is in UPDATE_ROLLBACK_IN_PROGRESS, as the parent is.
type Stack struct {
	ID, Name, LogicalID string

	State      State
	PhysicalID string
	Properties map[string]any    // those that the resource has, or had when its Delete failed
	Data       map[string]string // Fn::GetAtt
	Reason     string            // of the last failure

	// Abandoned are the Deletes of a clean-up that failed for good: CloudFormation
	// forgets what they were for.
	Abandoned []Event
	// Tried are the properties of the last Update if that has failed and was not taken
	// back, nil otherwise.
	Tried map[string]any

	cloud     *Cloud
	stable    version   // what the resource was when the stack was last complete
	replaced  []version // what the next complete update deletes
	isRemoved bool      // from the template, by an update that is not complete
	isBack    bool      // rolled back, and waiting for the parent
	isWithout bool      // complete without the resource, which was removed
}

// version is the resource as CloudFormation knows it at one time.
type version struct {
	id         string
	properties map[string]any
	data       map[string]string
}

func (s *Stack) current() version { return version{s.PhysicalID, s.Properties, s.Data} }

// become makes v what the resource is. What it was before under another id is to be
// deleted.
func (s *Stack) become(v version) {
	if s.PhysicalID != v.id {
		s.replaced = append(s.replaced, s.current())
	}
	s.replaced = slices.DeleteFunc(s.replaced, func(r version) bool { return r.id == v.id })
	s.PhysicalID, s.Properties, s.Data, s.Tried = v.id, v.properties, v.data, nil
}

// NewStack is a stack whose resource does not exist yet. Its id is new even if there
// was a stack of that name before.
func (c *Cloud) NewStack(name, logicalID string) *Stack {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	id := fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/5f0c2b10-0000-11ee-be56-%012d", c.Region, c.Account, name, c.serial)
	return &Stack{ID: id, Name: name, LogicalID: logicalID, State: None, cloud: c}
}

// Create adds the resource to the stack and reports whether it is there then. If it
// fails, or a sibling does, it is deleted again.
func (s *Stack) Create(ctx context.Context, properties map[string]any, how How) bool {
	if !s.may("Create", None) {
		return false
	}
	phases := creation
	if s.isWithout {
		phases = addition
	}
	s.phase(phases.during)
	s.status("CREATE_IN_PROGRESS")
	s.Abandoned, s.Tried = nil, nil
	o := s.send(ctx, Event{RequestType: "Create", ResourceProperties: properties}, how, how.GiveUp)
	s.PhysicalID, s.Properties, s.Data, s.Reason = o.id, properties, o.data, o.reason
	if !o.ok {
		s.status("CREATE_FAILED")
	} else {
		s.status("CREATE_COMPLETE")
		s.State = Live
		how.between()
		if !how.SiblingFails {
			s.isWithout = false
			s.phase(phases.complete)
			return true
		}
	}
	s.phase(phases.back)
	if s.delete(ctx, how) {
		s.phase(phases.isBack)
	} else {
		s.phase(phases.isNotBack)
	}
	return false
}

// addPhases are the statuses of a stack to which its resource is added.
type addPhases struct {
	during, complete string
	back             string // while the resource is deleted again
	isBack           string // afterwards
	isNotBack        string // afterwards, if that failed
}

// The resource is added with its stack, or by an update. There it is deleted in the clean-up,
// whose failures are none of the stack.
var (
	creation = addPhases{"CREATE_IN_PROGRESS", "CREATE_COMPLETE", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
	addition = addPhases{"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
		"UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
)

// Update changes the properties and reports whether the resource has them then. If
// it fails, or a sibling does, CloudFormation goes back to what the stack was when it
// was last complete. After an update that failed with its rollback disabled, an Update
// with the properties that the resource has is an update of its siblings alone, unless
// it was the resource that failed: that is tried again.
func (s *Stack) Update(ctx context.Context, properties map[string]any, how How) bool {
	if !s.may("Update", Live, UpdateFailed) {
		return false
	}
	s.isRemoved = false // it is in the template again
	isSame := reflect.DeepEqual(stringsOf(properties), stringsOf(s.Properties)) && s.Tried == nil
	if s.State == Live {
		if isSame {
			return true // nothing to send
		}
		s.stable = s.current()
	}
	s.phase("UPDATE_IN_PROGRESS")
	ok := isSame || s.change(ctx, properties, how)
	return s.conclude(ctx, ok && !how.SiblingFails, how)
}

// change sends an Update.
func (s *Stack) change(ctx context.Context, properties map[string]any, how How) bool {
	s.status("UPDATE_IN_PROGRESS")
	o := s.send(ctx, Event{RequestType: "Update", PhysicalResourceId: s.PhysicalID, ResourceProperties: properties,
		OldResourceProperties: s.Properties}, how, how.GiveUp)
	s.Reason = o.reason
	if !o.ok {
		s.Tried = properties
		s.status("UPDATE_FAILED")
		return false
	}
	s.become(version{o.id, properties, o.data})
	s.status("UPDATE_COMPLETE")
	how.between()
	return true
}

// conclude ends an update of the stack, all of which has succeeded or not, and returns
// that.
func (s *Stack) conclude(ctx context.Context, ok bool, how How) bool {
	switch {
	case !ok && how.RollbackDisabled:
		s.State = UpdateFailed
		s.phase("UPDATE_FAILED")
		return ok
	case !ok:
		s.rollBack(ctx, how)
		return ok
	}
	s.phase("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
	if how.Nested {
		s.State = Waiting
		return ok
	}
	s.complete(ctx, how, "UPDATE_COMPLETE")
	return ok
}

// Delete removes the resource, as the deletion of the stack does, and reports whether that
// succeeded. What an update without a rollback has replaced goes first.
func (s *Stack) Delete(ctx context.Context, how How) bool {
	if !s.may("Delete", Live, UpdateFailed, DeleteFailed) {
		return false
	}
	s.phase("DELETE_IN_PROGRESS")
	if !s.delete(ctx, how) {
		s.phase("DELETE_FAILED")
		return false
	}
	s.isWithout = false
	s.phase("DELETE_COMPLETE")
	return true
}

func (s *Stack) delete(ctx context.Context, how How) bool {
	s.status("DELETE_IN_PROGRESS")
	for _, v := range append(slices.Clone(s.replaced), s.current()) {
		if o := s.send(ctx, deletionOf(v), how, nil); !o.ok {
			s.status("DELETE_FAILED")
			s.State, s.Reason = DeleteFailed, o.reason
			return false
		}
		s.replaced = s.replaced[min(1, len(s.replaced)):]
	}
	s.status("DELETE_COMPLETE")
	s.forget()
	return true
}

// forget ends the life of the resource.
func (s *Stack) forget() {
	s.State, s.isRemoved, s.Tried, s.replaced = None, false, nil, nil
	s.PhysicalID, s.Properties, s.Data = "", nil, nil
}

// Pending are the Deletes that come when the update is complete.
func (s *Stack) Pending() []Event {
	var all []Event
	for _, v := range s.replaced {
		all = append(all, deletionOf(v))
	}
	return all
}

func deletionOf(v version) Event {
	return Event{RequestType: "Delete", PhysicalResourceId: v.id, ResourceProperties: v.properties}
}

// send completes an event of this stack and delivers it.
func (s *Stack) send(ctx context.Context, e Event, how How, giveUp <-chan struct{}) outcome {
	e.ServiceToken = fmt.Sprintf("arn:aws:lambda:%s:%s:function:provider", s.cloud.Region, s.cloud.Account)
	e.StackId, e.LogicalResourceId, e.ResourceType = s.ID, s.LogicalID, "Custom::BucketUser"
	e.ResourceProperties = s.withToken(e.ResourceProperties, e.ServiceToken)
	if e.RequestType == "Update" {
		e.OldResourceProperties = s.withToken(e.OldResourceProperties, e.ServiceToken)
	}
	deliveries := 1
	if how.Twice {
		deliveries = 2
	}
	return s.cloud.send(ctx, e, s.PhysicalID, deliveries, giveUp)
}

func (s *Stack) status(status string) {
	time.Sleep(s.cloud.Pace)
	if s.cloud.Status != nil {
		s.cloud.Status(s.ID, s.LogicalID, s.PhysicalID, status)
	}
}

// phase tells the status of the stack itself.
func (s *Stack) phase(status string) {
	if s.cloud.StackStatus != nil {
		s.cloud.StackStatus(s.ID, status)
	}
}

// may reports whether CloudFormation would begin an operation, and records a
// violation if not.
func (s *Stack) may(operation string, states ...State) bool {
	if slices.Contains(states, s.State) {
		return true
	}
	s.cloud.mu.Lock()
	defer s.cloud.mu.Unlock()
	s.cloud.violate("%s of stack %s, whose resource is %s", operation, s.Name, s.State)
	return false
}
