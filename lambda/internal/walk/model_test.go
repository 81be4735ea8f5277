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
	w      *ground
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
	fenced   map[int]bool                 // events that came late in this step and must change nothing
	purged   map[string]bool              // buckets that a late Delete may empty in this step
	cutOff   map[string]bool              // buckets of which a delivery may have been cut off beside another of the same event
	owners   map[string]string            // by bucket, the stack of the resource that had it before this step; "" for nobody
	rough    bool                         // something may have failed in this step
	died     bool                         // or in an earlier one
	seen     int                          // exchanges that were taken into account
}

func newModel(w *ground) *model {
	return &model{w: w,
		objects: map[string]map[string]string{}, tampered: map[*cfnfake.Stack]bool{}, drifted: map[*cfnfake.Stack]bool{},
		foreign:  awsfake.Snapshot{Users: map[string]awsfake.User{}, Buckets: map[string]awsfake.Bucket{}, Secrets: map[string]awsfake.Secret{}},
		released: map[string]bool{}, messy: map[string]bool{}, kept: map[string]bool{}, lost: map[string]bool{},
		shared: map[string]bool{}, late: map[string]bool{}, fenced: map[int]bool{},
		purged: map[string]bool{}, cutOff: map[string]bool{}, owners: map[string]string{},
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
	now := m.w.AWS.Snapshot()
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
		s, err := m.w.Parse(stack.ID, stack.Properties)
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
	now := m.w.AWS.Snapshot()
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
	return m.w.AWS.Snapshot().Buckets[s.BucketName].Tags[spec.TagAdopted] == "true"
}

// mayHoldMarkers reports whether a bucket had an earlier life, or overlapping Updates,
// whose folder markers nobody can tell from data any more.
func (m *model) mayHoldMarkers(s spec.Spec) bool {
	return m.released[s.BucketName] || m.messy[s.BucketName]
}

func (m *model) holdsData(s spec.Spec) bool { return len(m.objects[s.BucketName]) > 0 }

// buckets are those that have data of people, in a fixed order.
func (m *model) buckets() []string { return slices.Sorted(maps.Keys(m.objects)) }
