package purge_test

import (
	"fmt"
	"testing"
	"time"

	"bucketuser/lambda/internal/s3model"
)

func TestTrouble(t *testing.T) {
	for _, trouble := range []s3model.Trouble{{KeySlowDown: 0.02}, {KeySlowDown: 0.05}, {KeySlowDown: 0.2}, {SlowDown: 0.02}, {SlowDown: 0.2}} {
		for _, n := range []int{21000, 84000} {
			s, took, err := empty(t, s3model.Config{Set: s3model.Set{Kind: s3model.UUIDs, Entries: n}, List: 100 * time.Millisecond, Delete: 100 * time.Millisecond, Trouble: trouble}, time.Hour)
			fmt.Printf("%+v %d %v left %d reqs %v err %v\n", trouble, n, took.Round(time.Millisecond), s.Left, s.Requests, err)
		}
	}
}
