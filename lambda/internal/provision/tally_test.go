package provision_test

import (
	"bucketuser/lambda/internal/sim"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tally counts, over everything that runs beside each other.
type tally struct {
	one, two, stale, known, violations, texts, windows, done atomic.Int64

	lawful atomic.Int64 // of them, those under a law

	mu   sync.Mutex
	uses sim.Uses // of exemptions

	// behaviour is a hash over every scenario, its answers, and the account after it. It
	// stays the same where a change of the code changes nothing that can be seen.
	behaviour atomic.Uint64
}

// ran counts a scenario.
func (t *tally) ran(s scenario) {
	if s.second.At > 0 {
		t.two.Add(1)
	} else {
		t.one.Add(1)
	}
	if s.isStale() {
		t.stale.Add(1)
	}
}

// used adds how often exemptions made a difference.
func (t *tally) used(uses sim.Uses) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.uses.Add(uses)
}

// saw adds what came of a scenario to the hash, whatever the order of scenarios.
func (t *tally) saw(w *bench, scenario string, answers ...answer) {
	texts := []string{scenario, fingerprint(w.AWS)}
	for _, a := range answers {
		reason, _, _ := strings.Cut(numbers.ReplaceAllString(a.Reason, "#"), " (log stream")
		parts := strings.Split(reason, "; ") // in the order in which steps beside each other failed
		slices.Sort(parts)
		texts = append(texts, a.Status, fmt.Sprint(parts))
	}
	t.hash(texts...)
}

func (t *tally) hash(texts ...string) {
	h := sha256.New()
	for _, text := range texts {
		fmt.Fprintln(h, text)
	}
	t.behaviour.Add(binary.BigEndian.Uint64(h.Sum(nil)))
}

// numbers are those of generated ids, and times.
var numbers = regexp.MustCompile(`[0-9]+`)

// progress prints how far an enumeration is, every 20 s until stop is called.
func (t *tally) progress(what string, of int) (stop func()) {
	start, tick, over := time.Now(), time.NewTicker(20*time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				fmt.Printf("  %3.0f s: %d of %d %s, %d scenarios, %d violations\n",
					time.Since(start).Seconds(), t.done.Load(), of, what, t.one.Load()+t.two.Load(), t.violations.Load())
			}
		}
	}()
	return func() { tick.Stop(); close(over) }
}

// searched counts where a world was searched for leaks.
func (t *tally) searched(w *bench) {
	t.texts.Add(int64(w.Canary.Texts))
	t.windows.Add(int64(w.Canary.Windows))
}
