//go:build race

package purge_test

// isRace says that the race detector looks on. The pace is none of its business, and costs it minutes.
const isRace = true
