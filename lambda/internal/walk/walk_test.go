package walk_test

import (
	"flag"
	"fmt"
	"maps"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/spec"
)

// How many walks, and how many steps of each on average. The flags -rapid.checks and
// -rapid.steps say otherwise.
const (
	walks = 300
	steps = 12
)

// figures are what the test prints at its end.
type figures struct{ walks, steps, events, calls, faults, dropped, texts, windows int }

// A walk is reproduced by the flag -rapid.seed that its failure prints.
func TestRandomWalks(t *testing.T) {
	setDefault(t, "rapid.checks", walks)
	setDefault(t, "rapid.steps", steps)
	setDefault(t, "rapid.nofailfile", "true")
	var sum figures
	defer func() {
		t.Logf("random walks: %d, steps: %d, events: %d, calls: %d, faults: %d, answers dropped: %d, leak checks: %d texts, %d windows",
			sum.walks, sum.steps, sum.events, sum.calls, sum.faults, sum.dropped, sum.texts, sum.windows)
	}()
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) {
			w := newWalk()
			t.Repeat(map[string]func(*rapid.T){
				"create":          w.create,
				"update":          w.update,
				"update again":    w.update,
				"rename":          w.rename,
				"change OnDelete": w.changeOnDelete,
				"delete":          w.delete,
				"write":           w.write,
				"empty":           w.empty,
				"change by hand":  w.tamper,
				"take a name":     w.takeName,
				"late duplicate":  w.redeliver,
				"":                w.check,
			})
			w.end(t)
			sum.walks++
			sum.steps += w.steps
			sum.events += len(w.world.cloud.Exchanges())
			sum.calls += w.world.turns.total
			sum.faults += w.world.turns.felt
			sum.dropped += w.world.cloud.Dropped()
			sum.texts += w.world.canary.Texts
			sum.windows += w.world.canary.Windows
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
	world   *world
	model   *model
	objects int
	steps   int
	plans   []string
	wrong   error // found in the middle of a step
}

func newWalk() *walk {
	w := newWorld()
	m := newModel(w)
	m.stacks = []*cfnfake.Stack{w.cloud.NewStack("one", logicalID), w.cloud.NewStack("two", logicalID)}
	return &walk{world: w, model: m}
}

// names that stacks are given, one row for each set: none, all of them, or the
// bucket's alone.
var nameSets = []properties{
	{},
	{"BucketName": "data-a", "UserName": "user-a", "SecretName": "keys/a"},
	{"BucketName": "data-b", "UserName": "user-b", "SecretName": "keys/b"},
	{"BucketName": "data-c"},
	{"BucketName": "data-a"},
}

// loneRenames keep one name of the first set and change the others.
var loneRenames = []properties{
	{"BucketName": "data-b", "UserName": "user-a", "SecretName": "keys/b"},
	{"BucketName": "data-a", "UserName": "user-b", "SecretName": "keys/b"},
	{"BucketName": "data-b", "UserName": "user-b", "SecretName": "keys/a"},
}

// values that change in place.
var values = map[string][]any{
	"Prefix":                          {"data/", "logs/", "a b/%+c/"},
	"FolderMarker":                    {"true", "false"},
	"Access":                          {"ReadWrite", "ReadOnly", "Full"},
	"EnforceTls":                      {"true", "false"},
	"Versioning":                      {"false", "true"},
	"AbortIncompleteUploadsAfterDays": {"7", "0", "3"},
	"SecretRecoveryDays":              {"0", "7"},
	"VerifyCredentials":               {"true", "false"},
	"Tags":                            {nil, []any{properties{"Key": "team", "Value": "data"}}, []any{properties{"Key": "team", "Value": "a+b/c"}, properties{"Key": "x", "Value": ""}}},
	"Statements":                      {nil, []any{properties{"Effect": "Allow", "Action": "s3:GetObjectTagging"}}},
	"SecretKmsKeyId":                  {"", "alias/mine"},
}

var valueNames = []string{"Prefix", "FolderMarker", "Access", "EnforceTls", "Versioning", "AbortIncompleteUploadsAfterDays",
	"SecretRecoveryDays", "VerifyCredentials", "Tags", "Statements", "SecretKmsKeyId"}

var onDeletes = []any{spec.DeleteIfEmpty, spec.Purge, spec.Retain}

