package walk_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// A plan is what happens besides an operation. Calls are counted from 1, 0 is never.
type plan struct {
	how        cfnfake.How
	seed       int // of the order of calls
	slow       time.Duration
	faults     []sim.Hit
	giveUp     int  // at this call another resource fails
	write      int  // at this call somebody writes to a bucket
	between    bool // somebody writes after each answer, before CloudFormation goes on
	late       []duplicate
	receptions []cfnfake.Reception // of the first attempts to answer
	limits     []time.Duration     // of the first invocations
	pause      time.Duration       // before the operation begins
	rotate     int                 // at this call Secrets Manager begins a rotation
	rotates    smfake.How
}

// duplicate is a late delivery of an earlier event.
type duplicate struct {
	at  int // the call beside which it begins
	ago int // which event: 0 is the youngest at that time
}

// String leaves out what does not happen.
func (p plan) String() string {
	text := fmt.Sprintf("order %d", p.seed)
	for _, part := range []struct {
		name  string
		value any
	}{
		{"twice", p.how.Twice}, {"sibling fails", p.how.SiblingFails}, {"only Delete", p.how.OnlyDelete}, {"cleanup status", p.how.CleanupStatus},
		{"nested", p.how.Nested}, {"rollback disabled", p.how.RollbackDisabled}, {"write between", p.between},
		{"slow", p.slow}, {"faults", p.faults}, {"give up at call", p.giveUp}, {"write at call", p.write},
		{"pause", p.pause}, {"late duplicates", p.late}, {"rotation at call", p.rotate}, {"of the kind", p.rotates}, {"receptions", p.receptions}, {"time of the function", p.limits},
	} {
		if v := reflect.ValueOf(part.value); !v.IsZero() {
			text += fmt.Sprintf(", %s %v", part.name, part.value)
		}
	}
	return text
}

// isCalm reports whether nothing of a plan may make the operation fail. Lambda delivers
// an event three times, and each time the function tries six times to answer.
func (p plan) isCalm() bool {
	count := func(r cfnfake.Reception) (n int) {
		for _, other := range p.receptions {
			if other == r {
				n++
			}
		}
		return n
	}
	isHeard := count(cfnfake.Swallowed) == 0 && count(cfnfake.Forbidden) < 3 &&
		count(cfnfake.Unavailable)+count(cfnfake.Hanging) < 18
	return isHeard && !p.how.SiblingFails && p.giveUp == 0 && p.write == 0 && p.rotate == 0 &&
		len(p.faults)+len(p.late)+len(p.limits) == 0
}

func drawPlan(t *rapid.T, deleting bool) plan {
	one := func(of int, what string) bool { return rapid.IntRange(1, of).Draw(t, what) == of }
	at := func(what string) int { return rapid.IntRange(1, 40).Draw(t, what) }
	p := plan{seed: rapid.IntRange(0, 1<<20).Draw(t, "order"), pause: 20 * time.Second}
	if rapid.Bool().Draw(t, "pause") {
		p.pause = 6 * time.Minute
	}
	p.how.Twice = one(5, "twice")
	if one(4, "slow") {
		p.slow = 101 * time.Millisecond // no multiple of what the function waits: two things at the same instant go in no order
	}
	p.between = one(4, "write between")
	p.how.Nested = one(5, "nested")
	p.how.RollbackDisabled = one(5, "rollback disabled")
	if one(4, "answer not taken") {
		p.receptions = drawReceptions(t)
	}
	if one(2, "late duplicates") {
		for range rapid.IntRange(1, 3).Draw(t, "late") {
			p.late = append(p.late, duplicate{at("late at"), rapid.IntRange(0, 12).Draw(t, "how long ago")})
		}
	}
	if one(4, "rotation") {
		p.rotate, p.rotates = at("rotation at"), drawHow(t)
	}
	if rapid.Bool().Draw(t, "calm") {
		return p
	}
	p.how.SiblingFails = one(3, "sibling fails")
	p.how.OnlyDelete = rapid.Bool().Draw(t, "only Delete")
	p.how.CleanupStatus = rapid.SampledFrom([]string{"", "DELETE_IN_PROGRESS"}).Draw(t, "cleanup status")
	for range rapid.IntRange(0, 2).Draw(t, "faults") {
		p.faults = append(p.faults, sim.Hit{At: at("at"), Fault: rapid.SampledFrom(drawn).Draw(t, "fault")})
	}
	if one(4, "somebody writes") {
		p.write = at("write at")
	}
	if !deleting && one(4, "give up") {
		p.giveUp = at("give up at")
	}
	if one(4, "little time") {
		for range rapid.IntRange(1, 6).Draw(t, "invocations") {
			limit := time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds")) * time.Second
			p.limits = append(p.limits, limit+330*time.Millisecond) // so that it does not end at the instant of a retry
		}
	}
	return p
}

