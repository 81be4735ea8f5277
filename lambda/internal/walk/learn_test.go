package walk_test

import (
	"maps"
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
		if err := sim.Advice(past[n].Event.RequestType, "", past[n].Answer.Reason); err != nil { // by whatever status
			m.wrong = append(m.wrong, err)
		}
		if s, err := m.g.Parse(past[n].Event.StackId, past[n].Event.ResourceProperties); err == nil {
			m.learnEvent(n, past, s)
		}
	}
	m.seen, m.mayHaveDiedBefore, m.mayHaveDied, m.mayRepeat = len(past), m.mayHaveDiedBefore || m.mayHaveDied, false, false
	for _, stack := range m.stacks {
		if m.late[stack.ID] {
			m.excuses.Give(sim.LaterCallWins, settingsOf(stack.PhysicalID))
		}
		m.learnAbandoned(stack)
	}
	for bucket := range m.emptied {
		delete(m.objects, bucket)
	}
	now := m.g.AWS.Snapshot()
	maps.DeleteFunc(m.wiped, func(name string, _ bool) bool { _, ok := now.Secrets[name]; return !ok })
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
	defer m.learnTheirs(x, s)
	m.learnKeysOf(x, s)
	if x.Event.RequestType == "Delete" {
		m.learnDelete(x, s)
		m.learnConsent(x, s)
		return
	}
	isNew := x.Event.RequestType == "Create" || s.PhysicalID != x.Event.PhysicalResourceId
	switch {
	case isNew && x.Outcome != "SUCCESS":
		m.letGo[s.BucketName] = true // if it holds anything
	case isNew:
		old, _ := m.g.Parse(x.Event.StackId, x.Event.OldResourceProperties)
		m.before[s.PhysicalID] = old
	case !isNew && x.Outcome == "SUCCESS":
		m.learnBack(x, s)
	}
	m.learnSettings(x, s, m.hasRival(x, past))
	if slices.Contains(x.Beside, n) {
		m.excuses.Give(sim.PolicyAfterRelease, policyOf(s.BucketName))
		m.excuses.Give(sim.KeyUnseen, keysOf(s.PhysicalID))
		if m.mayHaveDied {
			m.excuses.Give(sim.ProbeLeft, probeIn(s.BucketName))
		}
	}
}

// learnConsent takes into account what a Delete may do to the bucket. Nobody has consented to losing
// data with what was replaced, or with what was there before.
func (m *model) learnConsent(x cfnfake.Exchange, s spec.Spec) {
	isReplaced := x.Known != x.Event.PhysicalResourceId
	if s.OnDelete == spec.Retain || isReplaced || m.mayBeReleased(s) {
		m.letGo[s.BucketName] = true // if it holds anything
	}
	if s.OnDelete == spec.Purge && !isReplaced && !m.isAdopted(s) && !m.isOthers(x.Event.StackId, s.BucketName) {
		delete(m.objects, s.BucketName)
	}
}

// learnBack takes into account an Update that goes back from a set which the Update before could
// not make: it has removed what that left.
func (m *model) learnBack(x cfnfake.Exchange, s spec.Spec) {
	from, err := m.g.Parse(x.Event.StackId, x.Event.OldResourceProperties)
	if err != nil || m.tried[from.PhysicalID] == "" {
		return
	}
	delete(m.tried, from.PhysicalID)
	m.excuses.Withdraw(setOf(from.PhysicalID))
}

// learnSettings takes into account a Create or Update. One that succeeds repairs what
// was changed by hand. Nothing orders two of them that run beside each other.
func (m *model) learnSettings(x cfnfake.Exchange, s spec.Spec, isRivaled bool) {
	switch {
	case isRivaled:
		m.excuses.Give(sim.LaterCallWins, settingsOf(s.PhysicalID))
		m.excuses.Give(sim.LaterCallWins, settingsOf(x.Event.PhysicalResourceId))
		m.excuses.Give(sim.LaterCallWins, markersIn(s.BucketName))
	case x.Outcome == "SUCCESS":
		wasByHand := m.byHand[s.PhysicalID]
		m.repaired(s.PhysicalID)
		m.byHand[s.PhysicalID] = m.isUnhealed(x, s) || wasByHand && isHindered(m.g.AWS.Snapshot(), s)
	}
}

// repaired notes that a set is what its properties say, or is about to be created.
func (m *model) repaired(id string) {
	m.byHand[id] = false
	m.excuses.Withdraw(settingsOf(id))
	m.excuses.Withdraw(keysOf(id))
}

