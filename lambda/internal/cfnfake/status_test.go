package cfnfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/internal/cfnfake"
)

// The stack tells what its resource does not: whether an Update goes forwards or back, and
// what a Delete is for.
func TestStackStatusOfEachEvent(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	const (
		update, rollback     = "Update in UPDATE_IN_PROGRESS", "Update in UPDATE_ROLLBACK_IN_PROGRESS"
		cleanUp, cleanUpBack = "Delete in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "Delete in UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
	)
	siblingFails, nested := cfnfake.How{SiblingFails: true}, cfnfake.How{Nested: true}
	for _, test := range []struct {
		name   string
		behave func(int, cfnfake.Event) behaviour
		run    func(*testing.T, *cfnfake.Stack)
		want   []string // after the Create
		end    string
	}{
		{"created", nil, func(*testing.T, *cfnfake.Stack) {}, nil, "CREATE_COMPLETE"},
		{"updated in place", nil, func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), properties{"Name": "a"}, cfnfake.How{}) },
			[]string{update}, "UPDATE_COMPLETE"},
		{"nothing to update", nil, func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), a, cfnfake.How{}) }, nil, "CREATE_COMPLETE"},
		{"replaced", nil, func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, cfnfake.How{}) },
			[]string{update, cleanUp}, "UPDATE_COMPLETE"},
		{"a clean-up that fails", on("Delete", behaviour{fails: "no"}), func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, cfnfake.How{}) },
			[]string{update, cleanUp, cleanUp, cleanUp}, "UPDATE_COMPLETE"},
		{"a failed Update", failing(2), func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, cfnfake.How{}) },
			[]string{update, rollback}, "UPDATE_ROLLBACK_COMPLETE"},
		{"an Update that is given up", on("Update", behaviour{takes: time.Second}), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{GiveUp: closed})
		}, []string{update, rollback}, "UPDATE_ROLLBACK_COMPLETE"},
		{"a failing sibling", nil, func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, siblingFails) },
			[]string{update, rollback, cleanUpBack}, "UPDATE_ROLLBACK_COMPLETE"},
		{"a replacement that is rolled back by Delete alone", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{SiblingFails: true, OnlyDelete: true})
		}, []string{update, cleanUpBack}, "UPDATE_ROLLBACK_COMPLETE"},
		{"a failed rollback", failing(2, 3), func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, cfnfake.How{}) },
			[]string{update, rollback}, "UPDATE_ROLLBACK_FAILED"},
		{"a failed rollback that is continued", failing(2, 3), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{})
			s.ContinueRollback(t.Context(), cfnfake.How{})
		}, []string{update, rollback, rollback}, "UPDATE_ROLLBACK_COMPLETE"},
		{"without a rollback", failing(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{RollbackDisabled: true})
		}, []string{update}, "UPDATE_FAILED"},
		{"tried again", failing(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{RollbackDisabled: true})
			s.Update(t.Context(), b, cfnfake.How{})
		}, []string{update, update, cleanUp}, "UPDATE_COMPLETE"},
		{"rolled back on demand", failing(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{RollbackDisabled: true})
			s.Rollback(t.Context(), cfnfake.How{})
		}, []string{update, rollback}, "UPDATE_ROLLBACK_COMPLETE"},
		{"rolled back on demand after a replacement", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{SiblingFails: true, RollbackDisabled: true})
			s.Rollback(t.Context(), cfnfake.How{})
		}, []string{update, rollback, cleanUpBack}, "UPDATE_ROLLBACK_COMPLETE"},
		{"deleted", nil, func(t *testing.T, s *cfnfake.Stack) { s.Delete(t.Context(), cfnfake.How{}) },
			[]string{"Delete in DELETE_IN_PROGRESS"}, "DELETE_COMPLETE"},
		{"a failed Delete", failing(2), func(t *testing.T, s *cfnfake.Stack) { s.Delete(t.Context(), cfnfake.How{}) },
			[]string{"Delete in DELETE_IN_PROGRESS"}, "DELETE_FAILED"},
		{"removed", nil, func(t *testing.T, s *cfnfake.Stack) { s.Remove(t.Context(), cfnfake.How{}) }, []string{cleanUp}, "UPDATE_COMPLETE"},
		{"not removed", nil, func(t *testing.T, s *cfnfake.Stack) { s.Remove(t.Context(), siblingFails) }, nil, "UPDATE_ROLLBACK_COMPLETE"},
		{"added again", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Remove(t.Context(), cfnfake.How{})
			s.Create(t.Context(), a, cfnfake.How{})
		}, []string{cleanUp, "Create in UPDATE_IN_PROGRESS"}, "UPDATE_COMPLETE"},
		{"added again, and taken back", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Remove(t.Context(), cfnfake.How{})
			s.Create(t.Context(), a, siblingFails)
		}, []string{cleanUp, "Create in UPDATE_IN_PROGRESS", cleanUpBack}, "UPDATE_ROLLBACK_COMPLETE"},
		{"a failed Create", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Delete(t.Context(), cfnfake.How{})
			s.Create(t.Context(), a, siblingFails)
		}, []string{"Delete in DELETE_IN_PROGRESS", "Create in CREATE_IN_PROGRESS", "Delete in ROLLBACK_IN_PROGRESS"}, "ROLLBACK_COMPLETE"},
		{"added again, and not taken back", failing(4), func(t *testing.T, s *cfnfake.Stack) {
			s.Remove(t.Context(), cfnfake.How{})
			s.Create(t.Context(), a, siblingFails)
		}, []string{cleanUp, "Create in UPDATE_IN_PROGRESS", cleanUpBack}, "UPDATE_ROLLBACK_COMPLETE"},
		{"nested, and waiting", nil, func(t *testing.T, s *cfnfake.Stack) { s.Update(t.Context(), b, nested) },
			[]string{update}, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"},
		{"nested", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, nested)
			s.ParentEnds(t.Context(), cfnfake.How{})
		}, []string{update, cleanUp}, "UPDATE_COMPLETE"},
		{"nested, and its parent is rolled back", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, nested)
			s.ParentEnds(t.Context(), siblingFails)
		}, []string{update, rollback, cleanUpBack}, "UPDATE_ROLLBACK_COMPLETE"},
		{"nested, rolled back, and waiting", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{Nested: true, SiblingFails: true})
		}, []string{update, rollback}, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"},
		{"nested, and rolled back", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Update(t.Context(), b, cfnfake.How{Nested: true, SiblingFails: true})
			s.ParentEnds(t.Context(), siblingFails)
		}, []string{update, rollback, cleanUpBack}, "UPDATE_ROLLBACK_COMPLETE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, test.behave, func(t *testing.T, f *function, s *cfnfake.Stack) {
				s.Create(t.Context(), a, cfnfake.How{})
				f.cloud.Settle()
				equal(t, "Create", f.sent, []string{"Create in CREATE_IN_PROGRESS"})
				f.sent = nil
				test.run(t, s)
				f.cloud.Settle()
				equal(t, "events", f.sent, test.want)
				equal(t, "end", f.stack, test.end)
			})
		})
	}
}

// A stack whose resource could not be taken back is in ROLLBACK_FAILED, and can be deleted.
func TestStackStatusOfAFailedRollbackOfACreate(t *testing.T) {
	inCloud(t, failing(1, 2), func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), a, cfnfake.How{})
		equal(t, "status", f.stack, "ROLLBACK_FAILED")
		s.Delete(t.Context(), cfnfake.How{})
		equal(t, "events", f.sent, []string{"Create in CREATE_IN_PROGRESS", "Delete in ROLLBACK_IN_PROGRESS", "Delete in DELETE_IN_PROGRESS"})
		equal(t, "status", f.stack, "DELETE_COMPLETE")
	})
}
