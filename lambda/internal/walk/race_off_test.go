//go:build !race

package walk_test

const isRace = false
