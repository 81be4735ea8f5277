package purge

import (
	"math"
	"time"
)

// A window bounds how many keys S3 is asked to delete at the same time. A store that is slow need not refuse anything:
// it may answer later and later, and what it has not answered when the time is over is asked for in vain.
//
// At first there is room for a few batches, and then for some times as many keys as the store has taken in the shortest
// time in which it has answered.
type window struct {
	keys    int           // that S3 is asked to delete
	least   time.Duration // in which S3 has answered
	taken   float64       // keys, in that time
	counted time.Time     // when that was so
}

const (
	firstWindow = 4000 // keys
	moreThan    = 4    // times what was taken
)

// isFull reports whether no batch may be sent before another one is answered.
func (w *window) isFull() bool { return float64(w.keys) >= firstWindow+moreThan*w.taken }

// answered notes the answer to a batch of which S3 has taken so many keys.
func (w *window) answered(now, sent time.Time, keys, taken int) {
	w.keys -= keys
	if took := max(now.Sub(sent), time.Millisecond); w.least == 0 || took < w.least {
		w.least = took
	}
	w.taken = w.taken*math.Exp(-now.Sub(w.counted).Seconds()/w.least.Seconds()) + float64(taken)
	w.counted = now
}
