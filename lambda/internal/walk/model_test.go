package walk_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

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
	drifted  map[*cfnfake.Stack]bool      // an Update and its rollback ran beside each other since
	foreign  awsfake.Snapshot             // what other people have under names that we might want
	released map[string]bool              // buckets that were let go of at any time
	messy    map[string]bool              // buckets that may hold a folder marker of other properties
	kept     map[string]bool              // secrets that may be in their recovery window
	lost     map[string]bool              // names of Deletes that CloudFormation gave up on
	seen     int                          // exchanges that were taken into account
	past     []cfnfake.Exchange
}

func newModel(w *world) *model {
	return &model{w: w,
		objects: map[string]map[string]string{}, tampered: map[*cfnfake.Stack]bool{}, drifted: map[*cfnfake.Stack]bool{},
		foreign:  awsfake.Snapshot{Users: map[string]awsfake.User{}, Buckets: map[string]awsfake.Bucket{}, Secrets: map[string]awsfake.Secret{}},
		released: map[string]bool{}, messy: map[string]bool{}, kept: map[string]bool{}, lost: map[string]bool{},
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
// losing data, and reasons for things to stay.
func (m *model) learn() {
	m.past = m.w.cloud.Exchanges()
	for _, x := range m.past[m.seen:] {
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
		if x.Outcome != "SUCCESS" || x.Event.RequestType == "Delete" {
			continue
		}
		for _, stack := range m.stacks {
			if stack.ID == x.Event.StackId && stack.PhysicalID == s.PhysicalID {
				m.tampered[stack] = false // an Update repairs
			}
		}
	}
	m.seen = len(m.past)
	for _, stack := range m.stacks {
		for _, e := range stack.Abandoned {
			if s, err := m.w.parse(stack.ID, e.ResourceProperties); err == nil {
				for _, name := range names(s) {
					m.lost[name] = true
				}
				m.messy[s.BucketName] = true // an Update may come back to it, under other properties
			}
		}
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
	return m.w.leaks(m.stacks)
}

// isOthers reports whether a bucket is that of a resource in another stack, to which
// the consent of this one does not extend.
func (m *model) isOthers(stackID, bucket string) bool {
	return slices.ContainsFunc(m.stacks, func(stack *cfnfake.Stack) bool {
		s, err := m.w.parse(stack.ID, stack.Properties)
		return err == nil && stack.ID != stackID && stack.State != cfnfake.None && s.BucketName == bucket
	})
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

// checkLive is what a resource promises while it is there.
func (m *model) checkLive(now awsfake.Snapshot, stack *cfnfake.Stack, s spec.Spec) error {
	if stack.PhysicalID != s.PhysicalID {
		return fmt.Errorf("CloudFormation has another id than that of the properties, %s", s.PhysicalID)
	}
	user, secret, bucket := now.Users[s.UserName], now.Secrets[s.SecretName], now.Buckets[s.BucketName]
	if len(user.Keys) != 1 {
		return fmt.Errorf("the user has %d keys", len(user.Keys))
	}
	key := user.Keys[0]
	current := func(v awsfake.SecretVersion) bool { return slices.Contains(v.Stages, "AWSCURRENT") }
	i := slices.IndexFunc(secret.Versions, current)
	if i < 0 {
		return fmt.Errorf("the secret has no value")
	}
	var fields map[string]string
	if err := json.Unmarshal([]byte(secret.Versions[i].Value), &fields); err != nil {
		return fmt.Errorf("the secret holds no JSON object")
	}
	switch {
	case !key.Active || fields[spec.FieldAccessKeyID] != key.ID || fields[spec.FieldSecretAccessKey] != key.Secret:
		return fmt.Errorf("the secret is not that of the live key")
	case !isSubset(s.OwnerTags(), bucket.Tags) || !strings.Contains(bucket.Policy, `"`+s.UserARN()+`"`):
		return fmt.Errorf("the bucket does not let the user in")
	case m.drifted[stack]: // the settings are those of either
		return nil
	case !reflect.DeepEqual(fields, s.SecretValue(key.ID, key.Secret)):
		return fmt.Errorf("the secret is not that of the properties")
	case secret.DeletedDays > 0:
		return fmt.Errorf("the secret is being deleted")
	case !isSubset(s.OwnerTags(), user.Tags) || !isSubset(s.AllTags(), secret.Tags) || !isSubset(s.AllTags(), bucket.Tags):
		return fmt.Errorf("tags: %v, %v, %v", user.Tags, secret.Tags, bucket.Tags)
	case user.Path != spec.DefaultIAMPath || user.Boundary != boundary || len(user.Attached) > 0:
		return fmt.Errorf("user: %+v", user)
	case bucket.PublicAccessBlock != [4]bool{true, true, true, true}:
		return fmt.Errorf("the public access block is %v", bucket.PublicAccessBlock)
	case s.Versioning != (bucket.Versioning == "Enabled"):
		return fmt.Errorf("versioning is %q", bucket.Versioning)
	case daysOf(bucket) != s.AbortIncompleteUploadsAfterDays:
		return fmt.Errorf("the lifecycle is %v", bucket.Lifecycle)
	case stack.Data["AccessKeyId"] != key.ID || stack.Data["SecretArn"] != secret.ARN || stack.Data["BucketName"] != s.BucketName:
		return fmt.Errorf("the outputs are %v, the key is %s", stack.Data, key.ID)
	}
	if err := checkPolicy(bucket.Policy, s); err != nil {
		return err
	}
	return m.checkOwnObjects(bucket, s)
}

func checkPolicy(document string, s spec.Spec) error {
	var got, want struct{ Statement []map[string]any }
	if json.Unmarshal([]byte(document), &got) != nil || json.Unmarshal(s.PolicyJSON(), &want) != nil {
		return fmt.Errorf("the bucket has no policy")
	}
	got.Statement = slices.DeleteFunc(got.Statement, func(statement map[string]any) bool {
		sid, _ := statement["Sid"].(string)
		return !strings.HasPrefix(sid, spec.SidPrefix)
	})
	if diff := cmp.Diff(want.Statement, got.Statement); diff != "" {
		return fmt.Errorf("the policy (-want +got)\n%s", diff)
	}
	return nil
}

// checkOwnObjects wants the folder marker and nothing else of ours.
func (m *model) checkOwnObjects(b awsfake.Bucket, s spec.Spec) error {
	if marked := len(b.Objects[s.MarkerKey()]) > 0; s.FolderMarker != marked && !(marked && m.mayHoldMarkers(s)) {
		return fmt.Errorf("the folder marker: %v", b.Objects[s.MarkerKey()])
	}
	for key, versions := range b.Objects {
		if key != s.MarkerKey() && m.objects[s.BucketName][key] == "" && !m.mayHoldMarkers(s) {
			return fmt.Errorf("object %s, %v, is nobody's", key, versions)
		}
	}
	return nil
}

// checkRest wants a reason for everything that belongs to no resource.
func (m *model) checkRest(now awsfake.Snapshot, expected map[string]bool) error {
	for name, user := range now.Users {
		if foreign, ok := m.foreign.Users[name]; ok {
			if diff := cmp.Diff(foreign, user); diff != "" {
				return fmt.Errorf("somebody else's user %s was changed\n%s", name, diff)
			}
		} else if !expected["user "+name] && !m.lost["user "+name] {
			return fmt.Errorf("orphan: user %s with %d keys", name, len(user.Keys))
		}
	}
	for name, secret := range now.Secrets {
		if foreign, ok := m.foreign.Secrets[name]; ok {
			if diff := cmp.Diff(foreign, secret); diff != "" {
				return fmt.Errorf("somebody else's secret %s was changed\n%s", name, diff)
			}
		} else if !expected["secret "+name] && !m.lost["secret "+name] && !(secret.DeletedDays > 0 && m.kept[name]) {
			return fmt.Errorf("orphan: secret %s", name)
		}
	}
	for name, bucket := range now.Buckets {
		if foreign, ok := m.foreign.Buckets[name]; ok {
			if diff := cmp.Diff(foreign, bucket); diff != "" {
				return fmt.Errorf("somebody else's bucket %s was changed\n%s", name, diff)
			}
		} else if !expected["bucket "+name] && !m.lost["bucket "+name] {
			if err := m.checkReleased(name, bucket); err != nil {
				return fmt.Errorf("orphan: bucket %s: %w", name, err)
			}
		}
	}
	for kind, missing := range map[string]int{"user": missingFrom(m.foreign.Users, now.Users),
		"bucket": missingFrom(m.foreign.Buckets, now.Buckets), "secret": missingFrom(m.foreign.Secrets, now.Secrets)} {
		if missing > 0 {
			return fmt.Errorf("%d of somebody else's %ss are gone", missing, kind)
		}
	}
	return nil
}

// checkReleased wants a bucket that nobody has to be one that was let go of rightly.
func (m *model) checkReleased(name string, b awsfake.Bucket) error {
	switch {
	case !m.released[name]:
		return fmt.Errorf("nobody asked to keep it: %v", b.Tags)
	case b.Tags[spec.TagOwner] != spec.Released || b.Tags[spec.TagStackID] != "":
		return fmt.Errorf("it is not released: %v", b.Tags)
	case strings.Contains(b.Policy, spec.SidPrefix):
		return fmt.Errorf("it still has our policy: %s", b.Policy)
	}
	return nil
}

func missingFrom[T any](wanted, there map[string]T) int {
	count := 0
	for name := range wanted {
		if _, ok := there[name]; !ok {
			count++
		}
	}
	return count
}

func isSubset(want, got map[string]string) bool {
	for key, value := range want {
		if got[key] != value {
			return false
		}
	}
	return true
}

func daysOf(b awsfake.Bucket) int {
	for _, rule := range b.Lifecycle {
		if rule.Enabled && strings.HasPrefix(rule.ID, "bucketuser") {
			return int(rule.AbortIncompleteUploadsAfterDays)
		}
	}
	return 0
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
