package purge

import "time"

// A trial are the answers to all batches of a lane that were sent since the first one that was refused.
type trial struct {
	since   time.Time // when that one was sent
	noticed time.Time // when its answer came
	average float64   // keys a second that were sent until then
	answers []answered
}

// An answered is a batch that was answered.
type answered struct {
	sent time.Time
	tally
}

// A tally is how many keys were sent, and refused.
type tally struct{ sent, refused float64 }

func (t *tally) add(more tally) {
	t.sent += more.sent
	t.refused += more.refused
}

// taken is the share of the keys that S3 has taken.
func (t *tally) taken() float64 { return 1 - t.refused/t.sent }

// patience is how long a trial waits for an answer of a batch of which S3 has taken something, if there was none yet.
// Refusals come sooner.
const patience = time.Second

// until is when a trial is over: all batches that are judged have been answered. Answers take as long as given, and 0
// says that there was none.
func (t *trial) until(answer time.Duration) time.Time {
	if answer == 0 {
		answer = patience
	}
	return t.since.Add(trialTime + answer)
}

// measure tells from the batches that are judged how many keys S3 takes a second, and which share it has refused. The
// first batch says nothing: S3 may have taken of it what it had in reserve.
func (t *trial) measure() (rate, share float64) {
	var sum tally
	last := t.since
	for _, a := range t.answers {
		if a.sent.After(t.since) && !a.sent.After(t.since.Add(trialTime)) {
			sum.add(a.tally)
			last = later(last, a.sent)
		}
	}
	if sum.sent == 0 {
		return 0, 1
	}
	return (sum.sent - sum.refused) / last.Sub(t.since).Seconds(), 1 - sum.taken()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tally is that of all ranges together.
func (l *lane) tally() (sum tally) {
	for _, t := range l.tallies {
		sum.add(*t)
	}
	return sum
}

// evidence is how many batches would have been refused of ranges that were refused nothing, were they in the partition
// of the others.
const evidence = 4

// separate gives the ranges that were refused something a lane of their own, if the others are in another partition.
func (l *lane) separate() *lane {
	all, clean := l.tally(), 0.0
	guilty := &lane{answer: l.answer, tallies: map[*span]*tally{}}
	for s, t := range l.tallies {
		if t.refused > 0 {
			guilty.tallies[s] = t
		} else {
			clean += t.sent
		}
	}
	if clean*all.refused <= all.sent*evidence*float64(l.size()) {
		return l
	}
	share := guilty.tally().sent / all.sent
	guilty.rate = l.rate * share
	l.rate = max(lowestRate, l.rate*(1-share))
	for s := range guilty.tallies {
		s.lane = guilty
		delete(l.tallies, s)
	}
	return guilty
}
