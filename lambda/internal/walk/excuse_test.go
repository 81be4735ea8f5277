package walk_test

import (
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// What exclusions hold for.
func setOf(id string) string         { return "set " + id }
func settingsOf(id string) string    { return "settings of set " + id }
func keysOf(id string) string        { return "keys of set " + id }
func markersIn(bucket string) string { return "folder markers in " + bucket }
func probeIn(bucket string) string   { return "probe in " + bucket }
func policyOf(bucket string) string  { return "policy of " + bucket }

// ofSet is what excuses that a set is not as its properties say.
func (m *model) ofSet(id string) sim.Exclusion {
	if m.byHand[id] {
		return sim.ByHand
	}
	return m.excuses.Of(settingsOf(id))
}

// ofMarkers is what excuses that a bucket holds folder markers which nobody can tell from
// data any more.
func (m *model) ofMarkers(s spec.Spec) sim.Exclusion {
	if m.letGo[s.BucketName] {
		return sim.MarkerAdopted
	}
	return m.excuses.Of(markersIn(s.BucketName))
}
