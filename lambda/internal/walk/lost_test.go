package walk_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/spec"
)

// A loss is a part of a set that bears the tags of its resource no more, since somebody has
// replaced them or has made the thing again. Nobody may change it from then on, until the tags
// are put back.
type loss struct {
	of      string // the physical id of its set
	as      any    // what the thing was when people left it last
	isNamed bool   // at the beginning of this step something of ours said that it was in use
	isTold  bool   // a Delete has failed for it, and said so
	isOdd   bool   // people have changed more of it: it may not be as the properties say
}

// lost says of each part of a set whether it is.
type lost struct{ user, secret, bucket bool }

func (l lost) any() bool { return l.user || l.secret || l.bucket }

func (l lost) and(other lost) lost {
	return lost{l.user && other.user, l.secret && other.secret, l.bucket && other.bucket}
}

// lostOf are the parts of a set that have lost their tags.
func (m *model) lostOf(s spec.Spec) lost {
	return lost{m.lossOf(s, "user "+s.UserName) != nil, m.lossOf(s, "secret "+s.SecretName) != nil, m.lossOf(s, "bucket "+s.BucketName) != nil}
}

// lossOf is the loss of a part of a set, or nil.
func (m *model) lossOf(s spec.Spec, name string) *loss {
	if l := m.losses[name]; l != nil && l.of == s.PhysicalID {
		return l
	}
	return nil
}

// isOdd reports whether people have changed more than tags of what has lost them in a set.
func (m *model) isOdd(s spec.Spec) bool {
	return slices.ContainsFunc(names(s), func(name string) bool { l := m.lossOf(s, name); return l != nil && l.isOdd })
}

// lose notes that a part of a set has lost its tags.
func (m *model) lose(s spec.Spec, name string) {
	m.losses[name] = &loss{of: s.PhysicalID, as: thing(m.g.AWS.Snapshot(), name, m.objects), isOdd: m.byHand[s.PhysicalID]}
	if secret, ok := strings.CutPrefix(name, "secret "); ok {
		m.wiped[secret] = true
	}
}

// oddLosses notes that people have changed more of a set which has lost tags.
func (m *model) oddLosses(s spec.Spec) {
	for _, name := range names(s) {
		if l := m.lossOf(s, name); l != nil {
			l.isOdd = true
		}
	}
}

// touched notes that people have changed something: what has lost its tags may be among it, or gone.
func (m *model) touched() {
	now := m.g.AWS.Snapshot()
	m.touchedKeys(now)
	for name, l := range m.losses {
		is := thing(now, name, m.objects)
		l.isOdd = l.isOdd || !cmp.Equal(l.as, is)
		if l.as = is; is == nil {
			delete(m.losses, name)
		}
	}
}

// nameLosses notes which losses are in use, by what is ours and has its tags.
func (m *model) nameLosses() {
	for _, l := range m.losses {
		l.isNamed = false
	}
	now := m.g.AWS.Snapshot()
	for _, s := range m.allSets() {
		m.nameLossesOf(now, s)
	}
}

func (m *model) nameLossesOf(now awsfake.Snapshot, s spec.Spec) {
	user, secret := now.Users[s.UserName], now.Secrets[s.SecretName]
	fields := valueOf(secret)
	isOurs := isSubset(claim.OwnerTags(s), secret.Tags) && secret.DeletedDays == 0
	hasKey := slices.ContainsFunc(user.Keys, func(k awsfake.AccessKey) bool { return k.ID == fields[spec.FieldAccessKeyID] })
	for name, isNamed := range map[string]bool{
		"user " + s.UserName:     isOurs && fields["S3_USER_ARN"] == s.UserARN(),
		"bucket " + s.BucketName: isOurs && fields["S3_BUCKET"] == s.BucketName,
		"secret " + s.SecretName: isSubset(claim.OwnerTags(s), user.Tags) && hasKey && secret.DeletedDays == 0,
	} {
		if l := m.lossOf(s, name); l != nil && isNamed {
			l.isNamed = true
		}
	}
}

// learnDelete takes into account what a Delete has said of the losses of its set. It must not
// let go of what is in use without having failed for it, unless it may have been delivered twice: then the
// secret that named the thing may have been gone.
func (m *model) learnDelete(x cfnfake.Exchange, s spec.Spec) {
	for _, name := range names(s) {
		l := m.lossOf(s, name)
		_, own, _ := strings.Cut(name, " ")
		switch {
		case l == nil:
		case x.Outcome == "FAILED" && strings.Contains(x.Answer.Reason, own):
			l.isTold = true
		case x.Outcome == "SUCCESS" && l.isNamed && !l.isTold && !m.mayRepeat:
			m.wrong = append(m.wrong, fmt.Errorf("a Delete left %s, which was in use, and answered SUCCESS", name))
		}
	}
}

// checkLosses wants what has lost its tags to be as people left it.
func (m *model) checkLosses(now awsfake.Snapshot) error {
	for _, name := range slices.Sorted(maps.Keys(m.losses)) {
		if diff := cmp.Diff(m.losses[name].as, thing(now, name, m.objects)); diff != "" {
			return fmt.Errorf("%s, which has lost its tags, was changed\n%s", name, diff)
		}
	}
	return nil
}

// thing is a user, secret or bucket of the account by kind and name, or nil: of a bucket without
// what people have written, and without the principals of its policy, which show as ids when they
// are gone.
func thing(now awsfake.Snapshot, name string, objects map[string]map[string]string) any {
	kind, own, _ := strings.Cut(name, " ")
	switch kind {
	case "user":
		if user, ok := now.Users[own]; ok {
			return user
		}
	case "secret":
		if secret, ok := now.Secrets[own]; ok {
			return secret
		}
	case "bucket":
		if bucket, ok := now.Buckets[own]; ok {
			return withoutPeople(bucket, objects[own])
		}
	}
	return nil
}

var principal = regexp.MustCompile(`"AWS":("[^"]*"|\[[^\]]*\])`)

func withoutPeople(bucket awsfake.Bucket, objects map[string]string) awsfake.Bucket {
	bucket.Policy = principal.ReplaceAllString(bucket.Policy, `"AWS":""`)
	left := map[string][]awsfake.Object{}
	for key, versions := range bucket.Objects {
		if objects[key] == "" {
			left[key] = versions
		}
	}
	bucket.Objects = left
	return bucket
}
