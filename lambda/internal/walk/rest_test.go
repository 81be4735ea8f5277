package walk_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// checkRest wants a reason for everything that belongs to no resource.
func (m *model) checkRest(now awsfake.Snapshot, expected map[string]bool) error {
	for name, user := range now.Users {
		if _, ok := m.foreign.Users[name]; !ok && !m.isExpected("user "+name, user.Tags, expected) {
			return fmt.Errorf("orphan: user %s with %d keys", name, len(user.Keys))
		}
	}
	for name, secret := range now.Secrets {
		if _, ok := m.foreign.Secrets[name]; !ok && !m.mayStay(name, secret) && !m.isExpected("secret "+name, secret.Tags, expected) {
			return fmt.Errorf("orphan: secret %s", name)
		}
	}
	for name, bucket := range now.Buckets {
		if _, ok := m.foreign.Buckets[name]; ok || m.isExpected("bucket "+name, bucket.Tags, expected) {
			continue
		}
		if err := m.checkReleased(name, bucket); err != nil {
			return fmt.Errorf("orphan: bucket %s: %w", name, err)
		}
	}
	return m.checkForeign(now)
}

// isExpected reports whether a thing is of a set that CloudFormation knows, or of one that it has
// forgotten, or has lost its tags.
func (m *model) isExpected(name string, tags map[string]string, expected map[string]bool) bool {
	switch {
	case expected[name]:
		return true
	case m.losses[name] != nil:
		return m.excuses.Use(sim.LostTags)
	}
	return m.excuses.Use(m.excuses.Of(setOf(tags[spec.TagOwner]))) || m.excuses.Use(m.excuses.Of(setOf(tags[spec.TagReleasedBy])))
}

// checkForeign wants what other people have to be as it was.
func (m *model) checkForeign(now awsfake.Snapshot) error {
	return errors.Join(
		unchanged("user", m.foreign.Users, now.Users),
		unchanged("secret", m.foreign.Secrets, now.Secrets),
		unchanged("bucket", m.foreign.Buckets, now.Buckets))
}

// unchanged wants things of other people to be there and as they were.
func unchanged[T any](kind string, was, now map[string]T) error {
	missing := 0
	for name, thing := range was {
		is, ok := now[name]
		if !ok {
			missing++
			continue
		}
		if diff := cmp.Diff(thing, is); diff != "" {
			return fmt.Errorf("somebody else's %s %s was changed\n%s", kind, name, diff)
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of somebody else's %ss are gone", missing, kind)
	}
	return nil
}

// mayStay reports whether a secret without a resource is one that waits for the end of
// its recovery window, or one that a Create has restored and not tagged when it died.
func (m *model) mayStay(name string, secret awsfake.Secret) bool {
	if !m.recoverable[name] {
		return false
	}
	return secret.DeletedDays > 0 ||
		m.mayHaveDiedBefore && secret.Tags[spec.TagOwner] == spec.Released && m.excuses.Use(sim.RestoredUntagged)
}

// checkReleased wants a bucket that nobody has to be one that was let go of rightly.
func (m *model) checkReleased(name string, b awsfake.Bucket) error {
	switch {
	case !m.letGo[name]:
		return fmt.Errorf("nobody asked to keep it: %v", b.Tags)
	case b.Tags[spec.TagOwner] != spec.Released || b.Tags[spec.TagStackID] != "":
		return fmt.Errorf("it is not released: %v", b.Tags)
	case strings.Contains(b.Policy, spec.SidPrefix) && !m.excuses.Use(m.excuses.Of(policyOf(name))):
		return fmt.Errorf("it still has our policy: %s", b.Policy)
	}
	return nil
}