// drawReceptions lets up to three deliveries of an event with all their attempts to
// answer be in vain, and a few more.
func drawReceptions(t *rapid.T) []cfnfake.Reception {
	kind := rapid.SampledFrom([]cfnfake.Reception{cfnfake.Unavailable, cfnfake.Forbidden, cfnfake.Hanging,
		cfnfake.Unconfirmed, cfnfake.Swallowed}).Draw(t, "reception")
	most := 20
	if kind == cfnfake.Forbidden || kind == cfnfake.Swallowed {
		most = 4
	}
	return slices.Repeat([]cfnfake.Reception{kind}, rapid.IntRange(1, most).Draw(t, "times"))
}

// carryOut runs an operation under a plan until everything is quiet. A rollback that
// failed under a plan that is not calm is continued without it.
func (w *walk) carryOut(ctx context.Context, stack *cfnfake.Stack, p plan, operation func(context.Context, cfnfake.How) bool) (ok bool) {
	time.Sleep(p.pause)
	w.plans = append(w.plans, fmt.Sprintf("from event %d: %v", len(w.ground.cloud.Exchanges()), p))
	f := trouble{seed: uint64(p.seed), slow: p.slow, hits: p.faults, asked: p.mayComeLate()}
	if p.giveUp > 0 {
		given := make(chan struct{})
		p.how.GiveUp = given
		f.happen = append(f.happen, happening{p.giveUp, func() { close(given) }})
	}
	f.happen = append(f.happen, happening{p.write, func() { w.writeSomewhere() }})
	if p.between {
		p.how.Between = func() { w.writeSomewhere() }
	}
	for _, d := range p.late {
		f.happen = append(f.happen, happening{d.at, func() { w.redeliverBeside(ctx, d) }})
	}
	f.happen = append(f.happen, happening{p.rotate, func() { w.rotateBeside(ctx, stack, p.rotates) }})
	isCalm := p.isCalm()
	w.laws.begin(w.ground.AWS, p)
	defer w.laws.end(w.ground.AWS)
	w.model.mayHaveDied = w.model.mayHaveDied || !isCalm
	w.model.mayRepeat = w.model.mayRepeat || !isCalm || p.how.Twice || len(p.receptions) > 0
	w.model.nameLosses()
	w.model.noteTheirs()
	abandoned := len(stack.Abandoned)
	w.ground.cloud.Receive = func() cfnfake.Reception { return shift(&p.receptions, cfnfake.Taken) }
	w.ground.cloud.Timeout = func() time.Duration { return shift(&p.limits, functionTimeout) }
	w.ground.during(f, func() {
		ok = operation(ctx, p.how)
		w.ground.cloud.Settle()
		w.rotations.Wait()
	})
	w.ground.cloud.Receive, w.ground.cloud.Timeout = nil, nil
	if isCalm && len(stack.Abandoned) > abandoned && stack.State != cfnfake.None {
		w.wrong = fmt.Errorf("a clean-up that nothing stood against failed for good: %s", stack.Reason)
	}
	if stack.State == cfnfake.RollbackFailed && !isCalm {
		w.ground.during(trouble{}, func() {
			stack.ContinueRollback(ctx, cfnfake.How{})
			w.ground.cloud.Settle()
		})
	}
	return ok
}

// mayComeLate reports whether an event may begin when CloudFormation has gone on.
func (p plan) mayComeLate() bool {
	return p.giveUp > 0 || len(p.late)+len(p.receptions)+len(p.limits) > 0 ||
		slices.ContainsFunc(p.faults, func(h sim.Hit) bool { return strings.HasPrefix(h.Fault, "killed") })
}

// functionTimeout is as long as Lambda lets an invocation run.
const functionTimeout = 15 * time.Minute

// shift takes the first element off a list, or returns what is otherwise.
func shift[T any](list *[]T, otherwise T) T {
	if len(*list) == 0 {
		return otherwise
	}
	first := (*list)[0]
	*list = (*list)[1:]
	return first
}
