package walk_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// theirs is what others have in the account at the beginning of a step, and what events of the step may change of it.
type theirs struct {
	buckets map[string]awsfake.Bucket
	fields  map[string]fields // by secret: those of others in its value

	named map[string]bool // buckets whose versioning an event names
	ended map[string]bool // names, with their kind, of things that a Delete may have removed
}

type fields = map[string]string

// noteTheirs notes what others have, before events come.
func (m *model) noteTheirs() {
	now := m.g.AWS.Snapshot()
	m.theirs = theirs{now.Buckets, map[string]fields{}, map[string]bool{}, map[string]bool{}}
	for name, secret := range now.Secrets {
		m.theirs.fields[name] = fieldsIn(secret)
	}
}

// fieldsIn are the fields of others in a secret's value.
func fieldsIn(secret awsfake.Secret) fields {
	of := fields{}
	for name, value := range rawValueOf(secret) {
		if fieldsOfOthers[name] != "" {
			of[name] = string(value)
		}
	}
	return of
}

// learnTheirs takes into account what an event may change of it: the versioning of a bucket that it names, and
// what goes with a set, or with a value that nobody can read.
func (m *model) learnTheirs(x cfnfake.Exchange, s spec.Spec) {
	old, _ := m.g.Parse(x.Event.StackId, x.Event.OldResourceProperties)
	if s.Versioning != nil || old.Versioning != nil {
		m.theirs.named[s.BucketName] = true
		delete(m.versioned, s.BucketName)
	}
	now := m.g.AWS.Snapshot()
	if x.Event.RequestType == "Delete" {
		m.theirs.ended["bucket "+s.BucketName], m.theirs.ended["secret "+s.SecretName] = true, true
	}
	if x.Event.RequestType == "Create" || s.PhysicalID != x.Event.PhysicalResourceId { // a secret of an earlier life
		m.theirs.ended["secret "+s.SecretName] = true
	}
	if x.Event.RequestType == "Update" && old.SecretKmsKeyId != s.SecretKmsKeyId && len(now.DeadKmsKeys) > 0 {
		m.theirs.ended["secret "+s.SecretName] = true
	}
	if isHindered(now, s) {
		m.learnHindered(x, s)
	}
}

// learnHindered takes into account what stays as it is where others stand in the way.
func (m *model) learnHindered(x cfnfake.Exchange, s spec.Spec) {
	m.excuses.Give(sim.InTheWay, settingsOf(s.PhysicalID))
	m.excuses.Give(sim.InTheWay, markersIn(s.BucketName))
	if x.Event.RequestType == "Delete" || x.Outcome != "SUCCESS" {
		m.letGo[s.BucketName] = true
		m.excuses.Give(sim.InTheWay, policyOf(s.BucketName))
		m.excuses.Give(sim.InTheWay, setOf(s.PhysicalID))
	}
}

// checkTheirs wants everything that others have to be as it was before the events of this step.
func (m *model) checkTheirs(now awsfake.Snapshot) error {
	was := m.theirs
	m.theirs = theirs{}
	for _, name := range slices.Sorted(maps.Keys(was.buckets)) {
		is, ok := now.Buckets[name]
		if isMadeAgain := was.ended["bucket "+name] && is.Tags[spec.TagOwner] != spec.Released; !ok || isMadeAgain {
			continue
		}
		if diff := changesOfOthers(was.buckets[name], is, was.named[name]); diff != "" {
			return fmt.Errorf("what others have in bucket %s was changed\n%s", name, diff)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was.fields)) {
		if diff := cmp.Diff(was.fields[name], fieldsIn(now.Secrets[name])); diff != "" && !was.ended["secret "+name] {
			return fmt.Errorf("fields of others in secret %s were changed\n%s", name, diff)
		}
	}
	return nil
}

// changesOfOthers says how a bucket differs in what is not ours. Where an event names its versioning, that may.
func changesOfOthers(was, is awsfake.Bucket, isNamed bool) string {
	if isNamed {
		was.Versioning, is.Versioning = "", ""
	}
	options := []cmp.Option{cmpopts.EquateEmpty()}
	if !isOwners(was) || !isOwners(is) {
		options = append(options, cmpopts.IgnoreFields(awsfake.Bucket{}, "PublicAccessBlock", "NoPublicAccessBlock"))
	}
	return cmp.Diff(withoutOurs(was), withoutOurs(is), options...)
}

// isOwners reports whether the block of public access of a bucket is its owner's.
func isOwners(b awsfake.Bucket) bool {
	return b.Tags[spec.TagOwner] == spec.Released || b.Tags[spec.TagAdopted] == "true"
}

// ofProperties are the keys of the property Tags. Others have the first of them, too, with a value of their own.
var ofProperties = []string{"team", "x"}

const theirTeam = "web"

// isTagOfOthers reports whether an Update would change a tag that others have put there.
func isTagOfOthers(b awsfake.Bucket, s, old spec.Spec) bool {
	isTeam := func(t spec.Tag) bool { return t.Key == "team" }
	return b.Tags["team"] == theirTeam && slices.ContainsFunc(s.Tags, isTeam) && !slices.ContainsFunc(old.Tags, isTeam)
}

// withoutOurs is a bucket without what is ours in it, and without objects.
func withoutOurs(b awsfake.Bucket) awsfake.Bucket {
	b.Objects, b.Uploads = nil, nil
	b.Tags = maps.Clone(b.Tags)
	maps.DeleteFunc(b.Tags, func(key, value string) bool {
		return strings.HasPrefix(key, "bucketuser:") || slices.Contains(ofProperties, key) && value != theirTeam
	})
	b.Lifecycle = slices.DeleteFunc(slices.Clone(b.Lifecycle), func(r awsfake.LifecycleRule) bool { return strings.HasPrefix(r.ID, "bucketuser-") })
	_, others := statementsOf(b.Policy)
	text, _ := json.Marshal(others) // was read from JSON
	b.Policy = string(text)
	return b
}
