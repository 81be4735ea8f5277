package walk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// maxEventAge is how old an event may be when Lambda delivers it, as the stack of the
// provider sets it.
const maxEventAge = 45 * time.Minute

// redeliverBeside lets an earlier event arrive once more beside what is going on.
func (w *walk) redeliverBeside(ctx context.Context, d duplicate) {
	past := w.ground.cloud.Exchanges()
	n := len(past) - 1 - d.ago
	if n < 0 || time.Since(past[n].Sent) > maxEventAge || w.isUnknown(past[n]) && w.model.excuses.Use(sim.CreateAfterDelete) ||
		w.isOpen(n, past) && w.model.excuses.Use(sim.NothingLater) {
		return
	}
	w.plans = append(w.plans, fmt.Sprintf("event %d once more, beside event %d", n, len(past)-1))
	w.model.cameLate(n, past)
	w.ground.cloud.Redeliver(ctx, n)
}

// isOpen reports whether the function cannot tell that an event comes late, which it does
// not promise: nothing that is left was ensured since, and CloudFormation waits for an
// event of this kind since about that time.
func (w *walk) isOpen(n int, past []cfnfake.Exchange) bool {
	late, current := past[n], past[len(past)-1]
	isReplacement := late.Event.PhysicalResourceId != w.idOf(late.Event)
	switch {
	case time.Since(late.Sent) > 5*time.Minute || late.Event.StackId != current.Event.StackId:
		return false
	case late.Event.RequestType == "Create":
		return current.Event.RequestType == "Create" && w.idOf(late.Event) != w.idOf(current.Event)
	default:
		return late.Event.RequestType == "Update" && isReplacement && n < len(past)-2 && !w.model.mustChangeNothing(n, past)
	}
}

// isUnknown reports whether CloudFormation says that there is no such resource, as it does after a removal from
// the template, or may say so before the event ends; and the event is young enough that it might not know of it yet.
func (w *walk) isUnknown(x cfnfake.Exchange) bool {
	status, _ := w.ground.AWS.ResourceStatus(x.Event.StackId, x.Event.LogicalResourceId)
	return (status == "" || x.Event.StackId == w.leaving) && time.Since(x.Sent) < 5*time.Minute
}

// idOf is the physical id that an event asks for, or "".
func (w *walk) idOf(e cfnfake.Event) string {
	s, _ := w.ground.Parse(e.StackId, e.ResourceProperties)
	return s.PhysicalID
}

// redeliver lets an event of the past arrive once more while nothing is going on. It
// must change nothing, unless it is a Delete that CloudFormation still wants.
func (w *walk) redeliver(t *rapid.T) {
	past := w.ground.cloud.Exchanges()
	if len(past) == 0 {
		t.Skip("no events yet")
	}
	n := len(past) - 1 - rapid.IntRange(0, len(past)-1).Draw(t, "how long ago")
	for _, stack := range w.model.stacks {
		if stack.State == cfnfake.DeleteFailed {
			t.Skip("may change the account")
		}
	}
	if w.isUnknown(past[n]) && w.model.excuses.Use(sim.CreateAfterDelete) || w.model.isForgotten(past[n].Event) && w.model.excuses.Use(sim.Forgotten) {
		t.Skip("may change the account")
	}
	w.plans = append(w.plans, fmt.Sprintf("event %d once more", n))
	before := w.settled()
	w.model.noteTheirs()
	w.ground.during(trouble{}, func() {
		w.ground.cloud.Redeliver(t.Context(), n)
		w.ground.cloud.Settle()
	})
	if diff := changes(before, w.settled()); diff != "" {
		w.wrong = fmt.Errorf("a late duplicate of event %d, %s, changed the account: %s", n, past[n].Event.RequestType, diff)
	}
}

// settled is the account without earlier values of secrets, which a value that was
// put twice leaves behind, and without when the last event came.
func (w *walk) settled() awsfake.Snapshot {
	now := w.ground.AWS.Snapshot()
	for name, secret := range now.Secrets {
		secret.Versions = slices.DeleteFunc(secret.Versions, func(v awsfake.SecretVersion) bool { return !slices.Contains(v.Stages, "AWSCURRENT") })
		delete(secret.Tags, spec.TagLastEvent)
		delete(secret.Tags, spec.TagReplaces)     // once that is gone, any Update takes the mark off
		delete(secret.Tags, spec.TagSupersededBy) // so does a late replacement whose own set is gone
		now.Secrets[name] = secret
	}
	for _, bucket := range now.Buckets {
		delete(bucket.Tags, spec.TagReplaces)
		delete(bucket.Tags, spec.TagSupersededBy)
	}
	return now
}

// withoutObjects is the same without what people have written.
func (w *walk) withoutObjects() awsfake.Snapshot {
	now := w.settled()
	for name, bucket := range now.Buckets {
		now.Buckets[name] = withoutPeople(bucket, w.model.objects[name])
	}
	return now
}

// changes are the lines in which two accounts differ, shortened.
func changes(before, after awsfake.Snapshot) string {
	var lines []string
	for line := range strings.Lines(cmp.Diff(before, after)) {
		line = strings.Join(strings.Fields(strings.ReplaceAll(line, "\u00a0", " ")), " ")
		if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
			lines = append(lines, line[:min(len(line), 120)])
		}
	}
	return strings.Join(lines[:min(len(lines), 8)], " | ")
}
