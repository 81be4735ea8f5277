package cfnfake_test

import (
	"testing"

	"bucketuser/lambda/internal/cfnfake"
)

// life is what one resource goes through, and what the function is sent then.
type life struct {
	name   string
	behave func(int, cfnfake.Event) behaviour
	live   func(*testing.T, *cfnfake.Stack)
	want   []string
	state  cfnfake.State
	id     string // known to CloudFormation in the end
}

func (l life) check(t *testing.T) {
	t.Helper()
	inCloud(t, l.behave, func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), a, cfnfake.How{})
		l.live(t, s)
		f.cloud.Settle()
		equal(t, "history", f.history()[1:], l.want)
		equal(t, "state", s.State, l.state)
		equal(t, "id", s.PhysicalID, l.id)
		equal(t, "violations", f.cloud.Violations(), []string(nil))
	})
}

// failing fails the n-th invocations, counted from 1.
func failing(n ...int) func(int, cfnfake.Event) behaviour {
	return func(i int, _ cfnfake.Event) behaviour {
		for _, other := range n {
			if i == other {
				return behaviour{fails: "no"}
			}
		}
		return behaviour{}
	}
}

func check(t *testing.T, lives []life) {
	t.Helper()
	for _, l := range lives {
		t.Run(l.name, l.check)
	}
}

var c = properties{"Name": "c", "Size": 1, "On": true}

func TestRemovedFromTheTemplate(t *testing.T) {
	remove := func(t *testing.T, s *cfnfake.Stack) {
		equal(t, "removed", s.Remove(t.Context(), cfnfake.How{}), true)
	}
	check(t, []life{
		{"it is deleted", nil, remove, []string{"Delete id-a a: SUCCESS"}, cfnfake.None, ""},
		{"with the properties that it had last", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{})
			remove(t, s)
		}, []string{"Update id-a a to b: SUCCESS", "Delete id-a a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.None, ""},
		{"a second try", failing(2), remove, []string{"Delete id-a a: FAILED", "Delete id-a a: SUCCESS"}, cfnfake.None, ""},
		{"it is forgotten after three", on("Delete", behaviour{fails: "no"}), remove,
			[]string{"Delete id-a a: FAILED", "Delete id-a a: FAILED", "Delete id-a a: FAILED"}, cfnfake.None, ""},
		{"it can be added again", failing(2, 3, 4), func(t *testing.T, s *cfnfake.Stack) {
			remove(t, s)
			equal(t, "forgotten", len(s.Abandoned), 1)
			s.Create(t.Context(), a, cfnfake.How{})
		}, []string{"Delete id-a a: FAILED", "Delete id-a a: FAILED", "Delete id-a a: FAILED", "Create a: SUCCESS"}, cfnfake.Live, "id-a"},
		{"an update that fails sends nothing", nil, func(t *testing.T, s *cfnfake.Stack) {
			equal(t, "removed", s.Remove(t.Context(), cfnfake.How{SiblingFails: true}), false)
		}, []string{}, cfnfake.Live, "id-a"},
		{"nested", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Remove(t.Context(), cfnfake.How{Nested: true})
			equal(t, "state", s.State, cfnfake.Waiting)
			s.ParentEnds(t.Context(), cfnfake.How{})
		}, []string{"Delete id-a a: SUCCESS"}, cfnfake.None, ""},
		{"nested, and its parent fails", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Remove(t.Context(), cfnfake.How{Nested: true})
			s.ParentEnds(t.Context(), cfnfake.How{SiblingFails: true})
		}, []string{}, cfnfake.Live, "id-a"},
		{"nested, and back in the template after its parent failed", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Remove(t.Context(), cfnfake.How{Nested: true})
			s.ParentEnds(t.Context(), cfnfake.How{SiblingFails: true, RollbackDisabled: true})
			s.Update(t.Context(), a, cfnfake.How{})
		}, []string{}, cfnfake.Live, "id-a"},
	})
}

