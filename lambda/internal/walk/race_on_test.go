//go:build race

package walk_test

// isRace says that the race detector looks on. It does not know that a process which wakes up comes after what has
// happened before, so the source of randomness is set once for it: a walk need not be the same when it is shown again.
const isRace = true
