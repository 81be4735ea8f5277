package sim

import (
	"fmt"
	"slices"
	"strings"
)

// An Exclusion is something that is not promised, by its number on the page of package
// provision: what a harness must not take for a violation. The zero value is none.
type Exclusion int

// The exclusions. The page tells each in full.
const (
	OneCreateFails     Exclusion = iota + 1 // of two deliveries of one Create
	LaterCallWins                           // between two Updates of one set at the same time
	CreateAfterDelete                       // which CloudFormation cannot be asked about
	Forgotten                               // by CloudFormation, which sends no Delete for it any more
	MarkerMoved                             // by an Update that was neither finished nor taken back
	NothingLater                            // was left that tells a late event from one that is waited for
	NoTime                                  // in the ResponseURL
	PolicyAfterRelease                      // by a delivery that is cut off afterwards
	MarkerAdopted                           // and versioning: of a bucket that had an earlier life
	RestoredUntagged                        // secret of another resource
	PreviousKept                            // key, where CloudFormation does not say whether it may go
	ProbeLeft                               // by a delivery that is cut off beside another
	ByHand                                  // changed, and not set right before the next event
	KeyUnseen                               // by the sweep, of a delivery that is cut off beside another
	LostTags                                // of a thing that is left as it is until somebody puts them back
	MarkLeft                                // of a replacement, where it could not be taken off
	AccessEnded                             // by a Delete that may not look at its bucket
	InTheWay                                // of a change are others, so that it was not made
	NextLife                                // of a bucket that is emptied has begun a moment ago
)

// last is the highest number.
const last = NextLife

// Exclusions are all of them, in order.
func Exclusions() (all []Exclusion) {
	for n := OneCreateFails; n <= last; n++ {
		all = append(all, n)
	}
	return all
}

// IsOfWalks reports whether the random walks use it, as few as they are in a test. The
// others need events that meet more exactly: stories and races use those.
func (n Exclusion) IsOfWalks() bool {
	switch n {
	case LaterCallWins, CreateAfterDelete, Forgotten, NothingLater, ByHand, LostTags, InTheWay:
		return true
	case OneCreateFails, MarkerMoved, NoTime, PolicyAfterRelease, MarkerAdopted, RestoredUntagged, PreviousKept, ProbeLeft, KeyUnseen, MarkLeft, AccessEnded, NextLife:
	}
	return false
}

// String is the number as the page and a harness print it, such as N3.
func (n Exclusion) String() string { return fmt.Sprintf("N%d", int(n)) }

// Uses counts how often each exclusion was used.
type Uses map[Exclusion]int

// Add adds the counts of others.
func (u Uses) Add(others Uses) {
	for n, count := range others {
		u[n] += count
	}
}

// String is a line such as "N2 14×, N4 3×".
func (u Uses) String() string {
	var parts []string
	for _, n := range Exclusions() {
		if u[n] > 0 {
			parts = append(parts, fmt.Sprintf("%v %d×", n, u[n]))
		}
	}
	return strings.Join(parts, ", ")
}

// Excuses are the exclusions that hold for something at the moment. Make them with
// [NewExcuses].
type Excuses struct {
	Uses Uses
	held map[string][]Exclusion // by what they hold for
}

// NewExcuses excuses nothing yet.
func NewExcuses() *Excuses { return &Excuses{Uses: Uses{}, held: map[string][]Exclusion{}} }

// Give has an exclusion hold for something. Repeating it changes nothing.
func (e *Excuses) Give(n Exclusion, what string) {
	if !slices.Contains(e.held[what], n) {
		e.held[what] = append(e.held[what], n)
	}
}

// Withdraw has no exclusion hold for something any more.
func (e *Excuses) Withdraw(what string) { delete(e.held, what) }

// Of is the exclusion that has held for something for the longest time, or 0.
func (e *Excuses) Of(what string) Exclusion {
	if len(e.held[what]) == 0 {
		return 0
	}
	return e.held[what][0]
}

// Use counts an exclusion, where something is wrong without it, and reports whether there
// is one.
func (e *Excuses) Use(n Exclusion) bool {
	if n != 0 {
		e.Uses[n]++
	}
	return n != 0
}
