package s3model

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A Set is what a bucket holds at first.
type Set struct {
	Kind    Kind
	Entries int // versions and delete markers together

	// HalfMarkers puts a delete marker over each version, so that half of the entries are markers.
	HalfMarkers bool
}

// Kind is the form of the keys.
type Kind string

// The kinds.
const (
	Numbered Kind = "numbered" // data/000000000042.bin
	UUIDs    Kind = "uuids"    // no prefix in common
	UTF8     Kind = "utf8"     // several scripts, also outside of the basic plane
	Dates    Kind = "dates"    // logs/2024/07/31/17/…
	Skewed   Kind = "skewed"   // 90 % under one prefix of random characters, the others are UUIDs
	OneKey   Kind = "onekey"   // 20,000 versions are of one key, or half of all where there are fewer than 40,000; UUIDs
	Control  Kind = "control"  // a tenth has a character that XML cannot carry
	Long     Kind = "long"     // 1,000 bytes each
	Nulls    Kind = "nulls"    // half of the versions have the id "null", some beside another version of the key
)

// Kinds are all of them.
func Kinds() []Kind {
	return []Kind{Numbered, UUIDs, UTF8, Dates, Skewed, OneKey, Control, Long, Nulls}
}

// mostVersions is how many a key of OneKey has at most.
const mostVersions = 20_000

// generate makes the entries, in the order of a listing.
func (s Set) generate(random *rand.Rand, isUnversioned bool) []entry {
	entries := make([]entry, 0, s.Entries)
	var text strings.Builder
	for i := 0; len(entries) < s.Entries; i++ {
		key := s.key(i, random)
		text.WriteString(key)
		for _, f := range s.versions(i, isUnversioned, s.Entries-len(entries)) {
			entries = append(entries, entry{key: key, serial: uint32(len(entries) + 1), flags: f})
		}
	}
	pack(entries, strings.Clone(text.String()))
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(b.serial, a.serial))
	})
	return entries
}

// pack has all keys share one text, in which they stand one after another: a million small strings are expensive.
func pack(entries []entry, text string) {
	at, before := 0, ""
	for i := range entries {
		if i == 0 || entries[i].key != before {
			before = entries[i].key
			at += len(before)
		}
		entries[i].key = text[at-len(before) : at]
	}
}

// versions are the flags of the versions of a key, the oldest first, of which there is room for some.
func (s Set) versions(i int, isUnversioned bool, room int) []flags {
	all := []flags{0}
	switch {
	case isUnversioned:
		return []flags{isNull}
	case s.Kind == OneKey && i == 0:
		all = make([]flags, min(mostVersions, max(1, room/2)))
	case s.Kind == Nulls && i%3 == 0: // from before versioning
		all = []flags{isNull}
	case s.Kind == Nulls && i%3 == 1: // versioning was suspended
		all = []flags{0, isNull}
	}
	if s.HalfMarkers {
		all = append(all, slices.Repeat([]flags{isMarker}, len(all))...)
	}
	return all[:min(len(all), room)]
}

// first is the moment of the first entry.
var first = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func (s Set) key(i int, random *rand.Rand) string {
	switch s.Kind {
	case Numbered:
		return fmt.Sprintf("data/%012d.bin", i)
	case UTF8:
		return script(i, random) + "/" + script(i+1, random) + fmt.Sprint("-", i)
	case Dates:
		return first.Add(time.Duration(i)*time.Minute).Format("logs/2006/01/02/15/") + fmt.Sprintf("%04d-%08x.gz", i%10_000, random.Uint32())
	case Skewed:
		if i%10 > 0 {
			return "zq8w3kx7v1/" + uuid(random)
		}
	case Control:
		if i%10 == 0 {
			return fmt.Sprintf("control/%s\x01%d\x7f", string(rune(1+random.IntN(31))), i)
		}
	case Long:
		return strings.Repeat("long-key/", 100) + fmt.Sprintf("%s/%063d", uuid(random), i)
	case UUIDs, OneKey, Nulls:
	}
	return uuid(random)
}

func uuid(random *rand.Rand) string {
	a, b := random.Uint64(), random.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48, b&0xffffffffffff)
}

// scripts are ranges of letters: Latin, Greek, Cyrillic, Arabic, Devanagari, Han, Hangul, the end of the basic plane, Gothic,
// emoji, Han of the second plane.
var scripts = [][2]rune{{'a', 'z'}, {'α', 'ω'}, {'а', 'я'}, {'ا', 'ي'}, {'अ', 'ह'}, {'一', '龥'}, {'가', '힣'}, {0xFF21, 0xFF3A},
	{0x10330, 0x1034A}, {0x1F300, 0x1F5FF}, {0x20000, 0x2A6DF}}

// script is a word in one of the scripts.
func script(i int, random *rand.Rand) string {
	of := scripts[i%len(scripts)]
	word := make([]rune, 4)
	for k := range word {
		word[k] = of[0] + random.Int32N(of[1]-of[0]+1)
	}
	return string(word)
}
