package purge

import (
	"math"
	"time"
)

// S3 sustains at least 3,500 writes a second for a partition of a bucket, and counts each key of a DeleteObjects
// (Hadoop's BulkDelete documentation). It makes partitions of its own, tells nobody where they end, and refuses what
// is too much. So a purge begins above that rate, and goes faster until it is refused something.
const (
	firstRate   = 10000.0                // keys a second
	lowestRate  = 300.0                  // keys a second
	highestRate = 1e6                    // keys a second
	startTwice  = 500 * time.Millisecond // in which a start doubles its rate
	startRate   = 16000.0                // keys a second, up to which it does while one partition may take them all
	onePart     = 11500                  // keys that one partition may take within the first second
	moreTwice   = 110 * time.Millisecond // in which a start doubles its rate once there must be more partitions
	calmGrowth  = 0.06                   // of the rate, a second, right after a cut
	calmTwice   = 0.8                    // seconds without a cut in which that growth doubles
	batchTime   = 15 * time.Millisecond  // that a batch takes of the rate; whole batches may be refused
	smallest    = 5                      // keys of a batch, if there are as many
)

// Trials.
const (
	trialTime   = 100 * time.Millisecond // in which the batches are sent that are judged
	halvesIn    = 60 * time.Millisecond  // the pace, while it is not known yet what S3 takes
	leastPace   = 0.25                   // of the rate, to which it falls
	underBase   = 0.9                    // of the rate of the last cut: as far as the pace falls then
	under       = 0.95                   // of what S3 takes: what it refuses costs more than what it would take, too
	mostCut     = 0.55                   // of the pace: few batches tell little
	reserve     = time.Second            // of a rate, that S3 takes at once of whoever has sent less before
	soon        = time.Second            // after a cut, in which another trial tells whether it has helped
	few         = 0.1                    // share of the keys that are refused
	asMany      = 0.7                    // of the share before: going slower has not helped
	mostUseless = 3                      // cuts
	deafTime    = 2 * time.Second        // in which refusals are taken as they are, where going slower does not help
)

// A lane is the pace of ranges that seem to be in one partition: a rate that they share. At first there is one lane for
// all of them.
//
// It goes faster until S3 refuses keys for the first time. Then there is a trial: the lane slows down until there are
// the answers to what was sent in the first moments. They tell how much S3 takes in that time. Somewhat less is the
// rate from then on, and it grows, slowly at first, until the next refusal. Where some ranges of the lane were refused
// nothing in trials in which others were refused much, they are in another partition, and the others get a lane of
// their own.
type lane struct {
	rate  float64   // keys a second
	grown time.Time // when rate was that
	next  time.Time // no batch before that

	begun    time.Time        // with the first batch
	sent     int              // keys, since then
	cut      time.Time        // when the rate was cut; zero before the first time
	base     float64          // the rate then
	before   float64          // the rate before cuts that have not helped
	share    float64          // of the keys that were refused before them
	useless  int              // those
	deaf     time.Time        // no trial before that
	accepted int              // keys that S3 has taken since the last cut
	answer   time.Duration    // that the latest calls took of which S3 has taken something
	trial    *trial           // nil if there is none
	tallies  map[*span]*tally // of its ranges in trials; older ones count less
}

// size is how many keys the next batch has, if there are as many.
func (l *lane) size() int {
	return min(mostOfBatch, max(smallest, int(l.pace(l.grown)*batchTime.Seconds())))
}

// pace is how many keys are sent a second. In a trial it falls: in the first one no further than leastPace, and at once
// to what was sent a second until then; later no further than a little under the rate of the last cut.
func (l *lane) pace(now time.Time) float64 {
	if l.trial == nil {
		return l.rate
	}
	slower := l.rate * math.Exp2(-now.Sub(l.trial.noticed).Seconds()/halvesIn.Seconds())
	if l.cut.IsZero() {
		slower = min(l.trial.average, max(slower, l.rate*leastPace))
	} else {
		slower = max(slower, min(l.rate, l.base)*underBase)
	}
	return max(lowestRate, slower)
}

