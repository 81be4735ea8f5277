package purge_test

import (
	"fmt"
	"testing"
	"time"

	"bucketuser/lambda/internal/s3model"
)

func TestB2(t *testing.T) {
	for _, kind := range []s3model.Kind{s3model.Numbered, s3model.UUIDs, s3model.Dates, s3model.UTF8} {
		s, took, err := empty(t, s3model.Config{Set: s3model.Set{Kind: kind, Entries: 50000, HalfMarkers: true}, List: 100 * time.Millisecond, Delete: 300 * time.Millisecond}, time.Hour)
		fmt.Printf("B2 %v %v left %d listed %d peaks %d/%d reqs %v err %v\n", kind, took.Round(time.Millisecond), s.Left, s.Listed, s.PeakDeletes, s.PeakLists, s.Requests, err)
	}
}

func TestB5(t *testing.T) {
	for _, kind := range []s3model.Kind{s3model.Skewed, s3model.UUIDs, s3model.UTF8, s3model.OneKey, s3model.Dates, s3model.Numbered} {
		for seed := range uint64(2) {
			s, took, err := empty(t, s3model.Config{Seed: seed, Set: s3model.Set{Kind: kind, Entries: 84000}, List: 100 * time.Millisecond, Delete: 300 * time.Millisecond,
				Partitions: s3model.Partitions{Count: 4}}, time.Hour)
			fmt.Printf("B5 %v %v ratio %.2f refused %.1f%% left %d rates %v reqs %v listed %d err %v\n", kind, took.Round(time.Millisecond), took.Seconds()/s.Floor().Seconds(), 100*float64(s.Refused)/84000, s.Left, s.Rates, s.Requests, s.Listed, err)
		}
	}
}
