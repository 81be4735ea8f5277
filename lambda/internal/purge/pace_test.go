package purge_test

import (
	"fmt"
	"testing"
	"time"

	"bucketuser/lambda/internal/s3model"
)

const ms = time.Millisecond

// set is a bucket with keys of a kind.
func set(kind s3model.Kind, entries int) s3model.Set {
	return s3model.Set{Kind: kind, Entries: entries}
}

// one is a partition that serves a rate.
func one(rate float64) s3model.Partitions {
	return s3model.Partitions{Count: 1, Rates: []float64{rate}}
}

// needsTime skips what takes seconds of a processor; make pace runs it.
func needsTime(t *testing.T) {
	t.Helper()
	if isRace {
		t.Skip("the race detector has nothing to see here")
	}
}

// Where S3 refuses nothing, latencies alone count: one list after the other would take 5 s, and one delete after the other
// 15 s more.
func TestIsFastWhereNothingIsRefused(t *testing.T) {
	needsTime(t)
	for _, kind := range []s3model.Kind{s3model.Numbered, s3model.UUIDs} {
		t.Run(string(kind), func(t *testing.T) {
			o := play(t, scene{Config: s3model.Config{Set: s3model.Set{Kind: kind, Entries: 50_000, HalfMarkers: true}, List: 100 * ms, Delete: 300 * ms}})
			t.Logf("%v", o.took)
			if o.err != nil || o.Left > 0 || o.took > 2250*ms {
				t.Errorf("%v, %d left, after %v", o.err, o.Left, o.took)
			}
		})
	}
}

// What a partition takes is what a bucket in one of them is emptied at.
func TestKeepsThePaceOfAPartition(t *testing.T) {
	needsTime(t)
	for _, c := range []struct {
		rate    float64
		delete  time.Duration
		isWhole bool
	}{{1000, 30 * ms, false}, {3500, 300 * ms, false}, {3500, 30 * ms, true}, {2000, 300 * ms, true}} {
		t.Run(fmt.Sprintf("%.0f a second, %v, whole %v", c.rate, c.delete, c.isWhole), func(t *testing.T) {
			partition := one(c.rate)
			partition.IsWhole = c.isWhole
			o := play(t, scene{Config: s3model.Config{Set: set(s3model.UUIDs, 28_000), List: 100 * ms, Delete: c.delete, Partitions: partition}})
			t.Logf("ratio %.2f, %.1f %% refused", o.ratio(), 100*float64(o.Refused)/28_000)
			if o.err != nil || o.Left > 0 || o.ratio() > 1.15 {
				t.Errorf("%v, %d left, %.2f of the floor", o.err, o.Left, o.ratio())
			}
		})
	}
}

// Partitions that take more do not wait for those that take less.
func TestKeepsThePaceOfEachPartition(t *testing.T) {
	needsTime(t)
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			o := play(t, scene{Config: s3model.Config{Seed: seed, Set: set(s3model.UUIDs, 84_000), List: 100 * ms, Delete: 300 * ms,
				Partitions: s3model.Partitions{Count: 4}}})
			t.Logf("ratio %.2f, %.1f %% refused", o.ratio(), 100*float64(o.Refused)/84_000)
			if o.err != nil || o.Left > 0 || o.ratio() > 1.5 {
				t.Errorf("%v, %d left, %.2f of the floor", o.err, o.Left, o.ratio())
			}
		})
	}
}

// Nor does the form of the keys matter.
func TestKeepsThePaceWhateverTheKeys(t *testing.T) {
	needsTime(t)
	for _, kind := range []s3model.Kind{s3model.Skewed, s3model.UTF8, s3model.OneKey, s3model.Dates} {
		t.Run(string(kind), func(t *testing.T) {
			o := play(t, scene{Config: s3model.Config{Seed: 1, Set: set(kind, 42_000), List: 100 * ms, Delete: 300 * ms,
				Partitions: s3model.Partitions{Count: 4}}})
			t.Logf("ratio %.2f, %.1f %% refused", o.ratio(), 100*float64(o.Refused)/42_000)
			if o.err != nil || o.Left > 0 || o.ratio() > 1.6 {
				t.Errorf("%v, %d left, %.2f of the floor", o.err, o.Left, o.ratio())
			}
		})
	}
}
