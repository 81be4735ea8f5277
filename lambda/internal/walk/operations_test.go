package walk_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

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
	if rapid.IntRange(0, 9).Draw(t, "refused property") == 9 {
		p["Prefix"] = "/"
	}
	plan := drawPlan(t, false)
	s, err := w.ground.Parse(stack.ID, p)
	w.skipIfInUse(t, stack, s)
	must := err == nil && plan.isCalm() && w.model.isFree(s)
	w.model.repaired(stack)
	ok := w.carryOut(t.Context(), stack, plan, func(ctx context.Context, how cfnfake.How) bool { return stack.Create(ctx, p, how) })
	if must && !ok {
		w.wrong = fmt.Errorf("a Create that nothing stood against failed: %s", stack.Reason)
	}
}

func (w *walk) update(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	w.change(t, stack, drawValues(t, stack.Properties))
}

func (w *walk) changeOnDelete(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	p := maps.Clone(stack.Properties)
	p["OnDelete"] = rapid.SampledFrom(onDeletes).Draw(t, "OnDelete")
	w.change(t, stack, p)
}

func (w *walk) rename(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
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
	before := w.settled()
	c := w.changeOf(stack, plan, s, old)

	ok := w.carryOut(t.Context(), stack, plan, func(ctx context.Context, how cfnfake.How) bool { return stack.Update(ctx, p, how) })
	switch {
	case !ok && c.must && !w.model.excuses.Use(c.excuse):
		w.wrong = fmt.Errorf("an Update that nothing stood against failed: %s", stack.Reason)
	case ok && c.keepsName && !w.setExists(s):
		w.wrong = fmt.Errorf("a rename that keeps a name was not refused")
	case !ok && c.keepsName && plan.isCalm():
		if diff := changes(before, w.settled()); diff != "" && !w.model.excuses.Use(c.excuse) {
			w.wrong = fmt.Errorf("a refused Update changed the account: %s", diff)
		}
	}
}

// expected is what an Update leads to, as far as that is known before.
type expected struct {
	must      bool // it succeeds
	keepsName bool // it is a replacement that keeps a name, so it is refused
	excuse    sim.Exclusion
}

func (w *walk) changeOf(stack *cfnfake.Stack, p plan, s, old spec.Spec) (e expected) {
	if s.PhysicalID == old.PhysicalID {
		e.must = p.isCalm() && (!w.model.isAdopted(s) || s.OnDelete == spec.Retain)
		return e
	}
	e.keepsName = s.BucketName == old.BucketName || s.UserName == old.UserName || s.SecretName == old.SecretName
	isEmpty := old.OnDelete == spec.Retain || !w.model.holdsData(old)
	e.must = p.isCalm() && !e.keepsName && w.model.isFree(s) && s.OnDelete == old.OnDelete && isEmpty
	e.excuse = w.model.ofStack(stack)
	if e.excuse == 0 && !e.keepsName && old.OnDelete == spec.DeleteIfEmpty {
		e.excuse = w.model.ofMarkers(old)
	}
	return e
}

// skipIfInUse avoids names of another stack whose things were taken away by hand: who
// takes such a name has it, and the other stack is stuck, rightly.
func (w *walk) skipIfInUse(t *rapid.T, by *cfnfake.Stack, s spec.Spec) {
	for _, stack := range w.model.stacks {
		if other, err := w.ground.Parse(stack.ID, stack.Properties); err == nil && stack != by && w.model.byHand[stack] &&
			(other.BucketName == s.BucketName || other.UserName == s.UserName || other.SecretName == s.SecretName) {
			t.Skip("the name may look free")
		}
	}
}

// setExists reports whether the account has something of exactly this set.
func (w *walk) setExists(s spec.Spec) bool {
	return w.ground.AWS.Snapshot().Users[s.UserName].Tags[spec.TagOwner] == s.PhysicalID
}

func (w *walk) delete(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.DeleteFailed)
	w.remove(t.Context(), stack, drawPlan(t, true))
}

// remove deletes the resource of a stack and judges the outcome where nothing else
// happened.
func (w *walk) remove(ctx context.Context, stack *cfnfake.Stack, p plan) bool {
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	kept := err == nil && s.OnDelete == spec.DeleteIfEmpty && !w.model.isAdopted(s)
	holds := err == nil && w.model.holdsData(s)
	var excuse sim.Exclusion
	if err == nil {
		excuse = w.model.ofMarkers(s)
	}
	before := w.settled()
	calm, reallyOurs := p.isCalm(), err == nil && w.isOwn(s)
	ok := w.carryOut(ctx, stack, p, stack.Delete)
	switch {
	case !calm:
	case !ok && !(kept && holds) && !w.model.excuses.Use(excuse):
		w.wrong = fmt.Errorf("a Delete that nothing stood against failed: %s", stack.Reason)
	case ok && kept && holds && reallyOurs:
		w.wrong = fmt.Errorf("a Delete with OnDelete=DeleteIfEmpty succeeded, and bucket %s holds data", s.BucketName)
	case !ok && kept:
		if diff := changes(before, w.settled()); diff != "" {
			w.wrong = fmt.Errorf("a Delete that failed changed the account: %s", diff)
		}
	}
	return ok
}

func (w *walk) isOwn(s spec.Spec) bool {
	return isSubset(claim.OwnerTags(s), w.ground.AWS.Snapshot().Buckets[s.BucketName].Tags)
}

// end deletes everything, as people would, and wants nothing left but what Retain has
// promised.
func (w *walk) end(t *rapid.T) {
	for _, stack := range w.model.stacks {
		if stack.State == cfnfake.None {
			continue
		}
		if !w.remove(t.Context(), stack, plan{}) && w.wrong == nil {
			if s, err := w.ground.Parse(stack.ID, stack.Properties); err == nil {
				if err := w.emptyBucket(t.Context(), s.BucketName); err != nil {
					t.Fatal(err)
				}
			}
			w.remove(t.Context(), stack, plan{})
		}
		w.check(t)
		if stack.State != cfnfake.None {
			w.tell(t)
			t.Fatalf("stack %s cannot be deleted: %s", stack.Name, stack.Reason)
		}
	}
}
