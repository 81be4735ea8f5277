// Package awsrules is what AWS does, as far as this project relies on it: a table of rules, each with the place where it
// is written or was seen. Whatever stands for AWS in a test is held to it: the fake of package awsfake, and the embedded
// AWS of the end-to-end tests. A real account can be held to it too.
//
//	for _, rule := range awsrules.All() {
//		t.Run(rule.Name, func(t *testing.T) { rule.Play(t, account) })
//	}
//
// A rule has nothing but SDK clients, and refuses to know who answers them. So three kinds of rules are elsewhere. Those
// that need a lost answer, a delay or another account are beside the fake, which alone can play them. Those about what a
// role may do, and about stacks, are in the tests of package local: the fake simulates neither.
//
// Only tests import this package.
package awsrules

import (
	"context"
	"slices"
)

// Rule is one thing that AWS does.
type Rule struct {
	Name   string // unique in the table
	Source string // where it is written or was seen
	Region string // the only region that has it; empty: every region does
	// Function tells that the account needs a rotation function: see [Account.RotationFunction].
	Function bool

	play func(t T, e *env)
}

// T is what a rule needs of a test. *testing.T is one.
type T interface {
	Context() context.Context
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any) // ends the goroutine, as that of a test does
}

// All is the table. It has rules that only one region has: see [Rule.Region].
func All() []Rule {
	return slices.Concat(iamRules(), conflictRules(), keyRules(), bucketRules(), configRules(), policyRules(), accessRules(), objectRules(),
		listRules(), secretRules(), valueRules(), stageRules(), rotationRules(), stackRules())
}

// Play plays the rule in an account and fails the test where AWS would have answered otherwise. It makes users, buckets
// and secrets with names of their own, and removes them.
func (r Rule) Play(t T, a Account) {
	t.Helper()
	r.play(t, newEnv(a))
}
