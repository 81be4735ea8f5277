package s3model

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSets(t *testing.T) {
	for _, kind := range Kinds() {
		for half, want := range map[bool]int{false: 0, true: 500} {
			s := New(Config{Seed: 1, Set: Set{Kind: kind, Entries: 1000, HalfMarkers: half}})
			markers := 0
			for e := range s.entries.from(place{}) {
				wantKey(t, e.key)
				if e.has(isMarker) {
					markers++
				}
			}
			if s.entries.count != 1000 || markers < want-5 || markers > want+5 {
				t.Errorf("%s: %d entries, %d of them markers, want some %d", kind, s.entries.count, markers, want)
			}
		}
	}
}

func wantKey(t *testing.T, key string) {
	t.Helper()
	if !utf8.ValidString(key) || len(key) > 1024 || key == "" {
		t.Fatalf("key %q", key)
	}
}

// share is the share of the keys of a kind for which something holds.
func share(kind Kind, is func(entry) bool) float64 {
	s, n := New(Config{Seed: 3, Set: Set{Kind: kind, Entries: 2000}}), 0
	for e := range s.entries.from(place{}) {
		if is(*e) {
			n++
		}
	}
	return float64(n) / 2000
}

func TestKinds(t *testing.T) {
	most := busiest(OneKey)
	for name, c := range map[Kind]struct {
		is   func(entry) bool
		want float64
	}{
		Skewed:  {func(e entry) bool { return strings.HasPrefix(e.key, "zq8w3kx7v1/") }, 0.9},
		Control: {func(e entry) bool { return strings.Contains(e.key, "\x01") }, 0.1},
		Long:    {func(e entry) bool { return len(e.key) == 1000 }, 1},
		Nulls:   {func(e entry) bool { return e.has(isNull) }, 0.5},
		UTF8:    {func(e entry) bool { return strings.ContainsFunc(e.key, func(r rune) bool { return r > 0xFFFF }) }, 5. / 11}, // three of eleven scripts, in words of two
		OneKey:  {func(e entry) bool { return e.key == most }, 0.5},
	} {
		if got := share(name, c.is); got < c.want-0.1 || got > c.want+0.1 {
			t.Errorf("%s: %v, want some %v", name, got, c.want)
		}
	}
}

// busiest is the key with the most versions.
func busiest(kind Kind) string {
	s, counts := New(Config{Seed: 3, Set: Set{Kind: kind, Entries: 2000}}), map[string]int{}
	var most string
	for e := range s.entries.from(place{}) {
		if counts[e.key]++; counts[e.key] > counts[most] {
			most = e.key
		}
	}
	return most
}

func TestManyEntriesAreCheap(t *testing.T) {
	const entries, most = 200_000, 66 // bytes an entry
	before := inUse()
	s := New(Config{Set: Set{Kind: UUIDs, Entries: entries}})
	if got := (inUse() - before) / entries; got > most {
		t.Errorf("%d bytes an entry", got)
	}
	runtime.KeepAlive(s)
}

func inUse() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestStore(t *testing.T) {
	var s store
	var keys []string
	for i := range 3000 { // in an order that fills all blocks
		key := string(rune('a'+i*7%26)) + string(rune('a'+i*11%25)) + string(rune('a'+i%23))
		if s.get(key, 1) == nil {
			s.insert(entry{key: key, serial: 1})
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	wantStore(t, &s, keys)
	for n := range 3 {
		for i := len(keys) - 1 - n; i >= 0; i -= 3 {
			s.remove(keys[i], 1)
			s.remove(keys[i], 1) // which is not there any more
			keys[i] = ""
		}
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == "" })
		wantStore(t, &s, keys)
	}
}

func wantStore(t *testing.T, s *store, keys []string) {
	t.Helper()
	for _, block := range s.blocks {
		if len(block) == 0 || len(block) >= 2*blockSize {
			t.Errorf("a block of %d", len(block))
		}
	}
	var got []string
	for e := range s.from(place{}) {
		got = append(got, e.key)
	}
	if !slices.Equal(got, keys) || s.count != len(keys) {
		t.Fatalf("%d are left in the store (it says %d), want %d", len(got), s.count, len(keys))
	}
}
