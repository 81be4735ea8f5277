package walk_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/spec"
)

// model is what must be true of the account, told in terms of what people did and
// what CloudFormation was answered, and nothing of how the function works.
type model struct {
	w      *world
	stacks []*cfnfake.Stack

	objects  map[string]map[string]string // by bucket and key: what people wrote and nobody may lose
	tampered map[*cfnfake.Stack]bool      // changed by hand since its last Create or Update
	drifted  map[*cfnfake.Stack]bool      // its last Update had another one beside it, so its settings are those of either
	foreign  awsfake.Snapshot             // what other people have under names that we might want
	released map[string]bool              // buckets that were let go of at any time
	messy    map[string]bool              // buckets that may hold a folder marker of other properties
	kept     map[string]bool              // secrets that may be in their recovery window
	lost     map[string]bool              // names of Deletes that CloudFormation gave up on
	shared   map[string]bool              // buckets whose policy has a statement of somebody else
	late     map[string]bool              // stacks, by id, of which an earlier Create or Update came late in this step
	probed   map[string]bool              // buckets that may hold the probe of a delivery that was cut off beside another
	owners   map[string]string            // by bucket, the stack of the resource that had it before this step; "" for nobody
	rough    bool                         // something may have failed in this step
	seen     int                          // exchanges that were taken into account
}

func newModel(w *world) *model {
	return &model{w: w,
		objects: map[string]map[string]string{}, tampered: map[*cfnfake.Stack]bool{}, drifted: map[*cfnfake.Stack]bool{},
		foreign:  awsfake.Snapshot{Users: map[string]awsfake.User{}, Buckets: map[string]awsfake.Bucket{}, Secrets: map[string]awsfake.Secret{}},
		released: map[string]bool{}, messy: map[string]bool{}, kept: map[string]bool{}, lost: map[string]bool{},
		shared: map[string]bool{}, late: map[string]bool{},
		probed: map[string]bool{}, owners: map[string]string{},
	}
}

// wrote notes an object that must not get lost.
func (m *model) wrote(bucket, key, body string) {
	if m.objects[bucket] == nil {
		m.objects[bucket] = map[string]string{}
	}
	m.objects[bucket][key] = body
}

// learn takes into account what CloudFormation has sent and received: consent to
// losing data, reasons for things to stay, and what was done beside each other.
func (m *model) learn() {
	past := m.w.cloud.Exchanges()
	for n, x := range past[m.seen:] {
		s, err := m.w.parse(x.Event.StackId, x.Event.ResourceProperties)
		if err != nil {
			continue
		}
		if s.SecretRecoveryDays > 0 {
			m.kept[s.SecretName] = true
		}
		switch {
		case x.Event.RequestType == "Delete" && s.OnDelete == spec.Purge:
			if !m.isOthers(x.Event.StackId, s.BucketName) {
				delete(m.objects, s.BucketName)
			}
		case x.Event.RequestType == "Delete" && s.OnDelete == spec.Retain,
			x.Event.RequestType == "Create" && x.Outcome != "SUCCESS",
			x.Event.RequestType == "Update" && x.Outcome != "SUCCESS" && s.PhysicalID != x.Event.PhysicalResourceId:
			m.released[s.BucketName] = true // if it holds anything
		}
		if x.Event.RequestType != "Delete" {
			m.learnSettings(x, s, hasRival(x, past))
			m.probed[s.BucketName] = m.probed[s.BucketName] || m.rough && slices.Contains(x.Beside, m.seen+n)
		}
	}
	m.seen, m.rough = len(past), false
	for _, stack := range m.stacks {
		m.drifted[stack] = m.drifted[stack] || m.late[stack.ID]
		m.learnAbandoned(stack)
	}
	clear(m.late)
}

// learnSettings takes into account a Create or Update. One that succeeds repairs what
// was changed by hand. Nothing orders two of them that run beside each other.
func (m *model) learnSettings(x cfnfake.Exchange, s spec.Spec, rival bool) {
	for _, stack := range m.stacks {
		switch {
		case stack.ID != x.Event.StackId:
		case rival:
			m.drifted[stack], m.messy[s.BucketName] = true, true
		case x.Outcome == "SUCCESS" && stack.PhysicalID == s.PhysicalID:
			m.drifted[stack], m.tampered[stack] = false, false
		}
	}
}