// drawValues changes up to three properties.
func drawValues(t *rapid.T, p properties) properties {
	p = maps.Clone(p)
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		name := rapid.SampledFrom(valueNames).Draw(t, "property")
		if value := rapid.SampledFrom(values[name]).Draw(t, "value"); value == nil {
			delete(p, name)
		} else {
			p[name] = value
		}
	}
	return p
}

func withNames(p, given properties) properties {
	p = maps.Clone(p)
	for _, name := range []string{"BucketName", "UserName", "SecretName"} {
		delete(p, name)
	}
	maps.Copy(p, given)
	return p
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

// A plan is what happens besides an operation.
type plan struct {
	how    cfnfake.How
	faults faults
}

// calm reports whether nothing of it could make the operation fail.
func (p plan) calm() bool {
	return len(p.faults.at) == 0 && p.faults.giveUp == 0 && p.faults.write == 0 && !p.how.SiblingFails
}

func drawPlan(t *rapid.T, deleting bool) plan {
	p := plan{faults: faults{seed: uint64(rapid.IntRange(0, 1<<20).Draw(t, "order"))}}
	p.how.Twice = mayDeliverTwice(deleting) && rapid.IntRange(0, 4).Draw(t, "twice") == 4
	if rapid.Bool().Draw(t, "calm") {
		return p
	}
	p.how.SiblingFails = rapid.IntRange(0, 2).Draw(t, "sibling fails") == 2
	p.how.OnlyDelete = rapid.Bool().Draw(t, "only Delete")
	p.how.CleanupStatus = rapid.SampledFrom([]string{"", "DELETE_IN_PROGRESS"}).Draw(t, "cleanup status")
	for range rapid.IntRange(0, 2).Draw(t, "faults") {
		kind := rapid.SampledFrom([]string{"killed before", "killed after", "answer lost", "throttled", "unavailable", "denied"}).Draw(t, "kind")
		p.faults.at = append(p.faults.at, fault{rapid.IntRange(1, 40).Draw(t, "at"), kind})
	}
	if rapid.IntRange(0, 3).Draw(t, "somebody writes") == 3 {
		p.faults.write = rapid.IntRange(1, 40).Draw(t, "write at")
	}
	if !deleting && rapid.IntRange(0, 3).Draw(t, "give up") == 3 {
		p.faults.giveUp = rapid.IntRange(1, 40).Draw(t, "give up at")
	}
	return p
}

// carryOut runs an operation under a plan until everything is quiet. A rollback that
// failed under faults is continued without them.
func (w *walk) carryOut(stack *cfnfake.Stack, p plan, operation func(cfnfake.How) bool) (ok bool) {
	w.plans = append(w.plans, fmt.Sprintf("from event %d: %+v, faults %v, give up at %d, write at %d, order %d", len(w.world.cloud.Exchanges()),
		p.how, p.faults.at, p.faults.giveUp, p.faults.write, p.faults.seed))
	if p.faults.giveUp > 0 {
		given := make(chan struct{})
		p.how.GiveUp = given
		p.faults.given = func() { close(given) }
	}
	p.faults.wrote = func() { w.writeSomewhere() }
	w.world.turns.during(p.faults, func() {
		ok = operation(p.how)
		w.world.cloud.Settle()
	})
	if stack.State == cfnfake.RollbackFailed && (!p.calm() || openKeyLimit && p.how.Twice) {
		w.world.turns.during(faults{}, func() {
			stack.ContinueRollback(cfnfake.How{})
			w.world.cloud.Settle()
		})
	}
	return ok
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
	for i, x := range w.world.cloud.Exchanges() {
		t.Logf("event %d: %s %s %s %v (old %v): %s %s", i, x.Event.RequestType, x.Event.StackId[len(x.Event.StackId)-3:], x.Event.PhysicalResourceId,
			without(x.Event.ResourceProperties), without(x.Event.OldResourceProperties), x.Outcome, x.Answer.Reason)
	}
}

// tellCalls prints the calls of the last operation in the order in which they went.
func (w *walk) tellCalls(t *rapid.T) {
	for _, call := range w.world.turns.order {
		t.Log(call)
	}
}

func without(p properties) properties {
	p = maps.Clone(p)
	delete(p, "ServiceToken")
	return p
}

func (w *walk) nextObject() string {
	w.objects++
	return strconv.Itoa(w.objects)
}