// isUnhealed reports whether the value of a secret may be a corrupted one still, though an event
// has succeeded: only an Update of the set tries the key, and may have had another answer.
func (m *model) isUnhealed(x cfnfake.Exchange, s spec.Spec) bool {
	if !m.mayHaveDied && x.Event.RequestType == "Update" && x.Event.PhysicalResourceId == s.PhysicalID {
		delete(m.unhealed, s.SecretName)
	}
	return m.unhealed[s.SecretName]
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
	if n >= m.seen || m.isChanged(past[n]) {
		return false
	}
	return slices.ContainsFunc(past[n+1:], func(x cfnfake.Exchange) bool {
		id := x.Answer.PhysicalResourceId
		return x.Event.StackId == e.StackId && x.Event.RequestType != "Delete" && x.Outcome == "SUCCESS" &&
			(id == past[n].Answer.PhysicalResourceId || id == e.PhysicalResourceId)
	})
}

// learnAbandoned takes into account the sets that CloudFormation knows no more: those of
// Deletes that it gave up on, and that of an Update that has failed without a rollback.
func (m *model) learnAbandoned(stack *cfnfake.Stack) {
	for _, e := range stack.Abandoned {
		if e.PhysicalResourceId != stack.PhysicalID { // or it is in force again
			m.forget(stack, e.ResourceProperties)
		}
	}
	m.learnTried(stack)
	if len(stack.Abandoned)+len(stack.Pending()) > 0 || stack.Tried != nil {
		m.twins[stack.ID] = true
	}
	for _, s := range m.sets(stack) {
		m.excuses.Withdraw(setOf(s.PhysicalID))
	}
}

// learnTried takes into account the Update that has failed without a rollback.
func (m *model) learnTried(stack *cfnfake.Stack) {
	s, err := m.g.Parse(stack.ID, stack.Properties)
	if err != nil || stack.Tried == nil {
		return
	}
	tried := m.forget(stack, stack.Tried)
	switch from := m.tried[tried.PhysicalID]; {
	case tried.PhysicalID == s.PhysicalID && tried.MarkerKey() != s.MarkerKey():
		m.excuses.Give(sim.MarkerMoved, markersIn(s.BucketName))
	case tried.PhysicalID == s.PhysicalID:
	case from != "" && from != s.PhysicalID:
		m.tried[tried.PhysicalID] = "several"
	default:
		m.tried[tried.PhysicalID] = s.PhysicalID
	}
}

// forget notes that CloudFormation does not know of a set that may be there.
func (m *model) forget(stack *cfnfake.Stack, p sim.Properties) spec.Spec {
	s, err := m.g.Parse(stack.ID, p)
	if err != nil || s.PhysicalID == stack.PhysicalID {
		return s
	}
	m.excuses.Give(sim.Forgotten, setOf(s.PhysicalID))
	m.excuses.Give(sim.Forgotten, markersIn(s.BucketName)) // an Update may come back to it, under other properties
	return s
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
	case s.OnDelete == spec.Purge && m.mayPurge(past[n]) && !m.isAdopted(s) && !m.isOthers(e.StackId, s.BucketName):
		m.emptied[s.BucketName] = true
	}
	if err == nil && (m.isChanged(past[n]) || e.RequestType == "Delete" && m.isForgotten(e)) { // the resource may have another id by now
		m.letGo[s.BucketName] = true
	}
}

// isChanged reports whether a set that an event is about, or comes from, was changed by hand.
func (m *model) isChanged(x cfnfake.Exchange) bool {
	s, _ := m.g.Parse(x.Event.StackId, x.Event.ResourceProperties)
	return m.byHand[s.PhysicalID] || m.byHand[x.Event.PhysicalResourceId]
}

// mayPurge reports whether a Delete that comes late may go on with one that failed, or with what
// CloudFormation has forgotten, and what it deletes is not the other side of what is there.
func (m *model) mayPurge(x cfnfake.Exchange) bool {
	isThere := slices.ContainsFunc(m.stacks, func(stack *cfnfake.Stack) bool {
		return stack.ID == x.Event.StackId && stack.State != cfnfake.None
	})
	isReplaced := x.Known != x.Event.PhysicalResourceId && isThere
	return !isReplaced && (m.isDeleteFailed(x.Event.StackId) || m.isForgotten(x.Event))
}

// isForgotten reports whether an event is about a set that CloudFormation has forgotten.
func (m *model) isForgotten(e cfnfake.Event) bool {
	s, err := m.g.Parse(e.StackId, e.ResourceProperties)
	return err == nil && m.excuses.Of(setOf(s.PhysicalID)) != 0
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
