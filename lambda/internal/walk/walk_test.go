package walk_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"
	"testing/cryptotest"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
)

// How many walks, how many steps of each on average, and which. The flags
// -rapid.checks, -rapid.steps and -rapid.seed say otherwise.
const (
	walks = 400
	steps = 12
	seed  = 10
)

// figures are what the test prints at its end.
type figures struct{ walks, lawful, steps, events, calls, faults, dropped, rotated, texts, windows int }

// The walks are the same ones every time. To look for more, run them with another
// seed, or with 0 for a random one, which a failure prints:
//
//	go test -C lambda/internal/walk -v -timeout 0 -run TestRandomWalks . -rapid.checks=3000 -rapid.seed=0
func TestRandomWalks(t *testing.T) {
	setDefault(t, "rapid.checks", walks)
	setDefault(t, "rapid.steps", steps)
	setDefault(t, "rapid.seed", seed)
	setDefault(t, "rapid.nofailfile", true)
	var sum figures
	uses := sim.Uses{}
	behaviour := sha256.New() // of every call in its order: the same where a change of the code changes nothing that can be seen
	defer func() {
		t.Logf("random walks: %d (%d under laws), steps: %d, events: %d, calls: %d, faults: %d, answers dropped: %d, rotations: %d, leak checks: %d texts, %d windows, behaviour %.8x",
			sum.walks, sum.lawful, sum.steps, sum.events, sum.calls, sum.faults, sum.dropped, sum.rotated, sum.texts, sum.windows, behaviour.Sum(nil))
		t.Logf("random walks: exclusions used: %v", uses)
		for _, n := range sim.Exclusions() {
			if n.IsOfWalks() && uses[n] == 0 && sum.walks >= walks && !t.Failed() {
				t.Errorf("%v was never used", n)
			}
		}
	}()
	rapid.Check(t, func(r *rapid.T) {
		rapid.SyncTest(r, func(r *rapid.T) {
			w := newWalk(r, t)
			w.ground.course.all = behaviour
			w.hold(drawLaws(r))
			r.Repeat(map[string]func(*rapid.T){
				"create":           w.create,
				"update":           w.update,
				"update again":     w.update,
				"rename":           w.rename,
				"change OnDelete":  w.changeOnDelete,
				"delete":           w.delete,
				"take out":         w.takeOut,
				"end the parent":   w.endParent,
				"roll back":        w.rollBack,
				"retry":            w.retry,
				"replace tags":     w.replaceTags,
				"put tags back":    w.putTagsBack,
				"write":            w.write,
				"empty":            w.empty,
				"change by hand":   w.tamper,
				"share a bucket":   w.shareBucket,
				"others":           w.others,
				"others again":     w.others,
				"others once more": w.others,
				"take a name":      w.takeName,
				"late duplicate":   w.redeliver,
				"rotate":           w.rotate,
				"rotate again":     w.rotate,
				"one step":         w.rotateStep,
				"cancel rotation":  w.cancelRotation,
				"move back":        w.moveBack,
				"":                 w.check,
			})
			w.end(r)
			uses.Add(w.model.excuses.Uses)
			sum.walks++
			if !w.laws.isNone() {
				sum.lawful++
			}
			sum.steps += w.steps
			sum.events += len(w.ground.cloud.Exchanges())
			sum.calls += w.ground.course.total
			sum.faults += w.ground.course.felt
			sum.dropped += w.ground.cloud.Dropped()
			sum.rotated += w.rotated
			sum.texts += w.ground.Canary.Texts
			sum.windows += w.ground.Canary.Windows
		})
	})
}

func setDefault(t *testing.T, name string, value any) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if !given {
		if err := flag.Set(name, fmt.Sprint(value)); err != nil {
			t.Fatal(err)
		}
	}
}

// walk is one random walk: a world, what must be true of it, and two stacks.
type walk struct {
	ground  *ground
	model   *model
	laws    laws
	objects int
	steps   int
	plans   []string
	leaving string          // the id of a stack that may lose its resource in this step
	wrong   error           // found in the middle of a step
	begun   []awsfake.Begun // rotations

	rotations sync.WaitGroup // that run beside an operation
	rotated   int            // how often a key was
}

// newWalk has all randomness depend on seeds: outer is the test outside the bubble.
func newWalk(t rapid.TB, outer *testing.T) *walk {
	t.Helper()
	cryptotest.SetGlobalRandom(outer, seed)
	g := newGround(t, func() {
		if !isRace {
			cryptotest.SetGlobalRandom(outer, seed)
		}
	})
	m := newModel(g)
	m.stacks = []*cfnfake.Stack{g.cloud.NewStack("one", sim.LogicalID), g.cloud.NewStack("two", sim.LogicalID)}
	return &walk{ground: g, model: m}
}

// drawStack chooses a stack in one of the states.
func (w *walk) drawStack(t *rapid.T, states ...cfnfake.State) *cfnfake.Stack {
	var fit []*cfnfake.Stack
	for _, stack := range w.model.stacks {
		for _, state := range states {
			if stack.State == state {
				fit = append(fit, stack)
			}
		}
	}
	if len(fit) == 0 {
		t.Skip("no stack fits")
	}
	return fit[rapid.IntRange(0, len(fit)-1).Draw(t, "stack")]
}

func (w *walk) check(t *rapid.T) {
	w.steps++
	err := w.wrong
	if err == nil {
		err = w.model.check()
	}
	if err != nil {
		w.tell(t)
		w.tellCalls(t)
		t.Fatal(err)
	}
}

// tell prints the events up to a failure.
func (w *walk) tell(t *rapid.T) {
	for _, plan := range w.plans {
		t.Log(plan)
	}
	for i, x := range w.ground.cloud.Exchanges() {
		t.Logf("event %d: %s %s %s %v (old %v): %s %s", i, x.Event.RequestType, x.Event.StackId[len(x.Event.StackId)-3:], x.Event.PhysicalResourceId,
			without(x.Event.ResourceProperties), without(x.Event.OldResourceProperties), x.Outcome, x.Answer.Reason)
	}
}

// tellCalls prints the calls of the last operation in the order in which they went.
func (w *walk) tellCalls(t *rapid.T) {
	for _, call := range w.ground.course.order {
		t.Log(call)
	}
}

func without(p sim.Properties) sim.Properties {
	p = maps.Clone(p)
	delete(p, "ServiceToken")
	return p
}

func (w *walk) nextObject() string {
	w.objects++
	return strconv.Itoa(w.objects)
}