// hasRival reports whether another Create or Update of the same stack ran beside this
// one.
func hasRival(x cfnfake.Exchange, past []cfnfake.Exchange) bool {
	return slices.ContainsFunc(x.Beside, func(n int) bool {
		other := past[n].Event
		return other.RequestId != x.Event.RequestId && other.StackId == x.Event.StackId && other.RequestType != "Delete"
	})
}

// learnAbandoned takes into account the Deletes that CloudFormation gave up on.
func (m *model) learnAbandoned(stack *cfnfake.Stack) {
	for _, e := range stack.Abandoned {
		if s, err := m.w.parse(stack.ID, e.ResourceProperties); err == nil {
			for _, name := range names(s) {
				m.lost[name] = true
			}
			m.messy[s.BucketName] = true // an Update may come back to it, under other properties
		}
	}
}

// cameLate notes that an earlier event is delivered beside this step. Its settings may
// be what stays until the next Update.
func (m *model) cameLate(e cfnfake.Event) {
	if s, err := m.w.parse(e.StackId, e.ResourceProperties); err == nil && e.RequestType != "Delete" {
		m.messy[s.BucketName], m.late[e.StackId] = true, true
	}
}

// check compares the account with the model. It returns an error that says what is
// wrong, or nil.
func (m *model) check() error {
	m.learn()
	now := m.w.aws.Snapshot()
	if v := m.w.cloud.Violations(); len(v) > 0 {
		return fmt.Errorf("the contract is broken: %s", strings.Join(v, "; "))
	}
	if err := m.checkData(now); err != nil {
		return err
	}
	expected := map[string]bool{}
	for _, stack := range m.stacks {
		if stack.State == cfnfake.RollbackFailed {
			return fmt.Errorf("stack %s cannot be rolled back: %s", stack.Name, stack.Reason)
		}
		if stack.State == cfnfake.None {
			continue
		}
		s, err := m.w.parse(stack.ID, stack.Properties)
		if err != nil {
			continue // its Delete failed before anything was made
		}
		for _, name := range names(s) {
			expected[name] = true
		}
		if stack.State == cfnfake.Live && !m.tampered[stack] {
			if err := m.checkLive(now, stack, s); err != nil {
				return fmt.Errorf("stack %s, %s: %w", stack.Name, stack.PhysicalID, err)
			}
		}
	}
	if err := m.checkRest(now, expected); err != nil {
		return err
	}
	m.learnOwners(now)
	return m.w.leaks(m.stacks)
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

// names are those of a set, with their kind.
func names(s spec.Spec) []string {
	return []string{"bucket " + s.BucketName, "user " + s.UserName, "secret " + s.SecretName}
}

func (m *model) checkData(now awsfake.Snapshot) error {
	for bucket, objects := range m.objects {
		for key, body := range objects {
			if !slices.ContainsFunc(now.Buckets[bucket].Objects[key], func(o awsfake.Object) bool { return o.Body == body }) {
				return fmt.Errorf("data lost: object %s of bucket %s", key, bucket)
			}
		}
	}
	return nil
}

// isFree reports whether nothing in the account keeps a set from being created.
func (m *model) isFree(s spec.Spec) bool {
	now := m.w.aws.Snapshot()
	_, user := now.Users[s.UserName]
	_, secret := now.Secrets[s.SecretName]
	_, bucket := now.Buckets[s.BucketName]
	return !user && !secret && !bucket
}

// isForeign reports whether somebody else has a name of a set.
func (m *model) isForeign(s spec.Spec) bool {
	_, user := m.foreign.Users[s.UserName]
	_, secret := m.foreign.Secrets[s.SecretName]
	_, bucket := m.foreign.Buckets[s.BucketName]
	return user || secret || bucket
}

// isAdopted reports whether the bucket of a set was there before it.
func (m *model) isAdopted(s spec.Spec) bool {
	return m.w.aws.Snapshot().Buckets[s.BucketName].Tags[spec.TagAdopted] == "true"
}

// mayHoldMarkers reports whether a bucket had an earlier life, or overlapping Updates,
// whose folder markers nobody can tell from data any more.
func (m *model) mayHoldMarkers(s spec.Spec) bool {
	return m.released[s.BucketName] || m.messy[s.BucketName]
}

func (m *model) holdsData(s spec.Spec) bool { return len(m.objects[s.BucketName]) > 0 }

// buckets are those that have data of people, in a fixed order.
func (m *model) buckets() []string { return slices.Sorted(maps.Keys(m.objects)) }
