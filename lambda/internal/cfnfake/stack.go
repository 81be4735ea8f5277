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
	None           State = "none"            // not there: never created, or deleted
	Live           State = "live"            // created, updated, or rolled back
	DeleteFailed   State = "delete failed"   // only Delete can follow
	RollbackFailed State = "rollback failed" // only ContinueRollback can follow
)

// A Stack is one stack with one custom resource of interest. Its fields are for
// reading. One operation runs at a time.
type Stack struct {
	ID, Name, LogicalID string

	State      State
	PhysicalID string
	Properties map[string]any    // those that the resource has, or had when its Delete failed
	Data       map[string]string // Fn::GetAtt
	Reason     string            // of the last failure

	// Abandoned are the Deletes after a replacement that failed for good:
	// CloudFormation forgets what they were for.
	Abandoned []Event

	cloud  *Cloud
	resume func(context.Context, How) bool // the rest of a rollback that failed
}

// How is what else happens during an operation. The zero value is that nothing does.
type How struct {
	// SiblingFails makes another resource fail after this one succeeded: the
	// operation is rolled back.
	SiblingFails bool
	// GiveUp, when it is closed, makes another resource fail while this one is
	// created or updated. CloudFormation does not wait for the answer.
	GiveUp <-chan struct{}
	// Twice delivers each event two times, beside each other.
	Twice bool
	// OnlyDelete rolls a replacement back by nothing but a Delete of the new id,
	// without the Update that goes back.
	OnlyDelete bool
	// CleanupStatus is the status of the resource while a replaced one is deleted.
	// Empty means UPDATE_COMPLETE.
	CleanupStatus string
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
	s.status("CREATE_IN_PROGRESS")
	s.Abandoned = nil
	o := s.send(ctx, Event{RequestType: "Create", ResourceProperties: properties}, how, how.GiveUp)
	s.PhysicalID, s.Properties, s.Data, s.Reason = o.id, properties, o.data, o.reason
	if !o.ok {
		s.status("CREATE_FAILED")
	} else {
		s.status("CREATE_COMPLETE")
		s.State = Live
		if !how.SiblingFails {
			return true
		}
	}
	s.delete(ctx, how)
	return false
}

// Update changes the properties and reports whether the resource has them then. If
// it fails, or a sibling does, CloudFormation goes back to the old ones.
func (s *Stack) Update(ctx context.Context, properties map[string]any, how How) bool {
	if !s.may("Update", Live) {
		return false
	}
	old, oldID := s.Properties, s.PhysicalID
	if reflect.DeepEqual(stringsOf(properties), stringsOf(old)) {
		return true // nothing to send
	}
	s.status("UPDATE_IN_PROGRESS")
	o := s.send(ctx, Event{RequestType: "Update", PhysicalResourceId: oldID, ResourceProperties: properties, OldResourceProperties: old},
		how, how.GiveUp)
	s.Reason = o.reason
	back := func(id string) func(context.Context, How) bool {
		return func(ctx context.Context, how How) bool { return s.goBack(ctx, id, old, properties, how) }
	}
	switch {
	case !o.ok:
		s.status("UPDATE_FAILED")
		s.rollBack(ctx, back(oldID), how)
		return false
	case !how.SiblingFails:
		s.PhysicalID, s.Properties, s.Data = o.id, properties, o.data
		s.status("UPDATE_COMPLETE")
		if o.id != oldID {
			s.cleanUp(ctx, oldID, old, how)
		}
		return true
	case o.id != oldID && how.OnlyDelete:
		s.status("UPDATE_COMPLETE")
		s.cleanUp(ctx, o.id, properties, how)
		return false
	default:
		s.PhysicalID = o.id // until the rollback is through
		s.status("UPDATE_COMPLETE")
		s.rollBack(ctx, back(o.id), how)
		return false
	}
}

// goBack sends the Update that returns from properties to old, for the resource of
// the given id.
func (s *Stack) goBack(ctx context.Context, id string, old, properties map[string]any, how How) bool {
	s.status("UPDATE_IN_PROGRESS")
	o := s.send(ctx, Event{RequestType: "Update", PhysicalResourceId: id, ResourceProperties: old, OldResourceProperties: properties}, how, nil)
	if !o.ok {
		s.status("UPDATE_FAILED")
		s.Reason = o.reason
		return false
	}
	s.PhysicalID, s.Properties, s.Data = o.id, old, o.data
	s.status("UPDATE_COMPLETE")
	if o.id != id {
		s.cleanUp(ctx, id, properties, how)
	}
	return true
}

func (s *Stack) rollBack(ctx context.Context, back func(context.Context, How) bool, how How) {
	s.State, s.resume = Live, nil
	if !back(ctx, how) {
		s.State, s.resume = RollbackFailed, back
	}
}

// ContinueRollback tries a failed rollback again and reports whether it succeeded.
func (s *Stack) ContinueRollback(ctx context.Context, how How) bool {
	if !s.may("ContinueRollback", RollbackFailed) {
		return false
	}
	s.rollBack(ctx, s.resume, how)
	return s.State == Live
}

// cleanUp deletes what a replacement has left behind. It gives up after a while,
// without a failure of the stack.
func (s *Stack) cleanUp(ctx context.Context, id string, properties map[string]any, how How) {
	e := Event{RequestType: "Delete", PhysicalResourceId: id, ResourceProperties: properties}
	if how.CleanupStatus != "" {
		s.status(how.CleanupStatus)
		defer s.status("UPDATE_COMPLETE")
	}
	for range cleanupAttempts {
		o := s.send(ctx, e, how, nil)
		if o.ok {
			return
		}
		s.Reason = o.reason
	}
	s.Abandoned = append(s.Abandoned, e)
}

// Delete removes the resource and reports whether that succeeded.
func (s *Stack) Delete(ctx context.Context, how How) bool {
	return s.may("Delete", Live, DeleteFailed) && s.delete(ctx, how)
}

func (s *Stack) delete(ctx context.Context, how How) bool {
	s.status("DELETE_IN_PROGRESS")
	o := s.send(ctx, Event{RequestType: "Delete", PhysicalResourceId: s.PhysicalID, ResourceProperties: s.Properties}, how, nil)
	if !o.ok {
		s.status("DELETE_FAILED")
		s.State, s.Reason = DeleteFailed, o.reason
		return false
	}
	s.status("DELETE_COMPLETE")
	s.State, s.PhysicalID, s.Properties, s.Data = None, "", nil, nil
	return true
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
	return s.cloud.send(ctx, e, deliveries, giveUp)
}

func (s *Stack) status(status string) {
	time.Sleep(s.cloud.Pace)
	if s.cloud.Status != nil {
		s.cloud.Status(s.ID, s.LogicalID, s.PhysicalID, status)
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