// The function is sent the same Delete for what was replaced, removed, and deleted with its
// stack. DescribeStackResource tells the first from the others; nothing tells the second from
// the third but that CloudFormation gives up.
func TestStatusTellsWhatWasReplaced(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   func(*testing.T, *cfnfake.Stack)
		want  []string
		state cfnfake.State
	}{
		{"replaced", func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, cfnfake.How{}) },
			[]string{"UPDATE_IN_PROGRESS id-a", "UPDATE_COMPLETE id-b"}, cfnfake.Live},
		{"removed", func(t *testing.T, s *cfnfake.Stack) { s.Remove(t.Context(), cfnfake.How{}) },
			[]string{"DELETE_IN_PROGRESS id-a", "DELETE_FAILED id-a", "DELETE_IN_PROGRESS id-a", "DELETE_FAILED id-a", "DELETE_IN_PROGRESS id-a", "DELETE_FAILED id-a", ""}, cfnfake.None},
		{"deleted", func(t *testing.T, s *cfnfake.Stack) { s.Delete(t.Context(), cfnfake.How{}) },
			[]string{"DELETE_IN_PROGRESS id-a", "DELETE_FAILED id-a"}, cfnfake.DeleteFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, on("Delete", behaviour{fails: "no"}), func(t *testing.T, f *function, s *cfnfake.Stack) {
				s.Create(t.Context(), a, cfnfake.How{})
				before := len(f.statuses)
				test.end(t, s)
				equal(t, "statuses", f.statuses[before:], test.want)
				equal(t, "state", s.State, test.state)
			})
		})
	}
}

func TestNestedStackWaitsForItsParent(t *testing.T) {
	nested := cfnfake.How{Nested: true}
	fails := cfnfake.How{SiblingFails: true}
	check(t, []life{
		{"in place", nil, func(t *testing.T, s *cfnfake.Stack) {
			equal(t, "updated", s.Update(t.Context(), properties{"Name": "a"}, nested), true)
			equal(t, "kept", s.ParentEnds(t.Context(), cfnfake.How{}), true)
		}, []string{"Update id-a a to a: SUCCESS"}, cfnfake.Live, "id-a"},
		{"a replacement waits", nil, func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, nested) },
			[]string{"Update id-a a to b: SUCCESS"}, cfnfake.Waiting, "id-b"},
		{"a replacement is cleaned up", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, nested)
			s.ParentEnds(t.Context(), cfnfake.How{})
		}, []string{"Update id-a a to b: SUCCESS", "Delete id-a a: SUCCESS"}, cfnfake.Live, "id-b"},
		{"a parent that fails takes it back", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, nested)
			equal(t, "kept", s.ParentEnds(t.Context(), fails), false)
		}, []string{"Update id-a a to b: SUCCESS", "Update id-b b to a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.Live, "id-a"},
		{"by Delete alone", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, nested)
			s.ParentEnds(t.Context(), cfnfake.How{SiblingFails: true, OnlyDelete: true})
		}, []string{"Update id-a a to b: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.Live, "id-a"},
		{"a stack that fails goes back at once, and is cleaned up later", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{Nested: true, SiblingFails: true})
			equal(t, "state", s.State, cfnfake.Waiting)
			equal(t, "id", s.PhysicalID, "id-a")
			equal(t, "kept", s.ParentEnds(t.Context(), fails), false)
		}, []string{"Update id-a a to b: SUCCESS", "Update id-b b to a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.Live, "id-a"},
		{"a rollback that fails is continued", failing(3), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, nested)
			s.ParentEnds(t.Context(), fails)
			equal(t, "state", s.State, cfnfake.RollbackFailed)
			s.ContinueRollback(t.Context(), cfnfake.How{})
		}, []string{"Update id-a a to b: SUCCESS", "Update id-b b to a: FAILED", "Update id-b b to a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.Live, "id-a"},
	})
}

