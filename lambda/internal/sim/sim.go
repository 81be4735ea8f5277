// Package sim is what the harnesses share that test the function on a fake AWS: one
// world, one gate with two choosers, one list of faults, one list of exclusions.
//
// A harness decides which calls happen in which order, and what goes wrong with them.
// The enumeration of crash points and races (the tests of package provision) goes
// through every order and every fault that it knows; it sends the events itself. The
// random walks (package walk) draw both from a seed; cfnfake sends their events.
//
//	World   an account, the function wired as main does, and all that left it
//	Gate    holds the calls of all processes and lets one go at a time
//	Chooser says which: First and Last are fixed, Seeded draws
//	Fault   what can become of a call, by the name under which a violation prints it
//	Hit     a fault, or a stale read, at a call
//	Law     a way in which AWS lags or refuses, by the name under which a violation prints it
//	N1, …   what is not promised, by the numbers of the page of package provision
//
// The package refuses to know what is right: it has no model, no events, no answers
// beyond their text, and nothing of CloudFormation. It is for tests in a
// testing/synctest bubble, and the function never imports it.
package sim

// The one resource that every test is about.
const (
	Account   = "123456789012"
	LogicalID = "Disk"
	Boundary  = "arn:aws:iam::123456789012:policy/boundary"

	// RotationFunction is the ARN of the function that rotates.
	RotationFunction = "arn:aws:lambda:eu-west-1:123456789012:function:rotation"
)

// Properties are those of a resource, as an event has them.
type Properties = map[string]any
