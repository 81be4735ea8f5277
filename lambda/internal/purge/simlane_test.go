package purge

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"testing"
	"time"
)

type flight struct {
	at, sent      time.Time
	keys, refused int
	s             *span
}

// simLane empties n keys at the pace of one lane from a token bucket; gives seconds and the refused share.
func simLane(n int, rate float64, burst, d time.Duration, whole bool, seed uint64, trace bool) (float64, float64, float64) {
	random := rand.New(rand.NewPCG(seed, 7))
	zero := time.Unix(1e9, 0)
	now := zero.Add(100 * time.Millisecond)
	l := &lane{rate: firstRate, grown: now}
	spans := make([]*span, 8)
	for i := range spans {
		spans[i] = newSpan("", "", l)
	}
	tokens, at := rate*burst.Seconds(), now
	holds := max(rate, tokens)
	var flights []flight
	waiting, listed, refusedAll, done, early := 1000, 1000, 0, 0, 0
	answer := time.Duration(0)
	nextList := now.Add(100 * time.Millisecond)
	jitter := func() time.Duration { return time.Duration(random.IntN(2000)) * time.Microsecond }
	for done < n {
		// answers
		sort.Slice(flights, func(i, j int) bool { return flights[i].at.Before(flights[j].at) })
		for len(flights) > 0 && !flights[0].at.After(now) {
			f := flights[0]
			flights = flights[1:]
			done += f.keys - f.refused
			waiting += f.refused
			answer = max(f.at.Sub(f.sent), answer*9/10)
			f.s.lane.answered(f.at, f.s, f.sent, f.keys, f.refused, answer)
		}
		for !now.Before(nextList) {
			k := 1000
			if now.Sub(zero) > 280*time.Millisecond {
				k = 10000
			}
			if waiting > 25000 {
				k = 0
			}
			k = min(k, n-listed)
			listed += k
			waiting += k
			nextList = nextList.Add(100 * time.Millisecond)
		}
		l.judge(now)
		l.grow(now)
		size := l.size()
		next := nextList
		if len(flights) > 0 && flights[0].at.Before(next) {
			next = flights[0].at
		}
		switch {
		case waiting == 0 || waiting < size && listed < n:
		case now.Before(l.next):
			if l.next.Before(next) {
				next = l.next
			}
		default:
			k := min(size, waiting)
			waiting -= k
			l.send(now, k)
			tokens = min(holds, tokens+rate*now.Sub(at).Seconds())
			at = now
			f := flight{sent: now, keys: k, s: spans[random.IntN(len(spans))], at: now.Add(d + jitter())}
			if rate > 0 {
				switch {
				case whole && tokens < min(float64(k), holds):
					f.refused, f.at = k, now.Add(d/10+jitter())
				case whole:
					tokens -= float64(k)
				default:
					got := min(k, int(max(0, tokens)))
					tokens -= float64(got)
					f.refused = k - got
				}
			}
			refusedAll += f.refused
			if now.Sub(zero) < 2*time.Second {
				early += f.refused
			}
			if trace {
				fmt.Printf("%.3f rate %.0f k %d refused %d tokens %.0f trial %v pace %.0f\n", now.Sub(zero).Seconds(), l.rate, k, f.refused, tokens, l.trial != nil, l.pace(now))
			}
			flights = append(flights, f)
			continue
		}
		if !next.After(now) {
			next = now.Add(time.Microsecond)
		}
		now = next
	}
	return now.Sub(zero).Seconds(), float64(refusedAll) / float64(n), float64(early) / float64(n)
}

func TestLane(t *testing.T) {
	for _, d := range []time.Duration{30, 300} {
		took, _, _ := simLane(50000, 0, 0, d*time.Millisecond, false, 1, false)
		fmt.Printf("B2 D=%d %.2f\n", d, took)
	}
	trace := os.Getenv("TRACE") != ""
	for _, whole := range []bool{false, true} {
		for _, d := range []time.Duration{30, 100, 300} {
			for _, burst := range []time.Duration{100, 1000} {
				fmt.Printf("whole=%-5v D=%-3d B=%-4d", whole, d, burst)
				for _, r := range []float64{1000, 2000, 3500, 4700, 6000} {
					var ratios, refuseds, earlies []float64
					for seed := range uint64(9) {
						took, refused, early := simLane(42000, r, burst*time.Millisecond, d*time.Millisecond, whole, seed, trace && seed == 0)
						ratios = append(ratios, took/42000*r)
						refuseds = append(refuseds, 100*refused)
						earlies = append(earlies, 100*early)
					}
					sort.Float64s(ratios)
					sort.Float64s(refuseds)
					sort.Float64s(earlies)
					fmt.Printf(" | %.2f-%.2f %4.1f(%4.1f)-%4.1f", ratios[4], ratios[8], refuseds[4], earlies[4], refuseds[8])
				}
				fmt.Println()
			}
		}
	}
	// steps: a rate that changes is not simulated here
}
