package purge

import "slices"

// A span is a range of keys, from behind one key up to and including another, that is listed and deleted. No
// two spans share a key: so all versions of one are in the same.
//
// Its fields are guarded by the lock of the emptying.
type span struct {
	from  string // the key behind which it begins
	known string // the last key that was listed, or the first that was found behind from; empty: none
	at    cursor // up to which it is listed
	end   string // the last key; empty: the end of the bucket
	lane  *lane

	pages     int     // that were listed
	listed    int     // entries
	isListed  bool    // to its end
	asked     int32   // entries of the page that is being listed
	isWhole   bool    // nothing divides what is left of it
	isDivided bool    // somebody is about to
	told      []found // what was found behind the marks at which it is about to be divided, in order
	waiting   []todo  // listed, and to be deleted
	bytes     int     // of those
	inFlight  int     // keys that S3 is asked to delete

	stirred chan struct{} // something of the above has changed
}

func newSpan(from, end string, l *lane) *span {
	return &span{from: from, at: cursor{key: from}, end: end, lane: l, stirred: make(chan struct{}, 1)}
}

// stir wakes whoever waits for a change of the span.
func (s *span) stir() {
	select {
	case s.stirred <- struct{}{}:
	default:
	}
}

// accept takes the entries of a page that are in the span: another one has those behind its end.
func (s *span) accept(p Page) {
	s.pages++
	entries := p.Entries
	if behind := slices.IndexFunc(entries, func(e Entry) bool { return s.end != "" && e.Key > s.end }); behind >= 0 {
		entries = entries[:behind]
		s.isListed = true
	}
	s.listed += len(entries)
	s.isListed = s.isListed || p.IsLast
	s.at = p.next
	s.known = max(s.known, s.at.key)
	s.isWhole = false
	s.waiting = slices.Grow(s.waiting, len(entries))
	for _, e := range entries {
		n := e.bytes()
		s.bytes += n
		s.waiting = append(s.waiting, todo{ID: e.ID, bytes: int32(n)})
	}
}

// size is how many entries the next page has room for. A page that goes far beyond the end of the span is listed for
// nothing.
func (s *span) size() int32 {
	left := s.left() * 5 / 4
	if left == 0 {
		return pageSize
	}
	return int32(min(pageSize, left+50))
}

// left estimates how many entries of the span are not listed yet, from how far the listing got with those that are. It
// is 0 where that cannot be told.
func (s *span) left() int {
	done := coveredShare(s.from, s.at.key, s.end)
	if done < leastCovered || s.isListed {
		return 0
	}
	return int(float64(s.listed) * (1 - done) / done)
}

// isDone reports whether nothing of the span is left to be listed or deleted.
func (s *span) isDone() bool { return s.isListed && len(s.waiting) == 0 && s.inFlight == 0 }

// isDivisible reports whether it makes sense to divide what the listing has not reached: what is behind a known key.
func (s *span) isDivisible() bool { return s.known != "" && !s.isListed && !s.isWhole && !s.isDivided }

// isWiderThan compares what is left of two spans: the less the keys at both ends share, the more may be between.
func (s *span) isWiderThan(other *span) bool {
	a, b := len(sharedPrefix(s.known, s.end)), len(sharedPrefix(other.known, other.end))
	return a < b || a == b && s.pages > other.pages
}

// split gives away what is behind the first of the marks that the listing has not reached, once it is told what is behind
// each. What is between two marks is a span of its own if a key was found in it. There are at most n of them.
func (s *span) split(n int) []*span {
	if s.told == nil {
		return nil
	}
	marks := slices.DeleteFunc(s.told, func(m found) bool { return m.mark <= s.at.key || s.end != "" && m.mark >= s.end })
	s.told, s.isDivided = nil, false
	if s.isListed || len(marks) == 0 {
		return nil
	}
	var parts []*span
	for i, m := range marks {
		end := s.end
		if i+1 < len(marks) {
			end = marks[i+1].mark
		}
		if m.isAny && (end == "" || m.first <= end) {
			part := newSpan(m.mark, end, s.lane)
			part.known = max(m.mark, m.first)
			parts = append(parts, part)
		}
	}
	s.end = marks[0].mark
	return joined(parts, n)
}

// joined makes at most n spans of those that follow each other.
func joined(parts []*span, n int) []*span {
	if len(parts) <= n {
		return parts
	}
	var fewer []*span
	for group := range slices.Chunk(parts, (len(parts)+n-1)/n) {
		group[0].end = group[len(group)-1].end
		fewer = append(fewer, group[0])
	}
	return fewer
}