// send books a batch that is sent now.
func (l *lane) send(now time.Time, keys int) {
	if l.begun.IsZero() {
		l.begun = now
	}
	if l.next.Before(now) {
		l.next = now
	}
	l.sent += keys
	l.next = l.next.Add(time.Duration(float64(keys) / l.pace(now) * float64(time.Second)))
}

// grow raises the rate for the time that has passed.
func (l *lane) grow(now time.Time) {
	passed := min(now.Sub(l.grown), batchTime).Seconds()
	l.grown = now
	if l.trial == nil {
		l.rate = min(highestRate, l.rate*math.Exp2(passed*l.doublings(now)))
	}
}

// doublings is how often the rate doubles in a second.
func (l *lane) doublings(now time.Time) float64 {
	switch {
	case !l.cut.IsZero():
		return min(1, calmGrowth/math.Ln2*math.Exp2(now.Sub(l.cut).Seconds()/calmTwice))
	case l.sent >= onePart:
		return 1 / moreTwice.Seconds()
	case l.rate >= startRate:
		return 0
	}
	return 1 / startTwice.Seconds()
}

// answered notes the answer to a batch of a range.
func (l *lane) answered(now time.Time, s *span, sent time.Time, keys, refused int) {
	if sent.Before(l.cut) {
		return
	}
	l.accepted += keys - refused
	if refused < keys {
		l.answer = max(now.Sub(sent), l.answer*95/100)
	}
	if refused > 0 && l.trial == nil && !now.Before(l.deaf) {
		l.trial = &trial{since: sent, noticed: now, average: float64(l.sent) / max(now.Sub(l.begun), time.Millisecond).Seconds()}
	}
	if l.trial == nil || sent.Before(l.trial.since) {
		return
	}
	l.trial.answers = append(l.trial.answers, answered{sent, tally{float64(keys), float64(refused)}})
	if l.tallies == nil {
		l.tallies = map[*span]*tally{}
	}
	if l.tallies[s] == nil {
		l.tallies[s] = &tally{}
	}
	l.tallies[s].add(tally{float64(keys), float64(refused)})
}

// judge ends a trial that is over.
func (l *lane) judge(now time.Time) {
	if l.trial == nil || now.Before(l.trial.until(l.answer)) {
		return
	}
	taken, share := l.trial.measure()
	least := l.pace(now) * mostCut
	l.trial = nil
	all := l.tally()
	if of := l.separate(); of != l {
		sum := of.tally()
		takes := taken * (sum.sent - sum.refused) / max(1, all.sent-all.refused)
		of.slowDown(now, max(takes*under, least*sum.sent/all.sent))
		return
	}
	passed := now.Sub(l.cut)
	if passed < soon && share < few || l.isInVain(now, passed, share) {
		return
	}
	if share == 0 && l.useless >= mostUseless {
		taken = max(taken, l.rate)
	}
	if l.cut.IsZero() {
		passed = now.Sub(l.begun)
	}
	known := float64(l.accepted) / (passed + reserve).Seconds()
	l.slowDown(now, max(taken*under, known, least))
}

// isInVain reports whether another cut makes no sense: one cut followed the other, and S3 goes on refusing the same
// share. So it does not refuse for the rate. The lane goes faster again then, and is deaf for a while.
func (l *lane) isInVain(now time.Time, passed time.Duration, share float64) bool {
	if l.before == 0 || passed > 2*soon {
		l.useless, l.before, l.share = 0, l.rate, share
		return false
	}
	l.useless++
	if l.useless < mostUseless || share <= l.share*asMany {
		return false
	}
	l.useless, l.deaf, l.cut, l.accepted = 0, now.Add(deafTime), now, 0
	l.rate = max(l.rate, l.before)
	l.base = l.rate
	return true
}

// slowDown cuts the rate, at least a little.
func (l *lane) slowDown(now time.Time, rate float64) {
	l.rate = max(lowestRate, min(l.rate*under, rate))
	l.base, l.cut, l.grown, l.next, l.accepted = l.rate, now, now, now, 0
	for s, t := range l.tallies {
		if *t = (tally{t.sent / 2, t.refused / 2}); t.sent < 1 {
			delete(l.tallies, s)
		}
	}
}
