package walk_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

func (w *walk) create(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.None)
	if rapid.Bool().Draw(t, "in a new stack") {
		i := slices.Index(w.model.stacks, stack)
		stack = w.ground.cloud.NewStack(stack.Name, sim.LogicalID)
		w.model.stacks[i] = stack
	}
	p := drawValues(t, rapid.SampledFrom(nameSets).Draw(t, "names"))
	p["OnDelete"] = rapid.SampledFrom(onDeletes).Draw(t, "OnDelete")
	if rapid.Bool().Draw(t, "rotated") {
		p["RotateAfterDays"] = "30"
	}
	if rapid.IntRange(0, 9).Draw(t, "refused property") == 9 {
		p["Prefix"] = "/"
	}
	plan := drawPlan(t, false)
	s, err := w.ground.Parse(stack.ID, p)
	w.skipIfInUse(t, stack, s)
	o := offer{}
	if err == nil {
		o = w.drawOffer(t, s)
	}
	before := w.withoutObjects()
	must := err == nil && plan.isCalm() && !isHindered(w.ground.AWS.Snapshot(), s) && (w.model.isFree(s) || w.model.isWelcome(o, s) || w.model.isForgottenOf(stack, s))
	w.model.repaired(s.PhysicalID)
	ok := w.carryOut(t.Context(), stack, plan, func(ctx context.Context, how cfnfake.How) bool { return stack.Create(ctx, p, how) })
	if must && !ok {
		w.wrong = fmt.Errorf("a Create that nothing stood against failed: %s", stack.Reason)
	}
	differences := ""
	if len(plan.late) == 0 {
		differences = changes(before, w.withoutObjects())
	}
	w.wrong = cmp.Or(w.wrong, o.judge(ok, differences))
}

func (w *walk) update(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.UpdateFailed)
	w.change(t, stack, drawValues(t, stack.Properties))
}

// retry updates a stack whose last update has failed and was not rolled back: as that one would have, or its
// siblings alone.
func (w *walk) retry(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.UpdateFailed)
	p := stack.Properties
	if stack.Tried != nil && rapid.Bool().Draw(t, "the same again") {
		p = stack.Tried
	}
	w.change(t, stack, p)
}

func (w *walk) changeOnDelete(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.UpdateFailed)
	p := maps.Clone(stack.Properties)
	p["OnDelete"] = rapid.SampledFrom(onDeletes).Draw(t, "OnDelete")
	w.change(t, stack, p)
}

func (w *walk) rename(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.UpdateFailed)
	given := rapid.SampledFrom(append(slices.Clone(nameSets), loneRenames...)).Draw(t, "names")
	w.change(t, stack, withNames(stack.Properties, given))
}

// change updates a stack and judges the outcome where nothing else happened.
func (w *walk) change(t *rapid.T, stack *cfnfake.Stack, p sim.Properties) {
	plan := drawPlan(t, false)
	s, err := w.ground.Parse(stack.ID, p)
	old, oldErr := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil || oldErr != nil {
		t.Fatal(err, oldErr)
	}
	w.skipIfInUse(t, stack, s)
	before := w.withoutObjects()
	wasLive, c := stack.State == cfnfake.Live, w.changeOf(stack, plan, s, old)

	ok := w.carryOut(t.Context(), stack, plan, func(ctx context.Context, how cfnfake.How) bool { return stack.Update(ctx, p, how) })
	switch {
	case !ok && c.must && !w.model.excuses.Use(c.excuse):
		w.wrong = fmt.Errorf("an Update that nothing stood against failed: %s", stack.Reason)
	case ok && c.keepsName && !w.setExists(s):
		w.wrong = fmt.Errorf("a rename that keeps a name was not refused")
	case ok && c.refusal != "":
		w.wrong = fmt.Errorf("an Update was not refused, though %s", c.refusal)
	case !ok && (c.keepsName || c.refusal != "") && plan.isCalm() && wasLive:
		if diff := changes(before, w.withoutObjects()); diff != "" && !w.model.excuses.Use(c.excuse) {
			w.wrong = fmt.Errorf("a refused Update changed the account: %s", diff)
		}
	}
}

// expected is what an Update leads to, as far as that is known before.
type expected struct {
	must      bool   // it succeeds
	keepsName bool   // it is a replacement that keeps a name, so it is refused
	refusal   string // why else it is refused
	excuse    sim.Exclusion
}