func TestRollbackDisabled(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	stays := cfnfake.How{RollbackDisabled: true}
	siblingFails := cfnfake.How{RollbackDisabled: true, SiblingFails: true}
	check(t, []life{
		{"what failed has its old id", failing(2), func(t *testing.T, s *cfnfake.Stack) {
			equal(t, "updated", s.Update(t.Context(), b, stays), false)
			equal(t, "properties", s.Properties, a)
			equal(t, "tried", s.Tried, b)
		}, []string{"Update id-a a to b: FAILED"}, cfnfake.UpdateFailed, "id-a"},
		{"what was given up has its old id", on("Update", behaviour{takes: 1}), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{RollbackDisabled: true, GiveUp: closed})
		}, []string{"Update id-a a to b: Resource operation cancelled"}, cfnfake.UpdateFailed, "id-a"},
		{"what succeeded has its new id", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, siblingFails)
			equal(t, "properties", s.Properties, b)
			equal(t, "pending", s.Pending()[0].PhysicalResourceId, "id-a")
		}, []string{"Update id-a a to b: SUCCESS"}, cfnfake.UpdateFailed, "id-b"},
		{"what failed is tried again", failing(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, stays)
			equal(t, "updated", s.Update(t.Context(), b, stays), true)
		}, []string{"Update id-a a to b: FAILED", "Update id-a a to b: SUCCESS", "Delete id-a a: SUCCESS"}, cfnfake.Live, "id-b"},
		{"what failed is tried again with its old properties", failing(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, stays)
			s.Update(t.Context(), a, stays)
		}, []string{"Update id-a a to b: FAILED", "Update id-a a to a: SUCCESS"}, cfnfake.Live, "id-a"},
		{"an update of the siblings cleans up", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, siblingFails)
			s.Update(t.Context(), b, siblingFails)
			equal(t, "state", s.State, cfnfake.UpdateFailed)
			s.Update(t.Context(), b, stays)
		}, []string{"Update id-a a to b: SUCCESS", "Delete id-a a: SUCCESS"}, cfnfake.Live, "id-b"},
		{"the next replacement cleans up both", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, siblingFails)
			s.Update(t.Context(), c, stays)
		}, []string{"Update id-a a to b: SUCCESS", "Update id-b b to c: SUCCESS", "Delete id-a a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.Live, "id-c"},
		{"an update back cleans up", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, siblingFails)
			s.Update(t.Context(), a, stays)
		}, []string{"Update id-a a to b: SUCCESS", "Update id-b b to a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.Live, "id-a"},
		{"an update that is rolled back goes back to the last complete state", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, siblingFails)
			s.Update(t.Context(), c, cfnfake.How{SiblingFails: true})
		}, []string{"Update id-a a to b: SUCCESS", "Update id-b b to c: SUCCESS", "Update id-c c to a: SUCCESS",
			"Delete id-b b: SUCCESS", "Delete id-c c: SUCCESS"}, cfnfake.Live, "id-a"},
		{"a rollback on demand of what failed", failing(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, stays)
			equal(t, "rolled back", s.Rollback(t.Context(), cfnfake.How{}), true)
		}, []string{"Update id-a a to b: FAILED", "Update id-a b to a: SUCCESS"}, cfnfake.Live, "id-a"},
		{"a rollback on demand of what succeeded", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, siblingFails)
			s.Rollback(t.Context(), cfnfake.How{})
		}, []string{"Update id-a a to b: SUCCESS", "Update id-b b to a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.Live, "id-a"},
		{"a deletion takes both", failing(3), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, siblingFails)
			equal(t, "deleted", s.Delete(t.Context(), cfnfake.How{}), false)
			equal(t, "deleted", s.Delete(t.Context(), cfnfake.How{}), true)
		}, []string{"Update id-a a to b: SUCCESS", "Delete id-a a: FAILED", "Delete id-a a: SUCCESS", "Delete id-b b: SUCCESS"}, cfnfake.None, ""},
	})
}

// What the others do happens when the answer is in, and before the next event.
func TestBetween(t *testing.T) {
	happens := func(how cfnfake.How, run func(*testing.T, *cfnfake.Stack, cfnfake.How), want ...string) func(*testing.T) {
		return func(t *testing.T) {
			inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
				s.Create(t.Context(), a, cfnfake.How{})
				var after []string // the event that was the last by then
				how.Between = func() {
					history := f.history()
					after = append(after, history[len(history)-1])
				}
				run(t, s, how)
				equal(t, "happened after", after, want)
			})
		}
	}
	update := func(t *testing.T, s *cfnfake.Stack, how cfnfake.How) { s.Update(t.Context(), b, how) }
	t.Run("a clean-up", happens(cfnfake.How{}, update, "Update id-a a to b: SUCCESS"))
	t.Run("a rollback and its clean-up", happens(cfnfake.How{SiblingFails: true}, update, "Update id-a a to b: SUCCESS", "Update id-b b to a: SUCCESS"))
	t.Run("a rollback in place", happens(cfnfake.How{SiblingFails: true}, func(t *testing.T, s *cfnfake.Stack, how cfnfake.How) {
		s.Update(t.Context(), properties{"Name": "a"}, how)
	}, "Update id-a a to a: SUCCESS", "Update id-a a to a: SUCCESS"))
	t.Run("a removal", happens(cfnfake.How{}, func(t *testing.T, s *cfnfake.Stack, how cfnfake.How) { s.Remove(t.Context(), how) }, "Create a: SUCCESS"))
	t.Run("a Create that is taken back", happens(cfnfake.How{SiblingFails: true}, func(t *testing.T, s *cfnfake.Stack, how cfnfake.How) {
		s.Delete(t.Context(), cfnfake.How{})
		s.Create(t.Context(), a, how)
	}, "Create a: SUCCESS"))
}

// A Delete of what was replaced names another id than the resource has.
func TestKnownID(t *testing.T) {
	inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), a, cfnfake.How{})
		s.Update(t.Context(), b, cfnfake.How{})
		s.Remove(t.Context(), cfnfake.How{})
		var known []string
		for _, x := range f.cloud.Exchanges() {
			known = append(known, x.Known)
		}
		equal(t, "known", known, []string{"", "id-a", "id-b", "id-b"})
	})
}
