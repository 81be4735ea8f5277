package walk_test

import (
	"slices"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// learn takes into account what CloudFormation has sent and received: consent to
// losing data, reasons for things to stay, and what was done beside each other.
func (m *model) learn() {
	past := m.g.cloud.Exchanges()
	for n := m.seen; n < len(past); n++ {
		if s, err := m.g.Parse(past[n].Event.StackId, past[n].Event.ResourceProperties); err == nil {
			m.learnEvent(n, past, s)
		}
	}
	m.seen, m.mayHaveDiedBefore, m.mayHaveDied = len(past), m.mayHaveDiedBefore || m.mayHaveDied, false
	for _, stack := range m.stacks {
		if m.late[stack.ID] {
			m.excuses.Give(sim.LaterCallWins, settingsOf(stack))
		}
		m.learnAbandoned(stack)
	}
	for bucket := range m.emptied {
		delete(m.objects, bucket)
	}
	clear(m.late)
	clear(m.toChangeNothing)
	clear(m.emptied)
}

// learnEvent takes into account what the n-th event asked for and how it came out.
func (m *model) learnEvent(n int, past []cfnfake.Exchange, s spec.Spec) {
	x := past[n]
	if s.SecretRecoveryDays > 0 {
		m.recoverable[s.SecretName] = true
	}
	switch {
	case x.Event.RequestType == "Delete" && s.OnDelete == spec.Purge:
		if !m.isOthers(x.Event.StackId, s.BucketName) {
			delete(m.objects, s.BucketName)
		}
	case x.Event.RequestType == "Delete" && s.OnDelete == spec.Retain,
		x.Event.RequestType == "Create" && x.Outcome != "SUCCESS",
		x.Event.RequestType == "Update" && x.Outcome != "SUCCESS" && s.PhysicalID != x.Event.PhysicalResourceId:
		m.letGo[s.BucketName] = true // if it holds anything
	}
	if x.Event.RequestType == "Delete" {
		return
	}
	m.learnSettings(x, s, m.hasRival(x, past))
	if slices.Contains(x.Beside, n) {
		m.excuses.Give(sim.PolicyAfterRelease, policyOf(s.BucketName))
		if m.mayHaveDied {
			m.excuses.Give(sim.ProbeLeft, probeIn(s.BucketName))
		}
	}
}

// learnSettings takes into account a Create or Update. One that succeeds repairs what
// was changed by hand. Nothing orders two of them that run beside each other.
func (m *model) learnSettings(x cfnfake.Exchange, s spec.Spec, isRivaled bool) {
	for _, stack := range m.stacks {
		switch {
		case stack.ID != x.Event.StackId:
		case isRivaled:
			m.excuses.Give(sim.LaterCallWins, settingsOf(stack))
			m.excuses.Give(sim.LaterCallWins, markersIn(s.BucketName))
		case x.Outcome == "SUCCESS" && stack.PhysicalID == s.PhysicalID:
			m.repaired(stack)
		}
	}
}

// repaired notes that a stack has what its properties say, or is about to be created.
func (m *model) repaired(stack *cfnfake.Stack) {
	m.byHand[stack] = false
	m.excuses.Withdraw(settingsOf(stack))
}

// hasRival reports whether another Create or Update of the same stack ran beside this
// one.
func (m *model) hasRival(x cfnfake.Exchange, past []cfnfake.Exchange) bool {
	return slices.ContainsFunc(x.Beside, func(n int) bool {
		other := past[n].Event
		return other.RequestId != x.Event.RequestId && other.StackId == x.Event.StackId && other.RequestType != "Delete" && !m.toChangeNothing[n]
	})
}

// mustChangeNothing reports whether the n-th event is one of an earlier step, and its set, or the
// one that it comes from, was ensured by a later event since, and not changed by hand
// after that.
func (m *model) mustChangeNothing(n int, past []cfnfake.Exchange) bool {
	e := past[n].Event
	if n >= m.seen {
		return false
	}
	for _, stack := range m.stacks {
		if stack.ID == e.StackId && m.byHand[stack] {
			return false
		}
	}
	return slices.ContainsFunc(past[n+1:], func(x cfnfake.Exchange) bool {
		id := x.Answer.PhysicalResourceId
		return x.Event.StackId == e.StackId && x.Event.RequestType != "Delete" && x.Outcome == "SUCCESS" &&
			(id == past[n].Answer.PhysicalResourceId || id == e.PhysicalResourceId)
	})
}

// learnAbandoned takes into account the Deletes that CloudFormation gave up on.
func (m *model) learnAbandoned(stack *cfnfake.Stack) {
	for _, e := range stack.Abandoned {
		if s, err := m.g.Parse(stack.ID, e.ResourceProperties); err == nil {
			for _, name := range names(s) {
				m.excuses.Give(sim.Forgotten, name)
			}
			m.excuses.Give(sim.Forgotten, markersIn(s.BucketName)) // an Update may come back to it, under other properties
		}
	}
}

// cameLate notes that an earlier event is delivered beside this step. The settings of
// an Update may be what stays until the next one, unless another has come since. A
// Delete goes on with one that failed.
func (m *model) cameLate(n int, past []cfnfake.Exchange) {
	e := past[n].Event
	s, err := m.g.Parse(e.StackId, e.ResourceProperties)
	switch {
	case err != nil:
	case e.RequestType != "Delete" && m.mustChangeNothing(n, past):
		m.toChangeNothing[n] = true
	case e.RequestType != "Delete":
		m.late[e.StackId] = true
		m.excuses.Give(sim.LaterCallWins, markersIn(s.BucketName))
	case s.OnDelete == spec.Purge && (m.isDeleteFailed(e.StackId) || m.isForgotten(e)) && !m.isOthers(e.StackId, s.BucketName):
		m.emptied[s.BucketName] = true
	}
}

// isForgotten reports whether an event is about a set that CloudFormation has forgotten.
func (m *model) isForgotten(e cfnfake.Event) bool {
	s, err := m.g.Parse(e.StackId, e.ResourceProperties)
	return err == nil && slices.ContainsFunc(names(s), func(name string) bool { return m.excuses.Of(name) != 0 })
}

// isDeleteFailed reports whether a stack could not be deleted.
func (m *model) isDeleteFailed(stackID string) bool {
	return slices.ContainsFunc(m.stacks, func(stack *cfnfake.Stack) bool {
		return stack.ID == stackID && stack.State == cfnfake.DeleteFailed
	})
}

// isOthers reports whether somebody other than a stack had a bucket before this step:
// its consent does not extend to that.
func (m *model) isOthers(stackID, bucket string) bool {
	owner, ok := m.owners[bucket]
	return ok && owner != stackID
}

// learnOwners notes who has which bucket, for the next step.
func (m *model) learnOwners(now awsfake.Snapshot) {
	clear(m.owners)
	for name, bucket := range now.Buckets {
		m.owners[name] = bucket.Tags[spec.TagStackID]
	}
}
