package main

import (
	"crypto/rand"
	"regexp"
	"strings"
)

// namePrefix begins the name of each run, and a run's name begins the name of whatever it makes.
const namePrefix = "bucketuser-live-"

// named finds the name of a run in the name of a thing: at its beginning or behind a slash, up to its end, a hyphen or a
// slash. No other name counts as ours.
var named = regexp.MustCompile(`(?:^|/)(` + namePrefix + `[a-z0-9]{6})(?:$|[-/])`)

// runOf is the name of the run that has made a thing of this name, or "".
func runOf(thing string) string {
	if found := named.FindStringSubmatch(thing); found != nil {
		return found[1]
	}
	return ""
}

func isName(name string) bool { return runOf(name) == name && name != "" }

// newName is the name of a new run.
func newName() string {
	return namePrefix + strings.ToLower(rand.Text())[:6]
}
