package purge

import (
	"context"
	"math"
	"time"
)

// report logs every few seconds how far the emptying is.
func (e *emptying) report(ctx context.Context) {
	ticker := time.NewTicker(progressPeriod)
	defer ticker.Stop()
	for before := e.state(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := e.state()
		perSecond := int(float64(now.deleted-before.deleted) / progressPeriod.Seconds())
		e.log.Info("deleted objects", "bucket", e.Name, "deleted", now.deleted, "perSecond", perSecond, "busy", now.busy-before.busy,
			"ranges", now.ranges, "left", now.left)
		before = now
	}
}

// A state is how far an emptying is.
type state struct{ deleted, busy, ranges, left int }

func (e *emptying) state() state {
	e.mu.Lock()
	defer e.mu.Unlock()
	return state{e.deleted, e.busy, len(e.spans), e.left()}
}

// leastCovered is how much of a range must be listed before what is left of it can be estimated.
const leastCovered = 0.001

// left estimates how many entries are left, from how far each range was listed. The caller holds the lock.
func (e *emptying) left() int {
	left := 0
	for _, s := range e.spans {
		left += len(s.waiting) + s.inFlight + s.left()
	}
	return left
}

// coveredShare is how much of the keys between two lies before a third, were they spread evenly.
func coveredShare(from, at, end string) float64 {
	shared := len(sharedPrefix(from, end))
	a, b := fraction(from[min(shared, len(from)):]), fraction(at[min(shared, len(at)):])
	z := 1.0
	if end != "" {
		z = fraction(end[shared:])
	}
	if z <= a || b <= a {
		return 0
	}
	return min(1, (b-a)/(z-a))
}

// fraction reads the first characters of a key as a number between 0 and 1.
func fraction(key string) float64 {
	const first, last = ' ', '~' // most keys are ASCII
	sum, unit := 0.0, 1.0
	for _, r := range key[:min(len(key), 8)] {
		unit /= last - first + 2
		sum += unit * float64(min(max(r, first), last+1)-first)
	}
	return sum
}

// isLate reports whether the time that is left is needed to delete what is listed, and the pages that are being listed:
// they may be full. The caller holds the lock.
func (e *emptying) isLate(ctx context.Context) bool {
	deadline, isSet := ctx.Deadline()
	if !isSet {
		return false
	}
	seconds := 0.0
	for _, s := range e.spans {
		seconds = max(seconds, s.lane.seconds(time.Now(), e.waitingIn(s.lane)+pageSize))
	}
	const margin = 1.2
	return time.Until(deadline) < 2*e.answer+e.page+time.Duration(margin*seconds*float64(time.Second))
}

// seconds is how long the lane takes for a number of keys.
func (l *lane) seconds(now time.Time, keys int) float64 {
	if doublings := l.doublings(now); l.cut.IsZero() && l.trial == nil && doublings > 0 {
		return math.Log2(1+float64(keys)*math.Ln2*doublings/l.rate) / doublings
	}
	return float64(keys) / l.pace(now)
}
