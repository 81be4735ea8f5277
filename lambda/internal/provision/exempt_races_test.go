package provision_test

import (
	"time"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// forsaken is longer than a key may be about to be committed.
const forsaken = 10 * time.Minute

// exemptRaces show what is not promised, and that nothing more is missing.
func exemptRaces() []race {
	retain, p := with("OnDelete", "Retain"), other(named)
	logs := with("Prefix", "logs")
	return []race{
		{name: "two creates, one is cut off", before: nothing, a: create(named), b: create(named), isCutOff: true,
			status: [2]string{"CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"},
			ends:   []raceEnd{{[]event{create(named)}, []event{create(named)}}}, judge: bSucceeds, laws: "none", pause: forsaken},
		{name: "two creates, one is cut off, users lag", before: nothing, a: create(named), b: create(named), isCutOff: true,
			status: [2]string{"CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"},
			ends:   []raceEnd{{[]event{create(named)}, []event{create(named)}}}, judge: bSucceeds, laws: "users lag 5s", exempt: keyUnseen},
		{name: "late create beside delete that releases", before: func(w *bench) {
			w.AWS.AddBucket("my-data", map[string]string{spec.TagOwner: spec.Released})
			w.history(create(retain))
		}, a: remove(retain), b: late(create(retain)),
			status: [2]string{"DELETE_IN_PROGRESS", "DELETE_IN_PROGRESS"}, isUnasked: true,
			ends: []raceEnd{{nil, []event{remove(retain)}}, {[]event{create(retain)}, []event{remove(retain), create(retain)}}}, judge: aSucceeds, exempt: policyAfterRelease},
		{name: "late create beside delete, CloudFormation does not say", before: func(w *bench) { w.history(create(named)) }, a: remove(named), b: late(create(named)),
			ends: []raceEnd{{[]event{remove(named)}, []event{remove(named)}}}, judge: aSucceeds, exempt: exemption{number: sim.CreateAfterDelete}},
		{name: "late replacement without a time beside update", before: func(w *bench) { w.history(create(named), update(named, p, named), update(named, named, p)) },
			a: withoutTime(late(update(named, p, named))), b: update(named, logs, named), status: [2]string{"UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
			ends: []raceEnd{{nil, []event{update(named, logs, named)}}}, judge: bSucceeds, exempt: noTime},
	}
}

func aSucceeds(_ *bench, a, _ answer) string {
	if a.Status != "SUCCESS" {
		return "the first answers " + a.Reason
	}
	return ""
}

func bSucceeds(_ *bench, _, b answer) string {
	if b.Status != "SUCCESS" {
		return "the second answers " + b.Reason
	}
	return ""
}
