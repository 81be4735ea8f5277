package purge_test

import (
	"fmt"
	"testing"
	"time"

	"bucketuser/lambda/internal/s3model"
)

// BenchmarkPace reports the ratio to the floor for many rates: go test -run '^$' -bench Pace -benchtime 1x.
func BenchmarkPace(b *testing.B) {
	for _, isWhole := range []bool{false, true} {
		for _, latency := range []time.Duration{30 * ms, 300 * ms} {
			for _, rate := range []float64{1000, 3500, 6000} {
				for _, burst := range []time.Duration{100 * ms, time.Second} {
					partition := one(rate)
					partition.IsWhole, partition.Burst = isWhole, burst
					b.Run(fmt.Sprintf("whole=%v/%v/%.0f/burst=%v", isWhole, latency, rate, burst), func(b *testing.B) {
						benchmark(b, s3model.Config{Set: set(s3model.UUIDs, 42_000), List: 100 * ms, Delete: latency, Partitions: partition})
					})
				}
			}
		}
	}
	for _, kind := range s3model.Kinds() {
		for seed := range uint64(3) {
			b.Run(fmt.Sprintf("four/%s/%d", kind, seed), func(b *testing.B) {
				benchmark(b, s3model.Config{Seed: seed, Set: set(kind, 84_000), List: 100 * ms, Delete: 300 * ms, Partitions: s3model.Partitions{Count: 4}})
			})
		}
	}
}

func benchmark(b *testing.B, c s3model.Config) {
	for b.Loop() {
		var o outcome
		// A bubble wants a test.
		testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: b.Name(), F: func(t *testing.T) { o = play(t, scene{Config: c}) }}})
		b.ReportMetric(o.ratio(), "of-floor")
		b.ReportMetric(100*float64(o.Refused)/float64(c.Set.Entries), "%busy")
		if o.err != nil || o.Left > 0 {
			b.Errorf("%v, %d left", o.err, o.Left)
		}
	}
}
