// Package s3model is a model of S3 as far as emptying a bucket meets it: one bucket with many entries, behind an
// http.Handler and an http.RoundTripper.
//
// It has latencies, partitions with a rate each, and the ways in which S3 fails. It counts what it was asked for, and
// computes how fast a bucket can be emptied at all. It waits by timers alone, so that it works in a bubble of
// testing/synctest, and draws everything from a seed. It knows nothing of signatures and rights.
package s3model

import (
	"maps"
	"math/rand/v2"
	"sync"
	"time"
)

// A Config says how a server behaves. The zero value of a field is the simplest behaviour: no latency, no limit, no
// failure. It can be written as JSON.
type Config struct {
	Bucket string
	Owner  string // the account; a call that expects another one is denied
	Region string
	Tags   map[string]string
	Policy string // the document; empty for none
	Set    Set    // what is in the bucket at first
	Seed   uint64 // of everything that is drawn

	// List is the latency of a listing, and of every call that is no delete. Delete is that of a delete. A call that
	// is refused as a whole is answered after a tenth of it.
	List, Delete time.Duration

	Partitions Partitions
	Trouble    Trouble
	Uploads    int // unfinished multipart uploads at first
	GoneMarker GoneMarker

	// MaxBody is how long the document of a DeleteObjects may be, in bytes; 0 is no limit. Some servers have one of 1 MiB.
	MaxBody int

	// IsUnversioned makes a bucket that never had versioning: each version id is "null".
	IsUnversioned bool
}

// Partitions are ranges of keys that have a rate each. Each key of a DeleteObjects, a DeleteObject and a PutObject count
// one against the rate of their partition.
type Partitions struct {
	Count   int       // of equal numbers of entries; without Count and Borders nothing is limited
	Borders []string  // the first key of each partition but the first, sorted; instead of Count
	Rates   []float64 // keys a second, one for each partition; drawn between 1,000 and 6,000 where there are none
	// Burst is how long a partition serves twice its rate at first, and one second where it is zero. A negative one has
	// every partition start with nothing.
	Burst   time.Duration
	IsWhole bool // a call beyond the rate is refused as a whole with 503; else as many keys as may be are accepted
}

// A GoneMarker is what a listing after a version does that is gone by now.
type GoneMarker string

// The behaviours. S3 does not document its own; its version ids tell their age.
const (
	ByAge        GoneMarker = ""      // goes on with what is older than that version was
	WholeKey     GoneMarker = "whole" // lists all versions of the key
	InvalidAfter GoneMarker = "400"   // InvalidArgument
)

// Server is the model. It is safe for concurrent use.
type Server struct {
	config Config

	mu         sync.Mutex
	random     *rand.Rand
	entries    store
	serial     uint32 // of the youngest version
	uploads    []upload
	tags       map[string]string
	policy     []byte
	isGone     bool
	partitions []*partition
	stats      Stats
	deletes    inFlight
	lists      inFlight
}

// Stats are what a server has counted since it was made.
type Stats struct {
	Entries int // at first
	Left    int // entries that are there now
	Uploads int // that are there now
	IsGone  bool

	Deleted    int            // entries
	Written    int            // entries, by PutObject
	Listed     int            // entries, each as often as it was listed
	ListedLeft int            // entries that were listed and are there now
	Refused    int            // keys, for the rate of their partition
	Failed     int            // keys that got one of the drawn errors
	Denied     int            // keys, for a lock
	Requests   map[string]int // by operation
	Refusals   map[string]int // answers to whole requests that were no success, by code; resets among them

	PeakDeletes, PeakLists int // that were under way at the same time

	Rates     []float64     // of the partitions, keys a second
	RateFloor time.Duration // that the slowest partition takes for its entries, without its initial burst
	ListFloor time.Duration // that the longest listing takes which cannot be split: the full pages of the versions of one key
}

// Floor is the least time in which the bucket can be emptied.
func (s Stats) Floor() time.Duration { return max(s.RateFloor, s.ListFloor) }

// New makes a server.
func New(config Config) *Server {
	s := &Server{config: config, random: rand.New(rand.NewPCG(config.Seed, 1)), tags: maps.Clone(config.Tags)}
	if config.Policy != "" {
		s.policy = []byte(config.Policy)
	}
	entries := config.Set.generate(rand.New(rand.NewPCG(config.Seed, 2)), config.IsUnversioned)
	s.lock(entries)
	s.serial = uint32(len(entries))
	s.uploads = generateUploads(config.Uploads)
	s.partitions = s.newPartitions(entries)
	s.stats = Stats{Entries: len(entries), Requests: map[string]int{}, Refusals: map[string]int{},
		RateFloor: s.rateFloor(), ListFloor: listFloor(entries, config.List)}
	for _, p := range s.partitions {
		s.stats.Rates = append(s.stats.Rates, p.rate)
	}
	s.entries.fill(entries)
	return s
}

// Stats returns what was counted so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.stats
	now.Requests, now.Refusals = maps.Clone(now.Requests), maps.Clone(now.Refusals)
	now.Left, now.Uploads, now.IsGone = s.entries.count, len(s.uploads), s.isGone
	now.PeakDeletes, now.PeakLists = s.deletes.peak, s.lists.peak
	return now
}

// Left returns the first keys that are there, at most limit.
func (s *Server) Left(limit int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for e := range s.entries.from(place{}) {
		if len(keys) == limit {
			break
		}
		keys = append(keys, e.key)
	}
	return keys
}

// listFloor is how long the versions of one key take to be listed.
func listFloor(entries []entry, latency time.Duration) time.Duration {
	most, same := 0, 0
	for i, e := range entries {
		if same++; i > 0 && entries[i-1].key != e.key {
			same = 1
		}
		most = max(most, same)
	}
	return time.Duration(most/pageSize) * latency // a page that is not full costs nothing that others do not cost, too
}

// inFlight counts calls that are under way.
type inFlight struct{ now, peak int }

func (f *inFlight) begin() {
	f.now++
	f.peak = max(f.peak, f.now)
}
