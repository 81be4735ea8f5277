package sim_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// inWorld runs a test in a bubble on a world of its own.
func inWorld(t *testing.T, test func(*testing.T, *sim.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := sim.NewWorld("eu-west-1")
		if err != nil {
			t.Fatal(err)
		}
		test(t, w)
	})
}

// delivery is a process that lists the keys of users, two at the same time.
func delivery(t *testing.T, s *awsfake.Session, users ...string) func() {
	client := iam.NewFromConfig(s.Config())
	return func() {
		done := make(chan struct{})
		for _, user := range users {
			go func() {
				_, _ = client.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &user}) // there are none
				done <- struct{}{}
			}()
		}
		for range users {
			<-done
		}
	}
}

// goes returns the order in which the calls of two processes go.
func goes(t *testing.T, choose func(first, second *awsfake.Session) sim.Chooser) (order []string) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *sim.World) {
		a, b := w.AWS.Session("provider"), w.AWS.Session("provider")
		w.Run(choose(a, b), func(c awsfake.Call) awsfake.Decision {
			order = append(order, strings.TrimPrefix(c.Session, "provider-")+c.Target)
			return awsfake.Decision{}
		}, delivery(t, a, "x", "y"), delivery(t, b, "x", "y"))
	})
	return order
}

func TestChoosersDecideTheOrder(t *testing.T) {
	never := func() bool { return false }
	for name, test := range map[string]struct {
		choose func(a, b *awsfake.Session) sim.Chooser
		want   []string
	}{
		"first": {func(_, _ *awsfake.Session) sim.Chooser { return sim.First }, []string{"1x", "1y", "2x", "2y"}},
		"last":  {func(_, _ *awsfake.Session) sim.Chooser { return sim.Last }, []string{"2y", "2x", "1y", "1x"}},
		"in turns": {func(a, b *awsfake.Session) sim.Chooser {
			return sim.InTurns(sim.Turn{Session: a, Calls: 1, IsOver: never}, sim.Turn{Session: b, Calls: 1, IsOver: never},
				sim.Turn{Session: a, Calls: 1, IsOver: never}, sim.Turn{Session: b, Calls: sim.All, IsOver: never})
		}, []string{"1x", "2x", "1y", "2y"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, goes(t, test.choose)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The same seed gives the same order, and another seed another.
func TestSeededIsReproducible(t *testing.T) {
	order := func(seed uint64) string {
		return fmt.Sprint(goes(t, func(_, _ *awsfake.Session) sim.Chooser { return sim.Seeded(seed) }))
	}
	if first, again := order(1), order(1); first != again {
		t.Errorf("one seed gives %s, and then %s", first, again)
	}
	orders := map[string]bool{}
	for seed := range uint64(20) {
		orders[order(seed)] = true
	}
	if len(orders) < 5 {
		t.Errorf("20 seeds give %d orders", len(orders))
	}
}

func TestHitIsReadAsItIsPrinted(t *testing.T) {
	hits := []sim.Hit{{}, sim.StaleRead(7, 1), sim.StaleRead(12, 34)}
	for fault := range sim.Faults {
		hits = append(hits, sim.Hit{At: 7, Fault: fault})
	}
	for _, hit := range hits {
		got := sim.ParseHit(hit.String())
		if got != hit {
			t.Errorf("%v is read as %v", hit, got)
		}
		if got.IsKnown() == (hit == sim.Hit{}) {
			t.Errorf("%v is known: %t", got, got.IsKnown())
		}
	}
	for _, text := range []string{"7=nonsense", "7=stale", "7=stale x", "7=stale 0", "7=killed 1"} {
		if got := sim.ParseHit(text); got.At != 7 || got.IsKnown() {
			t.Errorf("%s is the fault %v", text, got)
		}
	}
	if got := sim.ParseHit("nonsense"); got.At != 0 {
		t.Errorf("nonsense is a fault at call %d", got.At)
	}
}

func TestExcusesCountWhereTheyAreUsed(t *testing.T) {
	e := sim.NewExcuses()
	if e.Use(e.Of("bucket a")) {
		t.Error("excused without a reason")
	}
	e.Give(sim.Forgotten, "bucket a")
	e.Give(sim.LaterCallWins, "bucket a")
	if !e.Use(e.Of("bucket a")) || e.Use(e.Of("bucket b")) {
		t.Error("an exclusion holds for what it was given for")
	}
	e.Withdraw("bucket a")
	if e.Use(e.Of("bucket a")) {
		t.Error("excused after the exclusion was withdrawn")
	}
	if got := e.Uses.String(); got != "N4 1×" {
		t.Errorf("uses: %s", got)
	}
}

// What leaves the function is searched once, and by what is known then.
func TestLeaksAreFoundWhereverTheyAre(t *testing.T) {
	inWorld(t, func(t *testing.T, w *sim.World) {
		w.AWS.AddUser("x", "/", nil)
		_, secret := w.AWS.AddKey("x")
		fmt.Fprint(&w.Log, "key "+secret)
		if leaks := w.Leaks(nil, map[string]string{"the outputs": secret}); len(leaks) != 2 {
			t.Errorf("leaks: %v", leaks)
		}
		if leaks := w.Leaks(nil, nil); len(leaks) != 0 {
			t.Errorf("found again: %v", leaks)
		}
	})
}

// The function is released without any of this.
func TestTheFunctionImportsNoHarness(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "bucketuser/lambda").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sim", "awsfake", "cfnfake"} {
		if slices.Contains(strings.Fields(string(output)), "bucketuser/lambda/internal/"+name) {
			t.Errorf("the function imports %s", name)
		}
	}
}
