package walk_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/spec"
)

// takeOut removes the resource of a stack from its template.
func (w *walk) takeOut(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	w.conclude(t, stack, drawPlan(t, true), stack.Remove)
}

// endParent ends the update of the parent of a nested stack, at once or much later.
func (w *walk) endParent(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Waiting)
	time.Sleep(rapid.SampledFrom([]time.Duration{0, 40 * time.Minute}).Draw(t, "later"))
	p := drawPlan(t, false)
	p.how.SiblingFails = rapid.Bool().Draw(t, "parent fails")
	w.conclude(t, stack, p, stack.ParentEnds)
}

// rollBack goes back, on demand, from an update that has failed and was not rolled back.
func (w *walk) rollBack(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.UpdateFailed)
	w.conclude(t, stack, drawPlan(t, false), stack.Rollback)
}

// conclude carries out what may end with the removal of a resource that is in the template no more, and judges that
// where nothing else happened. With DeleteIfEmpty and data CloudFormation forgets it, and it lives on as
// it was.
func (w *walk) conclude(t *rapid.T, stack *cfnfake.Stack, p plan, operation func(context.Context, cfnfake.How) bool) {
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil {
		t.Fatal(err)
	}
	id, isCalm, isOwn := stack.PhysicalID, p.isCalm(), w.isOwn(s)
	before, is := w.withoutObjects(), w.standing(stack)
	w.leaving = stack.ID
	w.carryOut(t.Context(), stack, p, operation)
	w.leaving = ""
	if stack.State != cfnfake.None || !isCalm {
		return
	}
	isForgotten := slices.ContainsFunc(stack.Abandoned, func(e cfnfake.Event) bool { return e.PhysicalResourceId == id })
	mayBeKept := s.OnDelete == spec.DeleteIfEmpty && w.model.holdsData(s)
	mustBeKept := mayBeKept && isOwn && !w.model.mayBeReleased(s)
	switch {
	case isForgotten && !mayBeKept && !is.mayNotPurge && !w.model.excuses.Use(is.excuse):
		w.wrong = fmt.Errorf("a removal that nothing stood against failed for good: %s", stack.Reason)
	case isForgotten && mustBeKept:
		if diff := changes(before, w.withoutObjects()); diff != "" {
			w.wrong = fmt.Errorf("a removal that failed changed the account: %s", diff)
		}
	case mustBeKept:
		w.wrong = fmt.Errorf("a removal with OnDelete=DeleteIfEmpty succeeded, and its bucket holds data")
	}
}
