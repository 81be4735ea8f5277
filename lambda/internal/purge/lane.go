package purge

import (
	"math"
	"time"
)

// S3 sustains at least 3,500 writes a second for a partition of a bucket, and counts each key of a DeleteObjects
// (Hadoop's BulkDelete documentation). It makes partitions of its own, tells nobody where they end, and refuses what
// is too much. So a purge begins near that rate and goes faster until it is refused something.
const (
	firstRate   = 4000.0                 // keys a second
	lowestRate  = 50.0                   // keys a second
	highestRate = 1e6                    // keys a second
	doublesIn   = 300 * time.Millisecond // while nothing was refused yet
	calmGrowth  = 0.02                   // of the rate, a second, right after a refusal
	calmDoubles = 1.0                    // seconds without a refusal in which that growth doubles
	batchTime   = 60 * time.Millisecond  // that a batch takes of the rate
	trialTime   = 250 * time.Millisecond // at least
	enough      = 500 * time.Millisecond // to tell from what was taken what is taken
	leastCut    = 0.1                    // of the rate, in a trial
	mostCut     = 0.5                    // of the rate, after a trial of less than
	certain     = 8                      // batches
	smallest    = 25                     // keys of a batch, if there are as many
)

// A lane is the pace of ranges that seem to be in one partition: a rate that they share. At first there is one lane for
// all of them.
//
// It doubles its rate until S3 refuses keys for the first time. Then there is a trial: the answers to what is under way
// tell how much of it S3 takes, and the lane goes as fast as they show so far. That is its rate from then on, and it
// grows slowly, and faster the longer nothing is refused. Where some ranges of the lane were refused nothing in trials
// in which others were refused much, they are in another partition, and the others get a lane of their own.
type lane struct {
	rate      float64   // keys a second
	grown     time.Time // when rate was that
	next      time.Time // no batch before that
	calmSince time.Time // the last refusal; zero before the first one
	trial     *trial
	tallies   map[*span]*tally // of its ranges in trials; older ones count less
	accepted  int              // keys that S3 has taken since the last refusal
}

// A trial are the answers to all batches of a lane that were sent since the first one that was refused.
type trial struct {
	since, until time.Time
	tally        // of all
}

// A tally is how many keys of one range were sent, and refused.
type tally struct{ sent, refused float64 }

// size is how many keys the next batch has, if there are as many.
func (l *lane) size() int {
	return min(mostOfBatch, max(smallest, int(l.rate*batchTime.Seconds())))
}

// send books a batch that is sent now. In a trial the lane goes as fast as the trial shows so far that S3 takes.
func (l *lane) send(now time.Time, keys int) {
	if l.next.Before(now) {
		l.next = now
	}
	seconds := float64(keys) / l.rate
	if l.trial != nil {
		seconds /= max(leastCut, l.trial.taken())
	}
	l.next = l.next.Add(time.Duration(seconds * float64(time.Second)))
}

// grow raises the rate for the time that has passed.
func (l *lane) grow(now time.Time) {
	passed := min(now.Sub(l.grown), batchTime)
	l.grown = now
	if l.trial != nil {
		return
	}
	doublings := passed.Seconds() / doublesIn.Seconds()
	if !l.calmSince.IsZero() {
		calm := now.Sub(l.calmSince).Seconds()
		doublings = min(doublings, passed.Seconds()*calmGrowth*math.Exp2(min(calm/calmDoubles, 10))/math.Ln2)
	}
	l.rate = min(highestRate, l.rate*math.Exp2(doublings))
}

// answered notes the answer to a batch of a range. Answers take as long as given.
func (l *lane) answered(now time.Time, s *span, sent time.Time, keys, refused int, answer time.Duration) {
	if !sent.Before(l.calmSince) {
		l.accepted += keys - refused
	}
	if refused > 0 && l.trial == nil && !sent.Before(l.calmSince) {
		l.trial = &trial{since: sent, until: now.Add(max(answer, trialTime))}
		l.next = now
	}
	if l.trial == nil || sent.Before(l.trial.since) {
		return
	}
	if l.tallies == nil {
		l.tallies = map[*span]*tally{}
	}
	if l.tallies[s] == nil {
		l.tallies[s] = &tally{}
	}
	l.trial.add(keys, refused)
	l.tallies[s].add(keys, refused)
}

func (t *tally) add(sent, refused int) {
	t.sent += float64(sent)
	t.refused += float64(refused)
}

// taken is the share of the keys that S3 has taken.
func (t *tally) taken() float64 { return 1 - t.refused/t.sent }

// judge ends a trial that is over.
func (l *lane) judge(now time.Time) {
	if l.trial == nil || now.Before(l.trial.until) {
		return
	}
	taken := l.trial.taken()
	if l.trial.sent < float64(certain*l.size()) {
		taken = max(mostCut, taken)
	}
	rate := l.rate * taken
	l.trial = nil
	of := l.separate(now)
	passed := now.Sub(l.calmSince)
	switch {
	case of != l:
		sum := of.tally()
		rate = of.rate * sum.taken()
	case !l.calmSince.IsZero() && passed > enough:
		rate = max(rate, float64(l.accepted)/passed.Seconds())
	}
	of.rate = max(lowestRate, min(of.rate, rate))
	of.calmSince, of.grown, of.next, of.accepted = now, now, now, 0
	for s, t := range of.tallies {
		if *t = (tally{t.sent / 2, t.refused / 2}); t.sent < 1 {
			delete(of.tallies, s)
		}
	}
}

// tally is that of all ranges together.
func (l *lane) tally() (sum tally) {
	for _, t := range l.tallies {
		sum.sent += t.sent
		sum.refused += t.refused
	}
	return sum
}

// evidence is how many batches would have been refused of ranges that were refused nothing, were they in the partition
// of the others.
const evidence = 4

// separate gives the ranges that were refused something a lane of their own, if the others are in another partition.
func (l *lane) separate(now time.Time) *lane {
	all, clean := l.tally(), 0.0
	guilty := &lane{tallies: map[*span]*tally{}}
	for s, t := range l.tallies {
		if t.refused > 0 {
			guilty.tallies[s] = t
		} else {
			clean += t.sent
		}
	}
	if all.refused == 0 || clean*all.refused/all.sent < evidence*float64(l.size()) { // those that were refused may have ended
		return l
	}
	share := guilty.tally().sent / all.sent
	guilty.rate = max(lowestRate, l.rate*share)
	l.rate = max(lowestRate, l.rate*(1-share))
	for s := range guilty.tallies {
		s.lane = guilty
		delete(l.tallies, s)
	}
	return guilty
}
