package walk_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// ofCostTool are the tags that a tool puts in the place of all others.
var ofCostTool = map[string]string{"cost-center": "4711"}

// replaceTags has a tool replace all tags of parts of a set by its own.
func (w *walk) replaceTags(t *rapid.T) {
	s := w.drawSet(t)
	now := w.ground.AWS.Snapshot()
	var replaced []string
	for _, part := range rapid.SampledFrom([][]string{{"bucket"}, {"secret"}, {"user"}, {"bucket", "secret", "user"}}).Draw(t, "parts") {
		name := nameOf(s, part)
		if thing(now, name, nil) == nil || w.model.losses[name] != nil {
			continue
		}
		w.setTags(name, ofCostTool)
		w.model.lose(s, name)
		replaced = append(replaced, name)
	}
	if replaced == nil {
		t.Skip("nothing with tags")
	}
	w.plans = append(w.plans, "tags replaced: "+strings.Join(replaced, ", "))
}

// putTagsBack has somebody put back the owner tags of a set that has lost some, and nothing else.
func (w *walk) putTagsBack(t *rapid.T) {
	s := w.drawSet(t)
	now := w.ground.AWS.Snapshot()
	var back []string
	for _, name := range names(s) {
		if w.model.lossOf(s, name) == nil || rapid.IntRange(0, 3).Draw(t, "left out") == 3 {
			continue
		}
		kind, own, _ := strings.Cut(name, " ")
		tags := map[string]map[string]string{"user": now.Users[own].Tags, "secret": now.Secrets[own].Tags, "bucket": now.Buckets[own].Tags}[kind]
		all := claim.OwnerTags(s)
		maps.Copy(all, tags)
		maps.Copy(all, claim.OwnerTags(s))
		w.setTags(name, all)
		delete(w.model.losses, name)
		back = append(back, name)
	}
	if back == nil {
		t.Skip("nothing has lost its tags")
	}
	w.plans = append(w.plans, "tags put back: "+strings.Join(back, ", "))
	w.model.byHand[s.PhysicalID] = true // what happened since is not made up for
}

// drawSet chooses a set that CloudFormation knows.
func (w *walk) drawSet(t *rapid.T) spec.Spec {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.Waiting, cfnfake.UpdateFailed)
	sets := w.model.sets(stack)
	s := sets[rapid.IntRange(0, len(sets)-1).Draw(t, "set")]
	if w.model.isForeign(s) {
		t.Skip("that would hit somebody else")
	}
	w.catchUp()
	return s
}

// nameOf is the name of a part of a set, with its kind.
func nameOf(s spec.Spec, part string) string {
	for _, name := range names(s) {
		if strings.HasPrefix(name, part+" ") {
			return name
		}
	}
	return ""
}

// setTags puts tags in the place of all that a thing has.
func (w *walk) setTags(name string, tags map[string]string) {
	kind, own, _ := strings.Cut(name, " ")
	map[string]func(string, map[string]string){
		"user": w.ground.AWS.SetUserTags, "secret": w.ground.AWS.SetSecretTags, "bucket": w.ground.AWS.SetBucketTags,
	}[kind](own, tags)
}

// makeUserAgain deletes a user and makes another of the same name and path, without tags.
func (w *walk) makeUserAgain(s spec.Spec, boundary string) error {
	user, ok := w.ground.AWS.Snapshot().Users[s.UserName]
	if !ok {
		return fmt.Errorf("no user")
	}
	w.ground.AWS.DeleteUser(s.UserName)
	w.ground.AWS.AddUser(s.UserName, user.Path, nil)
	w.ground.AWS.SetBoundary(s.UserName, boundary)
	w.model.lose(s, "user "+s.UserName)
	return nil
}

// corruptValue gives a secret's value the right key id with a wrong secret key.
func (w *walk) corruptValue(s spec.Spec) error {
	w.model.displaced[valueOf(w.ground.AWS.Snapshot().Secrets[s.SecretName])[spec.FieldAccessKeyID]] = true
	err := w.rewriteValue(s, func(fields map[string]json.RawMessage) {
		fields[spec.FieldSecretAccessKey] = json.RawMessage(`"not-the-secret-of-this-key"`)
	})
	w.model.unhealed[s.SecretName] = w.model.unhealed[s.SecretName] || err == nil
	return err
}

// touches says of each part of a set whether an Update in place, from old to s, would change it.
func touches(s, old spec.Spec) lost {
	changes := func(of func(spec.Spec) any) bool { return fmt.Sprint(of(s)) != fmt.Sprint(of(old)) }
	policy := changes(func(s spec.Spec) any { return string(s.PolicyJSON()) })
	tags := changes(func(s spec.Spec) any { return s.Tags })
	return lost{
		user:   policy,
		secret: tags || changes(func(s spec.Spec) any { return s.SecretValue("", "") }) || changes(func(s spec.Spec) any { return s.SecretKmsKeyId }),
		bucket: policy || tags || changes(func(s spec.Spec) any {
			marker := ""
			if s.FolderMarker {
				marker = s.MarkerKey()
			}
			return []any{marker, s.IsVersioned(), s.AbortDays(false), s.ExpireNoncurrentAfterDays}
		}),
	}
}

// refusal is why an Update must not succeed where nothing else happens, or "".
func (w *walk) refusal(stack *cfnfake.Stack, s, old spec.Spec) string {
	if s.PhysicalID == old.PhysicalID {
		return w.refusalInPlace(stack, s, old)
	}
	m, l := w.model, w.model.lostOf(old)
	isReturn := slices.ContainsFunc(append(stack.Pending(), stack.Abandoned...), func(e cfnfake.Event) bool { return e.PhysicalResourceId == s.PhysicalID })
	from := m.tried[s.PhysicalID]
	switch {
	case isReturn || from != "" && from != old.PhysicalID:
		return ""
	case l.user || l.secret || l.bucket && old.OnDelete != spec.Retain:
		return "what it replaces has lost its tags"
	case old.OnDelete != spec.Retain && m.holdsData(old):
		return "it replaces a bucket that holds data"
	}
	return ""
}

// refusalInPlace is that of an Update in place. Where people have changed more than tags nobody knows,
// nor where secret and bucket both have lost theirs: one tells what tags the other had.
func (w *walk) refusalInPlace(stack *cfnfake.Stack, s, old spec.Spec) string {
	m, l := w.model, w.model.lostOf(old)
	isAsItSays := !m.isOdd(old) && m.ofSet(old.PhysicalID) == 0 && m.excuses.Of(markersIn(s.BucketName)) == 0
	if l.and(touches(s, old)).any() && isAsItSays && stack.State == cfnfake.Live && !(l.secret && l.bucket) {
		return "it would change what has lost its tags"
	}
	return ""
}

// excuseOf is what excuses that an Update fails, or changes something though it fails, for what has lost its
// tags or was changed by hand.
func (m *model) excuseOf(s spec.Spec) sim.Exclusion {
	if m.lostOf(s).any() {
		return sim.LostTags
	}
	return m.ofSet(s.PhysicalID)
}
