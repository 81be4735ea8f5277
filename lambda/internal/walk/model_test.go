package walk_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// model is what must be true of the account, told in terms of what people did and
// what CloudFormation was answered, and nothing of how the function works. What is not
// promised it excuses by the number of an exclusion.
type model struct {
	g       *ground
	stacks  []*cfnfake.Stack
	excuses *sim.Excuses

	// What people did, or asked for.
	objects     map[string]map[string]string // by bucket and key: what nobody may lose
	foreign     awsfake.Snapshot             // what other people have under names that we might want
	shared      map[string]bool              // buckets whose policy has a statement of somebody else
	byHand      map[*cfnfake.Stack]bool      // changed by hand since its last Create or Update
	letGo       map[string]bool              // buckets that were to be kept at any time
	recoverable map[string]bool              // secrets that may be in their recovery window

	// What came in this step.
	late            map[string]bool   // stacks, by id, of which an earlier Create or Update came late
	toChangeNothing map[int]bool      // events that came late and must change nothing
	emptied         map[string]bool   // buckets that people wanted purged, by a Delete that came late
	owners          map[string]string // by bucket, the stack of the resource that had it before; "" for nobody
	mayHaveDied     bool              // something may have failed

	mayHaveDiedBefore bool // or in an earlier step
	seen              int  // exchanges that were taken into account
}

func newModel(g *ground) *model {
	return &model{g: g, excuses: g.course.excuses,
		objects: map[string]map[string]string{},
		foreign: awsfake.Snapshot{Users: map[string]awsfake.User{}, Buckets: map[string]awsfake.Bucket{}, Secrets: map[string]awsfake.Secret{}},
		shared:  map[string]bool{}, byHand: map[*cfnfake.Stack]bool{}, letGo: map[string]bool{}, recoverable: map[string]bool{},
		late: map[string]bool{}, toChangeNothing: map[int]bool{}, emptied: map[string]bool{}, owners: map[string]string{},
	}
}

// wrote notes an object that must not get lost.
func (m *model) wrote(bucket, key, body string) {
	if m.objects[bucket] == nil {
		m.objects[bucket] = map[string]string{}
	}
	m.objects[bucket][key] = body
}

// check compares the account with the model. It returns an error that says what is
// wrong, or nil.
func (m *model) check() error {
	m.learn()
	now := m.g.AWS.Snapshot()
	if v := m.g.cloud.Violations(); len(v) > 0 {
		return fmt.Errorf("the contract is broken: %s", strings.Join(v, "; "))
	}
	if err := m.checkData(now); err != nil {
		return err
	}
	expected := map[string]bool{}
	for _, stack := range m.stacks {
		if err := m.checkStack(now, stack, expected); err != nil {
			return err
		}
	}
	if err := m.checkRest(now, expected); err != nil {
		return err
	}
	m.learnOwners(now)
	return m.g.leaks(m.stacks)
}

// checkStack wants what a stack has to be right, and notes its names as expected.
func (m *model) checkStack(now awsfake.Snapshot, stack *cfnfake.Stack, expected map[string]bool) error {
	switch stack.State {
	case cfnfake.None:
		return nil
	case cfnfake.RollbackFailed:
		return fmt.Errorf("stack %s cannot be rolled back: %s", stack.Name, stack.Reason)
	case cfnfake.Live, cfnfake.DeleteFailed:
	}
	s, err := m.g.Parse(stack.ID, stack.Properties)
	if err != nil {
		return nil // its Delete failed before anything was made
	}
	for _, name := range names(s) {
		expected[name] = true
	}
	if stack.State != cfnfake.Live {
		return nil
	}
	if err := m.checkLive(now, stack, s); err != nil && !(m.byHand[stack] && m.excuses.Use(sim.ByHand)) {
		return fmt.Errorf("stack %s, %s: %w", stack.Name, stack.PhysicalID, err)
	}
	return nil
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
	now := m.g.AWS.Snapshot()
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
	return m.g.AWS.Snapshot().Buckets[s.BucketName].Tags[spec.TagAdopted] == "true"
}

func (m *model) holdsData(s spec.Spec) bool { return len(m.objects[s.BucketName]) > 0 }

// buckets are those that have data of people, in a fixed order.
func (m *model) buckets() []string { return slices.Sorted(maps.Keys(m.objects)) }
