package purge_test

import (
	"fmt"
	"testing"
	"time"

	"bucketuser/lambda/internal/s3model"
)

func TestB1(t *testing.T) {
	for range 3 {
		s, took, err := empty(t, s3model.Config{Set: s3model.Set{Kind: s3model.UUIDs, Entries: 100000, HalfMarkers: true}}, time.Hour)
		fmt.Printf("B1 %v left %d listed %d peaks %d/%d reqs %v err %v\n", took.Round(time.Millisecond), s.Left, s.Listed, s.PeakDeletes, s.PeakLists, s.Requests, err)
	}
}
