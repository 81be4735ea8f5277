package purge

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of the places at which a listing can start. S3's keys are Unicode, in the byte order of UTF-8, and at most
// 1,024 bytes long ("Naming Amazon S3 objects").
const (
	maxKeyBytes = 1024
	endOfPrefix = "\U0010FFFF" // behind every key that goes on after a prefix
	beforeText  = ' ' - 1
)

// How many places a range is asked about at once.
const (
	mostPrefixes = 8
	mostSiblings = 16
)

// marksBetween returns places at which the keys behind key, up to and including end, can be divided: each is
// behind key and before end, and they are in order. An empty end is that of the bucket.
//
// There are two kinds. The end of each prefix of key tells how far the keys go that share it: so dates and sequences
// fall apart, and so does what a common folder hides. The code points at which key and end part tell the rest.
func marksBetween(key, end string) []string {
	shared := sharedPrefix(key, end)
	var marks []string
	for _, prefix := range thinned(prefixesOf(key, len(shared)), mostPrefixes) {
		marks = append(marks, prefix+endOfPrefix)
	}
	from, to := rune(beforeText), rune(utf8.MaxRune)+1
	if rest := key[len(shared):]; rest != "" {
		from, _ = utf8.DecodeRuneInString(rest)
	}
	if end != "" {
		to, _ = utf8.DecodeRuneInString(end[len(shared):])
	}
	for _, r := range thinned(siblings(from, to), mostSiblings) {
		marks = append(marks, shared+string(r))
	}
	marks = slices.DeleteFunc(marks, func(mark string) bool {
		return mark <= key || end != "" && mark >= end || len(mark) > maxKeyBytes || !isText(mark)
	})
	slices.Sort(marks)
	return slices.Compact(marks)
}

// isText reports whether a mark can be sent whatever decodes it: it is valid UTF-8 without control characters.
func isText(mark string) bool {
	return utf8.ValidString(mark) && !strings.ContainsFunc(mark, func(r rune) bool { return r < ' ' })
}

// sharedPrefix is the longest common prefix of whole code points.
func sharedPrefix(a, b string) string {
	for i, r := range a {
		width := utf8.RuneLen(r)
		if r == utf8.RuneError || i+width > len(b) || a[i:i+width] != b[i:i+width] {
			return a[:i]
		}
	}
	return a
}

// prefixesOf are the prefixes of key that are longer than a length, the shortest first.
func prefixesOf(key string, longerThan int) []string {
	var prefixes []string
	for i := range key {
		if i > longerThan {
			prefixes = append(prefixes, key[:i])
		}
	}
	if len(key) > longerThan {
		prefixes = append(prefixes, key)
	}
	return prefixes
}

// likely are code points between which keys of most kinds fall apart, in order. Above ASCII they are the
// beginnings of large scripts.
var likely = []rune("!-./0123456789:ADGJMPSVY_acegikmoqsuwy~\u0080\u0400\u0440\u0900\u3040\u4E00\u6000\u7000\u8000\uAC00\uC000\uE000\U00010000\U0001F400\U00020000")

// siblings are code points between two others, neither included.
func siblings(from, to rune) []rune {
	var found []rune
	const few, most = 2 * mostSiblings, 2 * mostSiblings
	if to-from > few && from < utf8.RuneSelf {
		return slices.DeleteFunc(slices.Clone(likely), func(r rune) bool { return r <= from || r >= to })
	}
	step := max(1, (to-from)/most)
	for r := max(from+1, ' '); r < to; r += step {
		if utf8.ValidRune(r) { // no surrogate
			found = append(found, r)
		}
	}
	return found
}

// thinned keeps at most n of the elements, the first and the last among them.
func thinned[E any](all []E, n int) []E {
	if len(all) <= n {
		return all
	}
	kept := make([]E, 0, n)
	for i := range n {
		kept = append(kept, all[i*(len(all)-1)/(n-1)])
	}
	return kept
}
