package provision_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// exemption is what a story, an ending or a race is not held to. The zero value is none.
type exemption struct {
	number sim.Exclusion
	// without takes out of an account what it is about, where two accounts may differ in
	// that. It is nil where the events are chosen, or the answers judged, with regard to it.
	without func(awsfake.Snapshot) awsfake.Snapshot
}

// difference is as the function of that name, without what is exempt. It counts where
// that makes the difference.
func (e exemption) difference(uses sim.Uses, want, got awsfake.Snapshot) string {
	diff := difference(want, got)
	if diff == "" || e.without == nil || difference(e.without(want), e.without(got)) != "" {
		return diff
	}
	uses[e.number]++
	return ""
}

// isIdle reports whether an exemption made no difference in a whole enumeration, so that
// it can go.
func (e exemption) isIdle(uses sim.Uses) bool { return e.without != nil && uses[e.number] == 0 }

var (
	// markerAdopted leaves out the folder markers of buckets that are let go of.
	markerAdopted = exemption{sim.MarkerAdopted, inBuckets(func(b *awsfake.Bucket) {
		if b.Tags[spec.TagOwner] == spec.Released {
			delete(b.Objects, "data/")
		}
	})}
	// probeLeft leaves out the probe.
	probeLeft = exemption{sim.ProbeLeft, inBuckets(func(b *awsfake.Bucket) {
		maps.DeleteFunc(b.Objects, func(key string, _ []awsfake.Object) bool { return strings.HasSuffix(key, ".bucketuser-probe") })
	})}
	// policyAfterRelease leaves out the policy of buckets that are let go of.
	policyAfterRelease = exemption{sim.PolicyAfterRelease, inBuckets(func(b *awsfake.Bucket) {
		if b.Tags[spec.TagOwner] == spec.Released {
			b.Policy, b.Lifecycle = "", nil
		}
	})}
	// keyUnseen leaves out keys that are not in the secret, and the probe.
	keyUnseen = exemption{sim.KeyUnseen, func(s awsfake.Snapshot) awsfake.Snapshot { return withoutUnheld(probeLeft.without(s)) }}
	// restoredUntagged leaves out secrets that were let go of.
	restoredUntagged = exemption{sim.RestoredUntagged, func(s awsfake.Snapshot) awsfake.Snapshot {
		s.Secrets = maps.Clone(s.Secrets)
		maps.DeleteFunc(s.Secrets, func(_ string, x awsfake.Secret) bool { return x.Tags[spec.TagOwner] == spec.Released })
		return s
	}}
	// markLeft leaves out the marks of sets that were replaced, and where their buckets are from.
	markLeft = exemption{sim.MarkLeft, func(s awsfake.Snapshot) awsfake.Snapshot { return withoutOrigin(unmarked(s)) }}
	// accessEnded leaves out users, secrets, and whom policies name.
	accessEnded = exemption{sim.AccessEnded, func(s awsfake.Snapshot) awsfake.Snapshot {
		s.Users, s.Secrets = nil, nil
		s.Buckets = maps.Clone(s.Buckets)
		for name, b := range s.Buckets {
			b.Policy = principal.ReplaceAllString(b.Policy, "")
			s.Buckets[name] = b
		}
		return s
	}}
	// noTime leaves out the set of a replacement, and the mark of the other.
	noTime = exemption{sim.NoTime, func(s awsfake.Snapshot) awsfake.Snapshot {
		s = unmarked(s)
		s.Users, s.Buckets, s.Secrets = maps.Clone(s.Users), maps.Clone(s.Buckets), maps.Clone(s.Secrets)
		names := other(nil)
		delete(s.Users, names["UserName"].(string))
		delete(s.Buckets, names["BucketName"].(string))
		delete(s.Secrets, names["SecretName"].(string))
		return s
	}}
)

// withoutUnheld is an account without the keys that no secret holds, whose other keys are numbered anew.
func withoutUnheld(s awsfake.Snapshot) awsfake.Snapshot {
	s.Users, s.Secrets = maps.Clone(s.Users), maps.Clone(s.Secrets)
	var numbers []string
	n := 0
	for _, name := range slices.Sorted(maps.Keys(s.Users)) {
		u := s.Users[name]
		u.Keys = slices.DeleteFunc(slices.Clone(u.Keys), func(k awsfake.AccessKey) bool { return !holds(s, k.ID) })
		for i, k := range u.Keys {
			n++
			u.Keys[i] = awsfake.AccessKey{ID: fmt.Sprintf("<key %d>", n), Secret: fmt.Sprintf("<key's secret %d>", n), Active: k.Active}
			numbers = append(numbers, k.ID, u.Keys[i].ID, k.Secret, u.Keys[i].Secret)
		}
		s.Users[name] = u
	}
	for name, x := range s.Secrets {
		x.Versions = slices.Clone(x.Versions)
		for i := range x.Versions {
			x.Versions[i].Value = strings.NewReplacer(numbers...).Replace(x.Versions[i].Value)
		}
		s.Secrets[name] = x
	}
	return s
}

// principal is whom a statement of ours names.
var principal = regexp.MustCompile(`"Principal":\{"AWS":"[^"]*"\}`)

// holds reports whether a secret names a key, in its current value, in that of a rotation, or as the previous one.
func holds(s awsfake.Snapshot, key string) bool {
	for _, x := range s.Secrets {
		if x.Tags[spec.TagPreviousKey] == key {
			return true
		}
		for _, v := range x.Versions {
			isHeld := len(v.Stages) == 0 || slices.Contains(v.Stages, "AWSPENDING") // settled leaves out the labels of the current one
			if isHeld && strings.Contains(v.Value, key) {
				return true
			}
		}
	}
	return false
}

// inBuckets is an account in which something is taken out of every bucket.
func inBuckets(takeOut func(*awsfake.Bucket)) func(awsfake.Snapshot) awsfake.Snapshot {
	return func(s awsfake.Snapshot) awsfake.Snapshot {
		s.Buckets = maps.Clone(s.Buckets)
		for name, b := range s.Buckets {
			b.Objects = maps.Clone(b.Objects)
			if takeOut(&b); len(b.Objects) == 0 {
				b.Objects = nil
			}
			s.Buckets[name] = b
		}
		return s
	}
}

// TestExclusionsAreDocumentedAndUsed fails for a number that the harnesses have and the
// page of this package has not, for one that stands there alone, and for one that neither
// the walks use nor a story, an ending or a race.
func TestExclusionsAreDocumentedAndUsed(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var documented, known []string
	for _, entry := range regexp.MustCompile(`(?m)^//   - (N\d+)\. `).FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, entry[1])
	}
	used := exempted()
	for _, n := range sim.Exclusions() {
		known = append(known, n.String())
		if !used[n] && !n.IsOfWalks() {
			t.Errorf("%v: nothing uses it", n)
		}
		delete(used, n)
	}
	if !slices.Equal(documented, known) {
		t.Errorf("doc.go has %v, the harnesses know %v", documented, known)
	}
	for n := range used {
		t.Errorf("%v is used and not one of the exclusions", n)
	}
}

// exempted are the exclusions of all stories, endings and races.
func exempted() map[sim.Exclusion]bool {
	used := map[sim.Exclusion]bool{}
	for _, s := range stories() {
		used[s.exempt.number] = true
		for _, e := range s.endings {
			used[e.exempt] = true
		}
	}
	for _, r := range races() {
		used[r.exempt.number] = true
	}
	used[markLeft.number] = true // of all events that go back
	used[sim.PreviousKept] = true
	used[sim.NextLife] = true // see aLook
	delete(used, 0)
	return used
}
