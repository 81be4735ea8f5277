//go:build !race

package purge_test

const isRace = false
