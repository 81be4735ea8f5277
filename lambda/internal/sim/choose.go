package sim

import (
	"math/rand/v2"
	"slices"

	"bucketuser/lambda/internal/awsfake"
)

// A Chooser names the call that goes next by its place among those that are held, of
// which there is at least one, or None.
type Chooser func(held []awsfake.Call) int

// None is no call: those that are held wait until another arrives or a delivery ends.
const None = -1

// First always lets the first call go.
func First([]awsfake.Call) int { return 0 }

// Last always lets the last call go.
func Last(held []awsfake.Call) int { return len(held) - 1 }

// Seeded lets any call go, the same ones for the same seed.
func Seeded(seed uint64) Chooser {
	random := rand.New(rand.NewPCG(seed, 0))
	return func(held []awsfake.Call) int { return random.IntN(len(held)) }
}

// A Turn is a number of calls that one session makes before the next has its turn.
type Turn struct {
	Session *awsfake.Session
	Calls   int
	IsOver  func() bool // the session makes no more
	Begin   func()      // called once, when the turn begins; nil: nothing
}

// All is the number of a turn's calls that ends with its session only.
const All = -1

// InTurns lets sessions make their calls in turns. After the last turn no call goes.
func InTurns(turns ...Turn) Chooser {
	o := &order{turns: turns}
	return o.choose
}

// order is what is left of turns.
type order struct {
	turns []Turn
	begun bool // the first of them
}

func (o *order) choose(held []awsfake.Call) int {
	for len(o.turns) > 0 && (o.turns[0].Calls == 0 || o.turns[0].IsOver()) {
		o.turns, o.begun = o.turns[1:], false
	}
	if len(o.turns) == 0 {
		return None
	}
	turn := &o.turns[0]
	if !o.begun && turn.Begin != nil {
		turn.Begin()
	}
	o.begun = true
	i := slices.IndexFunc(held, func(c awsfake.Call) bool { return c.Session == turn.Session.Name() })
	if i >= 0 {
		turn.Calls--
	}
	return i
}
