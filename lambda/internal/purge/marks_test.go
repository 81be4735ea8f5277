package purge

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// drawKey draws a key: often one that shares much with others, and sometimes one that is no UTF-8.
func drawKey(r *rapid.T, name string) string {
	parts := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"data/", "logs/2024/", "a", "b", "0", "9", "\x01", " ", "~", "é", "語", "\uD7FF", "\uE000", "\uFFFF", "😀", "\U0010FFFF", strings.Repeat("x", 300), strings.Repeat("y", 1022)}),
		rapid.StringN(1, 4, 16),
		rapid.SampledFrom([]string{"\xff", "\xc3", "\xed\xa0\x80"}),
	), 0, 6).Draw(r, name)
	key := strings.Join(parts, "")
	return key[:min(len(key), maxKeyBytes)]
}

// Whatever two keys are, a listing can begin at each mark between them.
func TestMarksAreBetween(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key, end := drawKey(r, "key"), drawKey(r, "end")
		if end != "" && end < key {
			key, end = end, key
		}
		marks := marksBetween(key, end)
		for _, mark := range marks {
			isControl := strings.ContainsFunc(mark, func(c rune) bool { return c < ' ' })
			if !utf8.ValidString(mark) || isControl || len(mark) > 1024 || mark <= key || end != "" && mark >= end {
				r.Fatalf("%q is no mark between %q and %q", mark, key, end)
			}
		}
		if isSorted := slices.IsSorted(marks); !isSorted || len(slices.Compact(slices.Clone(marks))) != len(marks) {
			r.Fatalf("%q", marks)
		}
		if len(marks) > mostPrefixes+mostSiblings {
			r.Fatalf("%d marks", len(marks))
		}
	})
}

// Keys of the usual forms are divided.
func TestMarksDivideWhatCanBeDivided(t *testing.T) {
	for _, c := range [][2]string{{"data/000000000999.bin", ""}, {"data/000000000999.bin", "data/\U0010FFFF"}, {"0a", "0b"}, {"", ""}, {"", "b"}, {"語", ""}, {"a\xff", ""}} {
		if marks := marksBetween(c[0], c[1]); len(marks) == 0 {
			t.Errorf("nothing between %q and %q", c[0], c[1])
		}
	}
	if marks := marksBetween("0a", "0b"); marks[0] > "0a\U0010FFFF" {
		t.Errorf("%q", marks)
	}
}

func TestCoveredShareIsAShare(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		from, at, end := drawKey(r, "from"), drawKey(r, "at"), drawKey(r, "end")
		if share := coveredShare(from, at, end); !(share >= 0 && share <= 1) {
			r.Fatalf("%v of %q to %q are before %q", share, from, end, at)
		}
		s := newSpan(from, end, &lane{rate: firstRate})
		s.at.key, s.listed = at, rapid.IntRange(0, 1e9).Draw(r, "listed")
		if left, size := s.left(), s.size(); left < 0 || size < 1 || size > pageSize {
			r.Fatalf("%d left, pages of %d", left, size)
		}
	})
}
