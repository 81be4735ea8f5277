package s3model

import (
	"slices"
	"sort"
	"time"
)

// partition is a range of keys with a bucket of tokens.
type partition struct {
	from    string // its first key
	entries int    // at first
	rate    float64
	tokens  float64
	holds   float64 // tokens, at most
	at      time.Time
}

// Drawn rates, in keys a second.
const (
	leastRate = 1000
	mostRate  = 6000
)

// newPartitions cuts the entries into partitions. They start their time with the first call.
func (s *Server) newPartitions(entries []entry) []*partition {
	config := s.config.Partitions
	borders := config.Borders
	if borders == nil && config.Count > 0 {
		borders = evenly(entries, config.Count)
	}
	if borders == nil {
		return nil
	}
	burst := config.Burst
	if burst == 0 {
		burst = time.Second
	}
	var all []*partition
	for i, from := range append([]string{""}, borders...) {
		rate := float64(leastRate + s.random.IntN(mostRate-leastRate+1))
		if i < len(config.Rates) {
			rate = config.Rates[i]
		}
		p := &partition{from: from, rate: rate, tokens: rate * max(0, burst.Seconds())}
		p.holds = max(rate, p.tokens)
		all = append(all, p)
	}
	for _, e := range entries {
		all[indexOf(all, e.key)].entries++
	}
	return all
}

// evenly returns borders between partitions of equal numbers of entries. They are keys, so fewer keys than partitions
// make fewer borders.
func evenly(entries []entry, count int) []string {
	borders := []string{}
	for i := 1; i < count && len(entries) > 0; i++ {
		borders = append(borders, entries[len(entries)*i/count].key)
	}
	return slices.Compact(borders)
}

func indexOf(all []*partition, key string) int {
	return sort.Search(len(all)-1, func(i int) bool { return key < all[i+1].from })
}

// fill adds the tokens of the time since the last call.
func (p *partition) fill(now time.Time) {
	if !p.at.IsZero() {
		p.tokens = min(p.holds, p.tokens+p.rate*now.Sub(p.at).Seconds())
	}
	p.at = now
}

// admit tells for each key whether the rate of its partition allows it. Nothing is taken where the whole call is refused.
func (s *Server) admit(keys []string) (accepted []bool, isRefused bool) {
	accepted = make([]bool, len(keys))
	wants := make([]float64, len(s.partitions))
	of := make([]int, len(keys))
	now := time.Now()
	for _, p := range s.partitions {
		p.fill(now)
	}
	for i, key := range keys {
		if accepted[i] = s.partitions == nil; !accepted[i] {
			of[i] = indexOf(s.partitions, key)
			wants[of[i]]++
		}
	}
	if s.config.Partitions.IsWhole && s.exceeds(wants) {
		s.stats.Refused += len(keys)
		return nil, true
	}
	for i := range keys {
		if s.partitions != nil {
			accepted[i] = s.take(s.partitions[of[i]])
		}
	}
	return accepted, false
}

// exceeds reports whether a call wants more than a partition has. One that wants more than a partition can ever have is
// accepted when that is full.
func (s *Server) exceeds(wants []float64) bool {
	for i, p := range s.partitions {
		if wants[i] > 0 && p.tokens < min(wants[i], p.holds) {
			return true
		}
	}
	return false
}

// take takes a token for a key. Where whole calls are accepted, a partition may come to owe some.
func (s *Server) take(p *partition) bool {
	if p.tokens < 1 && !s.config.Partitions.IsWhole {
		s.stats.Refused++
		return false
	}
	p.tokens--
	return true
}

// rateFloor is the time that the slowest partition takes for its entries.
func (s *Server) rateFloor() time.Duration {
	var floor time.Duration
	for _, p := range s.partitions {
		floor = max(floor, time.Duration(float64(p.entries)/p.rate*float64(time.Second)))
	}
	return floor
}
