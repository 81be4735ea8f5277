package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/infra/internal/caller"
	"bucketuser/lambda/spec"
)

// Each property is changed in place, by another step, or for a reason by none.
func TestEveryPropertyIsChangedOrExcused(t *testing.T) {
	known, inPlace := map[string]bool{}, map[string]bool{}
	for _, c := range changes() {
		if _, itself := c.values[c.property]; !itself || inPlace[c.property] {
			t.Errorf("%s: its change leaves it as it is, or is there twice", c.property)
		}
		inPlace[c.property] = true
	}
	for _, row := range spec.Table {
		known[row.Name] = true
		by, isElsewhere := elsewhere[row.Name]
		reason, isExcused := unchanged[row.Name]
		if count(inPlace[row.Name], isElsewhere, isExcused) != 1 {
			t.Errorf("%s: in place %t, by another step %q, by none since %q; want one of them", row.Name, inPlace[row.Name], by, reason)
		}
		if isElsewhere && !slices.ContainsFunc(steps(), func(s step) bool { return s.name == by }) {
			t.Errorf("%s: no step %q", row.Name, by)
		}
	}
	for name := range inPlace {
		if !known[name] {
			t.Errorf("%s: is no property", name)
		}
	}
}

func count(all ...bool) (n int) {
	for _, one := range all {
		if one {
			n++
		}
	}
	return n
}

// The check at the end of a run names what was never changed.
func TestPropertyThatWasNeverChangedIsNamed(t *testing.T) {
	l := &live{changed: map[string]bool{}}
	for _, row := range spec.Table {
		l.changed[row.Name] = true
	}
	if err := l.checkAllWereChanged(t.Context()); err != nil {
		t.Error(err)
	}
	delete(l.changed, "Prefix")
	if err := l.checkAllWereChanged(t.Context()); err == nil || !strings.Contains(err.Error(), "Prefix") {
		t.Errorf("without a change of Prefix: %v", err)
	}
}

func TestOnlyThingsOfARunAreOurs(t *testing.T) {
	const run = "bucketuser-live-x7k2p9"
	for name, want := range map[string]string{
		run: run, run + "-set": run, run + "/one": run, run + "-ProviderRole1234-abc": run,
		"/bucketuser/" + run + "/ServiceToken": run, "/aws/lambda/" + run + "-ProviderFunction": run,
		"bucketuser-live-": "", "bucketuser-live-x7k2p": "", "bucketuser-live-x7k2p99": "", "bucketuser-live-x7k2p9x/one": "", "my-" + run: "",
		"bucketuser-live-X7k2p9": "", "bucketuser-livestock": "", "bucketuser-000000000000-eu-west-1-abc": "", run + ".example": "",
	} {
		if got := runOf(name); got != want {
			t.Errorf("%s: is of the run %q, want %q", name, got, want)
		}
	}
	for range 100 {
		if name := newName(); !isName(name) || len(name+"-") > 24 { // CloudFormation cuts what is longer off in names of roles
			t.Fatalf("new name %s", name)
		}
	}
	if isName(run+"-set") || isName("") {
		t.Error("what is no name of a run counts as one")
	}
}

// What is no name of a run is refused before anybody is asked.
func TestOtherNamesAreRefused(t *testing.T) {
	for _, name := range []string{"prod", "bucketuser-live-", "bucketuser-live-x7k2p9-set", "bucketuser-live-X7K2P9", "BucketUser"} {
		if err := run(t.Context(), []string{"-name", name, "-clean", "-yes", "yes"}); err == nil || !strings.HasPrefix(err.Error(), "NAME="+name+": must be bucketuser-live- and six") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Cleaning removes the provider's stack last: the others import from it.
func TestProviderGoesLast(t *testing.T) {
	stacks := []thing{{kind: "stack", name: "bucketuser-live-x7k2p9"}, {kind: "bucket", name: "bucketuser-live-x7k2p9-one"}, {kind: "stack", name: "bucketuser-live-x7k2p9-set"}}
	got := inOrder("stack", stacks)
	if len(got) != 2 || got[0].name != "bucketuser-live-x7k2p9-set" || got[1].name != "bucketuser-live-x7k2p9" {
		t.Errorf("order %v", got)
	}
}

func TestBusyStacks(t *testing.T) {
	for status, want := range map[types.StackStatus]bool{
		types.StackStatusCreateInProgress: true, types.StackStatusUpdateRollbackCompleteCleanupInProgress: true,
		types.StackStatusDeleteInProgress: true, types.StackStatusReviewInProgress: false, types.StackStatusDeleteFailed: false,
	} {
		if got := isBusy(status); got != want {
			t.Errorf("%s: busy %t", status, got)
		}
	}
}

// Questions have names of their own, since answers go by them, and the others are answered by steps.
func TestQuestions(t *testing.T) {
	bySteps := []string{firstSecondOf + "create", firstSecondOf + "delete", pendingContent, pendingAfter, failedRotation, howInvoked}
	seen := map[string]bool{}
	for _, p := range probes() {
		if seen[p.name] || p.question == "" || p.believes == "" || (p.ask == nil) != slices.Contains(bySteps, p.name) {
			t.Errorf("question %+v", p)
		}
		seen[p.name] = true
	}
}

func TestTableIsMarkdown(t *testing.T) {
	l := &live{account: &account{Caller: caller.Caller{Region: "eu-west-1"}}, answers: map[string]answer{"a new bucket": {"one | two\nthree", "Get ok: id"}}}
	table := l.table()
	if !strings.Contains(table, `| one \| two three | Get ok: id |`) || !strings.Contains(table, "19 questions were not asked") {
		t.Errorf("table:\n%s", table)
	}
}

func TestCallsAreShownOnceForEachAnswer(t *testing.T) {
	c := &calls{}
	for _, one := range []call{{"Get", "NotFound", "1"}, {"Get", "NotFound", "2"}, {"Get", "NotFound", "3"}, {"Get", "ok", "4"}} {
		c.add(one)
	}
	if got := c.ids(); got != "Get NotFound: 1 … 3; Get ok: 4" {
		t.Error(got)
	}
}

func TestRotationsThatFailAreDescribed(t *testing.T) {
	at := time.Now().Add(-time.Minute)
	text := describeFailures([]logLine{{at: at, Step: "createSecret", Token: "a"}, {at: at.Add(30 * time.Second), Step: "createSecret", Token: "b"}})
	if !strings.HasPrefix(text, "2 steps failed in 1m0s: createSecret at 0s, the same token; createSecret at 30s, another token") {
		t.Error(text)
	}
	begin := func(id string) logLine { return logLine{text: "START RequestId: " + id + " Version: $LATEST"} }
	for want, starts := range map[string][]logLine{
		"the log does not show":                          nil,
		"no: each of 2 runs began once":                  {begin("0-a"), begin("0-b")},
		"yes: of 3 runs some began again under the same": {begin("0-a"), begin("0-b"), begin("0-a")},
	} {
		if got := describeRuns(starts); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