func (w *walk) changeOf(stack *cfnfake.Stack, p plan, s, old spec.Spec) (e expected) {
	now := w.ground.AWS.Snapshot()
	isHindered := isHindered(now, s) || isHindered(now, old)
	if p.isCalm() {
		e.refusal = w.refusal(stack, s, old)
	}
	if s.PhysicalID == old.PhysicalID {
		mayNotRotate := s.RotateAfterDays > 0 && w.model.lostOf(s).any() // a set is rotated that is whole
		isReleased := old.OnDelete == spec.Retain && s.OnDelete != spec.Retain && w.model.mayBeReleased(s)
		e.must = p.isCalm() && e.refusal == "" && !mayNotRotate && !isReleased && !isHindered && !isTagOfOthers(now.Buckets[s.BucketName], s, old)
		if w.model.lostOf(s).and(touches(s, old)).any() {
			e.excuse = sim.LostTags
		}
		return e
	}
	e.keepsName = s.BucketName == old.BucketName || s.UserName == old.UserName || s.SecretName == old.SecretName
	isEmpty := old.OnDelete == spec.Retain || !w.model.holdsData(old)
	e.must = p.isCalm() && !e.keepsName && e.refusal == "" && w.model.isFree(s) && s.OnDelete == old.OnDelete && isEmpty && !isHindered
	e.excuse = w.model.excuseOf(old)
	if e.excuse == 0 && !e.keepsName && old.OnDelete != spec.Retain {
		e.excuse = w.model.ofMarkers(old)
	}
	return e
}

// skipIfInUse avoids names of another stack whose things were taken away by hand: who
// takes such a name has it, and the other stack is stuck, rightly.
func (w *walk) skipIfInUse(t *rapid.T, by *cfnfake.Stack, s spec.Spec) {
	for _, other := range w.model.allSets() {
		isShared := other.BucketName == s.BucketName || other.UserName == s.UserName || other.SecretName == s.SecretName
		if isShared && w.model.byHand[other.PhysicalID] && (by == nil || other.StackID != by.ID) {
			t.Skip("the name may look free")
		}
	}
}

// setExists reports whether the account has something of exactly this set.
func (w *walk) setExists(s spec.Spec) bool {
	return w.ground.AWS.Snapshot().Users[s.UserName].Tags[spec.TagOwner] == s.PhysicalID
}

func (w *walk) delete(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.UpdateFailed, cfnfake.DeleteFailed)
	w.remove(t.Context(), stack, drawPlan(t, true))
}

// remove deletes the resource of a stack and judges the outcome where nothing else
// happened.
func (w *walk) remove(ctx context.Context, stack *cfnfake.Stack, p plan) bool {
	before, is := w.settled(), w.standing(stack)
	calm := p.isCalm()
	ok := w.carryOut(ctx, stack, p, stack.Delete)
	switch {
	case !calm:
	case !ok && !is.mayFail && !w.model.excuses.Use(is.excuse):
		w.wrong = fmt.Errorf("a Delete that nothing stood against failed: %s", stack.Reason)
	case ok && is.mustFail:
		w.wrong = fmt.Errorf("a Delete with OnDelete=DeleteIfEmpty succeeded, and its bucket holds data")
	case !ok && is.isRefused:
		if diff := changes(before, w.settled()); diff != "" {
			w.wrong = fmt.Errorf("a Delete that failed changed the account: %s", diff)
		}
	}
	return ok
}

// standing is what the removal of a stack's resource leads to.
type standing struct {
	mayFail     bool // there is a reason for it to fail
	mayNotPurge bool // one is that others forbid to delete what it is to purge: they, or the user, solve that
	isRefused   bool // where it fails, it changes nothing
	mustFail    bool
	excuse      sim.Exclusion
}

func (w *walk) standing(stack *cfnfake.Stack) (is standing) {
	m := w.model
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil {
		return is
	}
	isKept := s.OnDelete == spec.DeleteIfEmpty && !m.mayBeReleased(s)
	is.isRefused = isKept && len(stack.Pending()) == 0
	is.mustFail = isKept && m.holdsData(s) && w.isOwn(s)
	is.mayNotPurge = s.OnDelete == spec.Purge && mayNotPurge(w.ground.AWS.Snapshot().Buckets[s.BucketName])
	is.mayFail = s.OnDelete == spec.DeleteIfEmpty && m.holdsData(s) || m.isUntold(stack) || is.mayNotPurge
	is.excuse = m.ofMarkers(s)
	return is
}

func (w *walk) isOwn(s spec.Spec) bool {
	return isSubset(claim.OwnerTags(s), w.ground.AWS.Snapshot().Buckets[s.BucketName].Tags)
}

// end deletes everything, as people would, and wants nothing left but what Retain has
// promised.
func (w *walk) end(t *rapid.T) {
	for _, stack := range w.model.stacks {
		if stack.State == cfnfake.Waiting {
			w.carryOut(t.Context(), stack, plan{pause: 20 * time.Second}, stack.ParentEnds)
			w.check(t)
		}
		for tries := 0; stack.State != cfnfake.None && tries < 4; tries++ {
			w.removeOrEmpty(t, stack)
		}
		if stack.State != cfnfake.None {
			w.tell(t)
			t.Fatalf("stack %s cannot be deleted: %s", stack.Name, stack.Reason)
		}
	}
}

// removeOrEmpty deletes the resource of a stack. If that fails it empties the bucket. What has lost
// its tags is let go of when it is deleted again.
func (w *walk) removeOrEmpty(t *rapid.T, stack *cfnfake.Stack) {
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if ok := w.remove(t.Context(), stack, plan{pause: 20 * time.Second}); !ok && w.wrong == nil && err == nil {
		w.check(t)
		if err := w.emptyBucket(t.Context(), s.BucketName); err != nil {
			t.Fatal(err)
		}
	}
	w.check(t)
}
