package purge

import (
	"context"
	"time"
)

// report logs every few seconds how far the emptying is.
func (e *emptying) report(ctx context.Context) {
	ticker := time.NewTicker(progressPeriod)
	defer ticker.Stop()
	for before := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		e.mu.Lock()
		deleted, busy, ranges, left := e.deleted, e.busy, len(e.spans), e.left()
		e.mu.Unlock()
		perSecond := float64(deleted-before) / progressPeriod.Seconds()
		before = deleted
		e.log.Info("deletes objects", "bucket", e.Name, "deleted", deleted, "perSecond", int(perSecond), "refused", busy,
			"ranges", ranges, "left", left)
	}
}

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

// isLate reports whether the time that is left is needed to delete what is listed. The caller holds the lock.
func (e *emptying) isLate(ctx context.Context) bool {
	deadline, isSet := ctx.Deadline()
	if !isSet {
		return false
	}
	waiting := 0
	for _, s := range e.spans {
		waiting += len(s.waiting) + s.inFlight
	}
	needed := 2 * e.answer
	if e.deleted > 0 {
		needed += time.Duration(float64(time.Since(e.begun)) * float64(waiting) / float64(e.deleted))
	}
	return time.Until(deadline) < needed
}
