package walk_test

import (
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// What exclusions hold for, beside the names of a set.
func settingsOf(stack *cfnfake.Stack) string { return "settings of " + stack.ID }
func markersIn(bucket string) string         { return "folder markers in " + bucket }
func probeIn(bucket string) string           { return "probe in " + bucket }
func policyOf(bucket string) string          { return "policy of " + bucket }

// ofStack is what excuses that a stack's resource is not as its properties say.
func (m *model) ofStack(stack *cfnfake.Stack) sim.Exclusion {
	if m.byHand[stack] {
		return sim.ByHand
	}
	return m.excuses.Of(settingsOf(stack))
}

// ofMarkers is what excuses that a bucket holds folder markers which nobody can tell from
// data any more.
func (m *model) ofMarkers(s spec.Spec) sim.Exclusion {
	if m.letGo[s.BucketName] {
		return sim.MarkerAdopted
	}
	return m.excuses.Of(markersIn(s.BucketName))
}
