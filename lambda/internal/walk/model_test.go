package walk_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bucketuser/lambda/claim"
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
	versioned   map[string]bool              // buckets whose versioning others have turned on since an event named it
	byHand      map[string]bool              // sets, by id, that were changed by hand since their last Create or Update
	letGo       map[string]bool              // buckets that were to be kept at any time
	recoverable map[string]bool              // secrets that may be in their recovery window
	losses      map[string]*loss             // by kind and name: what has lost its tags
	wiped       map[string]bool              // secrets that have lost their tags once, and what those said of the bucket
	unhealed    map[string]bool              // secrets whose value was corrupted, and not seen healed
	displaced   map[string]bool              // keys, by id, that a corrupted value named: they may stay
	kept        map[string]bool              // buckets that were let go of once: nobody deletes them any more
	twins       map[string]bool              // stacks, by id, that had more sets than one at the end of a step
	before      map[string]spec.Spec         // by the id of a set: the one that it has replaced
	tried       map[string]string            // by the id of a set that an Update without a rollback has tried: the id it came from

	// What came in this step.
	late            map[string]bool   // stacks, by id, of which an earlier Create or Update came late
	toChangeNothing map[int]bool      // events that came late and must change nothing
	emptied         map[string]bool   // buckets that people wanted purged, by a Delete that came late
	owners          map[string]string // by bucket, the stack of the resource that had it before; "" for nobody
	mayHaveDied     bool              // something may have failed
	mayRepeat       bool              // an event may have been delivered twice
	wrong           []error           // found while learning
	theirs          theirs            // what others have

	// What there is of keys.
	keyrings  map[string]keyring   // by user
	firstSeen map[string]time.Time // keys, by id
	ensured   map[string]time.Time // sets, by id: when the last event was sent that succeeded
	isStale   map[string]bool      // sets, by id, whose outputs may say a key of before a rotation
	movedBack map[string]bool      // secrets of which people have moved AWSCURRENT: the value may have another serial
	calls     int                  // that were taken into account
	minted    map[string]int       // keys that were made in this step, by user
	retires   map[string]bool      // sets, by id, of which an event of this step may retire a key
	begins    map[string]bool      // sets, by id, that an event of this step may have begun or removed
	isRotated map[string]bool      // sets, by id, that were rotated in this step

	mayHaveDiedBefore bool // or in an earlier step
	seen              int  // exchanges that were taken into account
}

