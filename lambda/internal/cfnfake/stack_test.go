package cfnfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/internal/cfnfake"
)

func TestWhatFollowsWhat(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	failsOn := func(n int) func(int, cfnfake.Event) behaviour {
		return func(i int, _ cfnfake.Event) behaviour {
			if i == n {
				return behaviour{fails: "no"}
			}
			return behaviour{}
		}
	}
	tests := []struct {
		name   string
		behave func(int, cfnfake.Event) behaviour
		run    func(*testing.T, *cfnfake.Stack)
		want   []string
	}{
		{"create and delete", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Delete(t.Context(), cfnfake.How{})
		},
			[]string{"Create a: SUCCESS", "Delete id-a a: SUCCESS"}},
		{"a failed Create is deleted under the id of its answer", on("Create", behaviour{fails: "no"}),
			func(t *testing.T, s *cfnfake.Stack) { s.Create(t.Context(), a, cfnfake.How{}) },
			[]string{"Create a: FAILED", "Delete id-a a: SUCCESS"}},
		{"a failing sibling deletes what was created", nil, func(t *testing.T, s *cfnfake.Stack) { s.Create(t.Context(), a, cfnfake.How{SiblingFails: true}) },
			[]string{"Create a: SUCCESS", "Delete id-a a: SUCCESS"}},
		{"a Create that is given up is deleted under an invented id", on("Create", behaviour{takes: time.Minute}),
			func(t *testing.T, s *cfnfake.Stack) { s.Create(t.Context(), a, cfnfake.How{GiveUp: closed}) },
			[]string{"Create a: Resource operation cancelled", "Delete analytics-Disk-100000000002 a: SUCCESS"}},
		{"a Create without an answer is deleted under an invented id", on("Create", behaviour{crashes: true}),
			func(t *testing.T, s *cfnfake.Stack) { s.Create(t.Context(), a, cfnfake.How{}) },
			[]string{"Create a: " + noResponse, "Delete analytics-Disk-100000000002 a: SUCCESS"}},
		{"the same properties are no update", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), properties{"Name": "a", "Size": "1", "On": "true"}, cfnfake.How{})
		}, []string{"Create a: SUCCESS"}},
		{"an Update under the same id is in place", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), properties{"Name": "a"}, cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to a: SUCCESS"}},
		{"an Update under another id is a replacement", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), b, cfnfake.How{})
			s.Delete(t.Context(), cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Delete id-a a: SUCCESS", "Delete id-b b: SUCCESS"}},
		{"a clean-up is tried three times", on("Delete", behaviour{fails: "no"}), func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), b, cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Delete id-a a: FAILED", "Delete id-a a: FAILED", "Delete id-a a: FAILED"}},
		{"a failed Update goes back under the old id", failsOn(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), b, cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: FAILED", "Update id-a b to a: SUCCESS"}},
		{"a replacement is rolled back by Update and Delete", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), b, cfnfake.How{SiblingFails: true})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Update id-b b to a: SUCCESS", "Delete id-b b: SUCCESS"}},
		{"a replacement is rolled back by Delete alone", nil, func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), b, cfnfake.How{SiblingFails: true, OnlyDelete: true})
			s.Delete(t.Context(), cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: SUCCESS", "Delete id-b b: SUCCESS", "Delete id-a a: SUCCESS"}},
		{"an Update that is given up is rolled back beside it", on("Update", behaviour{takes: time.Second}), func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), b, cfnfake.How{GiveUp: closed})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: Resource operation cancelled", "Update id-a b to a: SUCCESS"}},
		{"a failed rollback is continued", func(n int, _ cfnfake.Event) behaviour {
			if n == 2 || n == 3 {
				return behaviour{fails: "no"}
			}
			return behaviour{}
		}, func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Update(t.Context(), b, cfnfake.How{})
			s.ContinueRollback(t.Context(), cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Update id-a a to b: FAILED", "Update id-a b to a: FAILED", "Update id-a b to a: SUCCESS"}},
		{"a failed Delete is sent again", failsOn(2), func(t *testing.T, s *cfnfake.Stack) {
			s.Create(t.Context(), a, cfnfake.How{})
			s.Delete(t.Context(), cfnfake.How{})
			s.Delete(t.Context(), cfnfake.How{})
		}, []string{"Create a: SUCCESS", "Delete id-a a: FAILED", "Delete id-a a: SUCCESS"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, test.behave, func(t *testing.T, f *function, s *cfnfake.Stack) {
				test.run(t, s)
				f.cloud.Settle()
				equal(t, "history", f.history(), test.want)
				equal(t, "violations", f.cloud.Violations(), []string(nil))
			})
		})
	}
}

func TestPrimitivesArriveAsStrings(t *testing.T) {
	inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), properties{"Name": "a", "Size": 1, "On": true, "List": []any{properties{"Key": 2}}}, cfnfake.How{})
		got := f.cloud.Exchanges()[0].Event.ResourceProperties
		equal(t, "properties", got, properties{"Name": "a", "Size": "1", "On": "true", "List": []any{properties{"Key": "2"}},
			"ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:provider"})
	})
}

func TestStatusDuringEachOperation(t *testing.T) {
	inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), a, cfnfake.How{})
		s.Update(t.Context(), b, cfnfake.How{CleanupStatus: "DELETE_IN_PROGRESS"})
		s.Delete(t.Context(), cfnfake.How{})
		equal(t, "statuses", f.statuses, []string{"CREATE_IN_PROGRESS", "CREATE_COMPLETE id-a", "UPDATE_IN_PROGRESS id-a",
			"UPDATE_COMPLETE id-b", "DELETE_IN_PROGRESS id-b", "UPDATE_COMPLETE id-b", "DELETE_IN_PROGRESS id-b", "DELETE_COMPLETE id-b"})
	})
}

func TestOperationThatWouldNotBegin(t *testing.T) {
	inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
		equal(t, "updated", s.Update(t.Context(), a, cfnfake.How{}), false)
		equal(t, "deleted", s.Delete(t.Context(), cfnfake.How{}), false)
		equal(t, "continued", s.ContinueRollback(t.Context(), cfnfake.How{}), false)
		equal(t, "removed", s.Remove(t.Context(), cfnfake.How{}), false)
		equal(t, "rolled back", s.Rollback(t.Context(), cfnfake.How{}), false)
		equal(t, "ended", s.ParentEnds(t.Context(), cfnfake.How{}), false)
		equal(t, "events", len(f.cloud.Exchanges()), 0)
		equal(t, "violations", f.cloud.Violations(), []string{"Update of stack analytics, whose resource is none",
			"Delete of stack analytics, whose resource is none", "ContinueRollback of stack analytics, whose resource is none",
			"Remove of stack analytics, whose resource is none", "Rollback of stack analytics, whose resource is none",
			"ParentEnds of stack analytics, whose resource is none"})
	})
}
