package s3model

import (
	"iter"
	"math"
	"slices"
	"sort"
	"strings"
)

// entry is one version or delete marker.
type entry struct {
	key    string
	serial uint32 // the higher, the younger; never 0
	flags
}

type flags uint8

const (
	isMarker flags = 1 << iota
	isNull         // its version id is "null"
	isRetained
	isHeld
	isListed // since the server began
)

func (f flags) has(one flags) bool { return f&one != 0 }

// beforeAll and afterAll are serials that stand before and after every version of a key.
const (
	beforeAll = math.MaxUint32
	afterAll  = 0
)

// isBefore is the order of a listing: by key in the byte order of UTF-8, the youngest version first.
func (e entry) isBefore(key string, serial uint32) bool {
	if order := strings.Compare(e.key, key); order != 0 {
		return order < 0
	}
	return e.serial > serial
}

// store keeps entries in the order of a listing. It consists of blocks, none of them empty, so that a change moves few.
type store struct {
	blocks [][]entry
	count  int
}

// blockSize is how long a block is at first. It is halved at twice that.
const blockSize = 256

// place is a position in a store.
type place struct{ block, index int }

// fill puts sorted entries into an empty store.
func (s *store) fill(sorted []entry) {
	s.count = len(sorted)
	for block := range slices.Chunk(sorted, blockSize) {
		s.blocks = append(s.blocks, slices.Clone(block))
	}
}

// find is the place of the first entry that does not come before a version of a key.
func (s *store) find(key string, serial uint32) place {
	block := sort.Search(len(s.blocks), func(i int) bool {
		last := s.blocks[i][len(s.blocks[i])-1]
		return !last.isBefore(key, serial)
	})
	if block == len(s.blocks) {
		return place{block, 0}
	}
	entries := s.blocks[block]
	return place{block, sort.Search(len(entries), func(i int) bool { return !entries[i].isBefore(key, serial) })}
}

// from yields entries in order. The store must not be changed meanwhile, but for the flags of an entry.
func (s *store) from(p place) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for ; p.block < len(s.blocks); p = (place{p.block + 1, 0}) {
			entries := s.blocks[p.block]
			for i := p.index; i < len(entries); i++ {
				if !yield(&entries[i]) {
					return
				}
			}
		}
	}
}

// versions yields those of one key, the youngest first.
func (s *store) versions(key string) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for e := range s.from(s.find(key, beforeAll)) {
			if e.key != key || !yield(e) {
				return
			}
		}
	}
}

// get returns the version of a serial, or nil.
func (s *store) get(key string, serial uint32) *entry {
	for e := range s.from(s.find(key, serial)) {
		if e.key == key && e.serial == serial {
			return e
		}
		break
	}
	return nil
}

// null returns the version of a key whose id is "null", or nil.
func (s *store) null(key string) *entry {
	for e := range s.versions(key) {
		if e.has(isNull) {
			return e
		}
	}
	return nil
}

// remove takes the version of a serial away, if it is there.
func (s *store) remove(key string, serial uint32) {
	p := s.find(key, serial)
	if p.block == len(s.blocks) || s.blocks[p.block][p.index].key != key || s.blocks[p.block][p.index].serial != serial {
		return
	}
	s.blocks[p.block] = slices.Delete(s.blocks[p.block], p.index, p.index+1)
	if len(s.blocks[p.block]) == 0 {
		s.blocks = slices.Delete(s.blocks, p.block, p.block+1)
	}
	s.count--
}

// insert adds a version that is not there.
func (s *store) insert(e entry) {
	s.count++
	if len(s.blocks) == 0 {
		s.blocks = [][]entry{{e}}
		return
	}
	p := s.find(e.key, e.serial)
	if p.block == len(s.blocks) {
		p = place{p.block - 1, len(s.blocks[p.block-1])}
	}
	entries := slices.Insert(s.blocks[p.block], p.index, e)
	s.blocks[p.block] = entries
	if half := len(entries) / 2; half == blockSize {
		s.blocks = slices.Insert(s.blocks, p.block+1, slices.Clone(entries[half:]))
		s.blocks[p.block] = entries[:half:half]
	}
}
