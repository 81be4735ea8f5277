package purge

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A lane goes on at a rate whatever it is answered, and its rate is that of all lanes that it becomes.
func TestLaneKeepsARate(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		now := time.Unix(1e9, 0)
		first := &lane{rate: firstRate, grown: now}
		spans := make([]*span, rapid.IntRange(1, 6).Draw(r, "spans"))
		for i := range spans {
			spans[i] = newSpan("", "", first)
		}
		var sent []sentBatch
		for range rapid.IntRange(1, 200).Draw(r, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(r, "ms")) * time.Millisecond)
			s := rapid.SampledFrom(spans).Draw(r, "span")
			switch rapid.IntRange(0, 9).Draw(r, "what") {
			case 0: // a range ends, and another begins in its lane
				delete(s.lane.tallies, s)
				*s = *newSpan("", "", s.lane)
			case 1, 2, 3:
				if b, ok := popBatch(&sent, s); ok {
					refused := min(b.keys, rapid.SampledFrom([]int{0, 0, 1, b.keys / 2, b.keys}).Draw(r, "refused"))
					s.lane.answered(now, s, b.at, b.keys, refused)
				}
			default:
				s.lane.judge(now)
				s.lane.grow(now)
				keys := rapid.IntRange(1, s.lane.size()).Draw(r, "keys")
				s.lane.send(now, keys)
				sent = append(sent, sentBatch{s, s.lane, now, keys})
				checkLane(r, s.lane, now)
			}
		}
		for _, s := range spans {
			checkLane(r, s.lane, now)
		}
	})
}

type sentBatch struct {
	of   *span
	lane *lane
	at   time.Time
	keys int
}

// popBatch takes the oldest batch of a span. Its lane counts only if the span is still in it.
func popBatch(sent *[]sentBatch, s *span) (sentBatch, bool) {
	for i, b := range *sent {
		if b.of == s {
			*sent = append((*sent)[:i:i], (*sent)[i+1:]...)
			return b, b.lane == s.lane
		}
	}
	return sentBatch{}, false
}

func checkLane(r *rapid.T, l *lane, now time.Time) {
	if math.IsNaN(l.rate) || l.rate < lowestRate || l.rate > highestRate {
		r.Fatalf("a rate of %f keys a second", l.rate)
	}
	if n := l.size(); n < 1 || n > mostOfBatch {
		r.Fatalf("batches of %d keys", n)
	}
	if wait := l.next.Sub(now); wait > time.Hour {
		r.Fatalf("waits %v", wait)
	}
}

// What a lane is separated into goes as fast as it did.
func TestSeparateKeepsTheRate(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := &lane{rate: rapid.Float64Range(20*lowestRate, highestRate).Draw(r, "rate"), tallies: map[*span]*tally{}}
		for range rapid.IntRange(1, 6).Draw(r, "spans") {
			sent := float64(rapid.IntRange(1, 20000).Draw(r, "sent"))
			s := newSpan("", "", l)
			l.tallies[s] = &tally{sent, sent * rapid.SampledFrom([]float64{0, 0, 0.3, 1}).Draw(r, "refused")}
		}
		before, of := l.rate, l.tallies
		all := map[*span]tally{}
		for s, t := range of {
			all[s] = *t
		}
		other := l.separate()
		if other == l {
			return
		}
		if sum := l.rate + other.rate; sum < before*0.999 || sum > before*1.001+2*lowestRate {
			r.Fatalf("%f and %f keys a second, of %f", l.rate, other.rate, before)
		}
		for s, t := range all {
			if isOther := s.lane == other; isOther != (t.refused > 0) {
				r.Fatalf("a range of which %v were refused is in the other lane: %v", t, isOther)
			}
		}
	})
}

// A range whose trial decides may have ended by then.
func TestLaneOutlivesTheRangeOfItsTrial(t *testing.T) {
	now := time.Unix(1e9, 0)
	l := &lane{rate: firstRate, grown: now}
	ended := newSpan("", "", l)
	l.answered(now, ended, now, 100, 50)
	delete(l.tallies, ended)
	l.judge(now.Add(5 * time.Second))
	if !(l.rate > 0) {
		t.Errorf("%f keys a second", l.rate)
	}
}