func newModel(g *ground) *model {
	return &model{g: g, excuses: g.course.excuses,
		objects:   map[string]map[string]string{},
		foreign:   awsfake.Snapshot{Users: map[string]awsfake.User{}, Buckets: map[string]awsfake.Bucket{}, Secrets: map[string]awsfake.Secret{}},
		versioned: map[string]bool{}, byHand: map[string]bool{}, letGo: map[string]bool{}, recoverable: map[string]bool{},
		losses: map[string]*loss{}, wiped: map[string]bool{}, unhealed: map[string]bool{}, displaced: map[string]bool{},
		kept: map[string]bool{}, twins: map[string]bool{}, tried: map[string]string{}, before: map[string]spec.Spec{},
		keyrings: map[string]keyring{}, firstSeen: map[string]time.Time{}, ensured: map[string]time.Time{}, isStale: map[string]bool{}, movedBack: map[string]bool{},
		minted: map[string]int{}, retires: map[string]bool{}, begins: map[string]bool{}, isRotated: map[string]bool{},
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
	m.learnKeys(now)
	if v := m.g.cloud.Violations(); len(v) > 0 {
		return fmt.Errorf("the contract is broken: %s", strings.Join(v, "; "))
	}
	if err := errors.Join(append(m.wrong, m.checkData(now), m.checkKept(now), m.checkLosses(now), m.checkTheirs(now))...); err != nil {
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
	clear(m.minted)
	for _, ofStep := range []map[string]bool{m.retires, m.begins, m.isRotated} {
		clear(ofStep)
	}
	return m.g.leaks(m.stacks)
}

// checkStack wants what a stack has to be right, and notes its names as expected.
func (m *model) checkStack(now awsfake.Snapshot, stack *cfnfake.Stack, expected map[string]bool) error {
	if stack.State == cfnfake.RollbackFailed {
		return fmt.Errorf("stack %s cannot be rolled back: %s", stack.Name, stack.Reason)
	}
	sets := m.sets(stack)
	for _, s := range sets {
		for _, name := range names(s) {
			expected[name] = true
		}
	}
	switch stack.State {
	case cfnfake.None, cfnfake.DeleteFailed, cfnfake.RollbackFailed:
		return nil
	case cfnfake.Live, cfnfake.Waiting, cfnfake.UpdateFailed:
	}
	if err := m.checkLive(now, stack, sets[0]); err != nil && !(m.byHand[stack.PhysicalID] && m.excuses.Use(sim.ByHand)) {
		return fmt.Errorf("stack %s, %s: %w", stack.Name, stack.PhysicalID, err)
	}
	return nil
}

// allSets are those of all stacks.
func (m *model) allSets() (all []spec.Spec) {
	for _, stack := range m.stacks {
		all = append(all, m.sets(stack)...)
	}
	return all
}

// sets are what CloudFormation knows of a stack's resource: the one that it has, and those that
// are to be deleted when an update is complete. Properties that were refused made nothing.
func (m *model) sets(stack *cfnfake.Stack) (all []spec.Spec) {
	if stack.State == cfnfake.None {
		return nil
	}
	known := []sim.Properties{stack.Properties}
	for _, e := range stack.Pending() {
		known = append(known, e.ResourceProperties)
	}
	for _, p := range known {
		if s, err := m.g.Parse(stack.ID, p); err == nil {
			all = append(all, s)
		}
	}
	return all
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

// isForgottenOf reports whether a set is one of a stack that was removed from its template and forgotten,
// and is there as it was: it can be added again.
func (m *model) isForgottenOf(stack *cfnfake.Stack, s spec.Spec) bool {
	now, own := m.g.AWS.Snapshot(), claim.OwnerTags(s)
	isWhole := isSubset(own, now.Users[s.UserName].Tags) && isSubset(own, now.Secrets[s.SecretName].Tags) && isSubset(own, now.Buckets[s.BucketName].Tags)
	isAdopted := m.isAdopted(s) || m.wiped[s.SecretName] || m.lostOf(s).any()
	return isWhole && !isAdopted && slices.ContainsFunc(stack.Abandoned, func(e cfnfake.Event) bool { return e.PhysicalResourceId == s.PhysicalID })
}

// isUntold reports whether a set of a stack has lost tags and no Delete has said so.
func (m *model) isUntold(stack *cfnfake.Stack) bool {
	return slices.ContainsFunc(m.sets(stack), func(s spec.Spec) bool {
		return slices.ContainsFunc(names(s), func(name string) bool { l := m.lossOf(s, name); return l != nil && !l.isTold })
	})
}

// isForeign reports whether somebody else has a name of a set.
func (m *model) isForeign(s spec.Spec) bool {
	_, user := m.foreign.Users[s.UserName]
	_, secret := m.foreign.Secrets[s.SecretName]
	_, bucket := m.foreign.Buckets[s.BucketName]
	return user || secret || bucket
}

// isAdopted reports whether the bucket of a set was there before it.
func (m *model) isAdopted(s spec.Spec) bool { return m.kept[s.BucketName] }

// mayBeReleased reports whether the bucket of a set may be released where another would be deleted, or
// be the reason of a failure: it was adopted, or what says that it was not is lost; or there is,
// or was, another set to which it may be the other side of a replacement.
func (m *model) mayBeReleased(s spec.Spec) bool {
	_, isTaken := m.foreign.Secrets[s.SecretName] // since it was deleted by hand, or by a Delete that was cut off
	return m.isAdopted(s) || m.wiped[s.SecretName] || m.lostOf(s).any() || m.twins[s.StackID] || isTaken || m.mayBeThere(m.before[s.PhysicalID])
}

// mayBeThere reports whether there is a secret or a user under the names of a set that was replaced, without any
// owner: nobody can tell whether it is that set's, and has lost its tags, or somebody's who has taken the name since,
// another stack whose tags are lost among them.
func (m *model) mayBeThere(replaced spec.Spec) bool {
	_, isSecret := m.foreign.Secrets[replaced.SecretName]
	_, isUser := m.foreign.Users[replaced.UserName]
	return isSecret || isUser || m.losses["secret "+replaced.SecretName] != nil || m.losses["user "+replaced.UserName] != nil
}

// checkKept wants every bucket that was let go of to be there still.
func (m *model) checkKept(now awsfake.Snapshot) error {
	for name := range m.kept {
		if _, ok := now.Buckets[name]; !ok {
			return fmt.Errorf("bucket %s was adopted, and is deleted", name)
		}
	}
	for name, bucket := range now.Buckets {
		if bucket.Tags[spec.TagOwner] == spec.Released {
			m.kept[name] = true
		}
	}
	return nil
}

func (m *model) holdsData(s spec.Spec) bool { return len(m.objects[s.BucketName]) > 0 }

// buckets are those that have data of people, in a fixed order.
func (m *model) buckets() []string { return slices.Sorted(maps.Keys(m.objects)) }
