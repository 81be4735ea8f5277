package walk_test

import (
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/spec"
)

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
		} else if !expected["secret "+name] && !m.lost["secret "+name] && !m.mayStay(name, secret) {
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
	for name := range m.shared {
		bucket, ok := now.Buckets[name]
		if _, others := statementsOf(bucket.Policy); ok && len(others) == 0 {
			return fmt.Errorf("somebody else's statement in the policy of bucket %s is gone", name)
		}
		if !ok {
			delete(m.shared, name)
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

// mayStay reports whether a secret without a resource is one that waits for the end of
// its recovery window, or one that a Create has restored and not tagged when it died.
func (m *model) mayStay(name string, secret awsfake.Secret) bool {
	return m.kept[name] && (secret.DeletedDays > 0 || m.died && secret.Tags[spec.TagOwner] == spec.Released)
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
