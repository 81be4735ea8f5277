package cfnfake_test

import (
	"context"
	"testing"
	"time"

	"bucketuser/lambda/internal/cfnfake"
)

func TestCrashIsRepeatedTwice(t *testing.T) {
	inCloud(t, func(n int, _ cfnfake.Event) behaviour { return behaviour{crashes: n < 3} }, func(t *testing.T, f *function, s *cfnfake.Stack) {
		start := time.Now()
		equal(t, "created", s.Create(t.Context(), a, cfnfake.How{}), true)
		equal(t, "waited", time.Since(start), 3*time.Minute)
		equal(t, "invocations", f.calls, 3)
		equal(t, "failures", f.cloud.Failures(), []string{"killed", "killed"})
	})
}

func TestEventsAreDeliveredTwice(t *testing.T) {
	inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), a, cfnfake.How{Twice: true})
		f.cloud.Settle()
		equal(t, "invocations", f.calls, 2)
		equal(t, "answers that were dropped", f.cloud.Dropped(), 1)
		equal(t, "events", len(f.cloud.Exchanges()), 1)
	})
}

func TestLateDuplicateChangesNothing(t *testing.T) {
	inCloud(t, nil, func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), a, cfnfake.How{})
		s.Delete(t.Context(), cfnfake.How{})
		f.cloud.Redeliver(t.Context(), 0)
		f.cloud.Settle()
		equal(t, "state", s.State, cfnfake.None)
		equal(t, "answers that were dropped", f.cloud.Dropped(), 1)
	})
}

func TestInvocationEndsWithItsTimeout(t *testing.T) {
	inCloud(t, on("Create", behaviour{takes: time.Minute}), func(t *testing.T, f *function, s *cfnfake.Stack) {
		limits := []time.Duration{time.Second, 2 * time.Minute}
		f.cloud.Timeout = func() (next time.Duration) { next, limits = limits[0], limits[1:]; return next }
		start := time.Now()
		equal(t, "created", s.Create(t.Context(), a, cfnfake.How{}), true)
		equal(t, "waited", time.Since(start), time.Second+2*time.Minute)
		equal(t, "failures", f.cloud.Failures(), []string{"context deadline exceeded"})
	})
}

func TestNothingGoesOnAfterItsContext(t *testing.T) {
	inCloud(t, on("Create", behaviour{crashes: true}), func(t *testing.T, f *function, s *cfnfake.Stack) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		equal(t, "created", s.Create(ctx, a, cfnfake.How{}), false)
		f.cloud.Settle()
		equal(t, "history", f.history(), []string{"Create a: context deadline exceeded", "Delete analytics-Disk-100000000002 a: context deadline exceeded"})
	})
}

func TestEventsBesideEachOther(t *testing.T) {
	inCloud(t, on("Delete", behaviour{takes: time.Minute}), func(t *testing.T, f *function, s *cfnfake.Stack) {
		s.Create(t.Context(), a, cfnfake.How{})
		s.Update(t.Context(), b, cfnfake.How{})
		f.cloud.Settle()
		f.cloud.Redeliver(t.Context(), 2)
		s.Update(t.Context(), properties{"Name": "b"}, cfnfake.How{})
		f.cloud.Settle()
		s.Delete(t.Context(), cfnfake.How{Twice: true})
		f.cloud.Settle()
		var beside [][]int
		for _, x := range f.cloud.Exchanges() {
			beside = append(beside, x.Beside)
		}
		equal(t, "beside", beside, [][]int{nil, nil, {3}, {2}, {4}})
	})
}
