package provision_test

import (
	"fmt"
	"testing"
	"time"

	"bucketuser/lambda/internal/sim"
)

// How the tests by number cut an event off.

// cutOff delivers an event to a process that dies after its n-th call. It returns false if there is no such call.
func (w *bench) cutOff(n int, e event) bool {
	w.t.Helper()
	r := w.play(e, &injection{Hit: sim.Hit{At: n, Fault: "killed after"}, order: "first"})
	w.t.Logf("killed after call %d: %s", n, r.call)
	return r.reached
}

// regionOf has half of the cuts be in us-east-1, where CreateBucket says less.
func regionOf(isAnew bool) string {
	if isAnew {
		return regions[0]
	}
	return regions[1]
}

// anewAfterAnHour has what comes next be an event of its own, an hour later, if it is to be one.
func (w *bench) anewAfterAnHour(isAnew bool) {
	if isAnew {
		<-time.After(time.Hour)
		w.anew()
	}
}

// eachCut plays a story once for each call of an event that changes anything, after which the process dies, and once for
// its first call. What it leaves after any other call it leaves after one of these.
func eachCut(t *testing.T, region string, start func(*bench), e event, then func(*bench)) {
	cuts := []int{1}
	inRegion(t, region, func(w *bench) {
		start(w)
		begun := len(w.Gate.Went())
		w.play(e, &injection{order: "first"})
		for i, step := range w.Gate.Went()[begun:] {
			if i > 0 && isWrite(step.Call) {
				cuts = append(cuts, i+1)
			}
		}
	})
	for i, n := range cuts {
		if testing.Short() && i%4 != 1 {
			continue
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inRegion(t, region, func(w *bench) {
				start(w)
				if !w.cutOff(n, e) {
					t.Error("there is no such call")
				}
				then(w)
			})
		})
	}
}
