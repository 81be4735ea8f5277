package provision_test

import (
	"slices"
	"strings"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
	"bucketuser/lambda/spec"
)

// kindRotation is that of an event which Secrets Manager sends, and not CloudFormation.
const kindRotation = "Rotation"

// rotating is what Secrets Manager does with the secret of a resource. The zero value is a whole rotation: it goes on with
// the version that has AWSPENDING, and begins another where none has.
type rotating struct {
	step   smfake.Step // this one alone, under the token of the steps before it
	isAnew bool        // under another token, whatever has AWSPENDING
	isTest bool        // the test that follows a RotateSecret
	how    smfake.How
}

// step is one step of a rotation of the secret of properties.
func step(p sim.Properties, s smfake.Step) event {
	return event{kind: kindRotation, id: p, rotating: rotating{step: s}}
}

// rotate is a whole rotation.
func rotate(p sim.Properties) event { return event{kind: kindRotation, id: p} }

// rotateAnew is a whole rotation under a token of its own.
func rotateAnew(p sim.Properties) event {
	return event{kind: kindRotation, id: p, rotating: rotating{isAnew: true}}
}

// enablingTest is the test that follows a RotateSecret.
func enablingTest(p sim.Properties) event {
	return event{kind: kindRotation, id: p, rotating: rotating{isTest: true}}
}

// steps are the first steps of a rotation, in their order.
func steps(p sim.Properties, n int) (all []event) {
	for _, s := range smfake.Steps()[:n] {
		all = append(all, step(p, s))
	}
	return all
}

// carryOut has Secrets Manager do what an event of it says. An error of the function is an answer here.
func (w *bench) carryOut(session *awsfake.Session, e event) answer {
	name, service := w.parse(e.id).SecretName, w.manager(session, e.rotating.how)
	var err error
	switch {
	case e.rotating.isTest:
		err = service.Test(w.t.Context(), name)
	case e.rotating.step != "":
		err = w.carryOutStep(service, name, e.rotating.step)
	case e.rotating.isAnew:
		w.AWS.BeginRotation(name, true)
		err = service.Rotate(w.t.Context(), name)
	default:
		err = service.Rotate(w.t.Context(), name)
	}
	a := answer{Status: "SUCCESS", PhysicalResourceId: w.idOf(e.id)}
	if err != nil {
		a.Status, a.Reason = "FAILED", err.Error()
	}
	return a
}

// carryOutStep calls the function for a step of the rotation whose steps were the last ones, whatever has become of it.
func (w *bench) carryOutStep(service smfake.Service, name string, s smfake.Step) error {
	if w.sent.begun == (awsfake.Begun{}) {
		w.sent.begun = w.AWS.BeginRotation(name, false)
	}
	begun := w.sent.begun
	if begun.Token == "" {
		return smfake.ErrNotRotated
	}
	err := service.Step(w.t.Context(), begun, s)
	if err == nil && s == smfake.FinishSecret {
		w.AWS.EndRotation(begun, service.KeepsPending)
	}
	return err
}

// endsPrevious reports whether an event may end the previous key: a rotation that begins takes its place, and PreviousKey
// Delete asks for it.
func (e event) endsPrevious() bool {
	isRotation := e.kind == kindRotation && !e.rotating.isTest && (e.rotating.step == "" || e.rotating.step == smfake.CreateSecret)
	return isRotation || e.p["KeySerial"] != e.old["KeySerial"] || e.p["PreviousKey"] == spec.DeleteKey
}

// unspoken says which key is gone that a secret speaks for beside the one of its value: that of a rotation which is under
// way, or may still be finished, and the previous one, unless that may go.
func unspoken(now awsfake.Snapshot, previousMayGo bool) string {
	for name, x := range now.Secrets {
		owner := x.Tags[spec.TagOwner]
		if x.DeletedDays > 0 || owner == "" || owner == spec.Released {
			continue
		}
		user, ids := now.Users[userOf(x)], spokenBy(x)
		if previous := x.Tags[spec.TagPreviousKey]; previous != "" && !previousMayGo {
			ids = append(ids, previous)
		}
		for _, id := range ids {
			if !slices.ContainsFunc(user.Keys, func(k awsfake.AccessKey) bool { return k.ID == id && k.Active }) {
				return "secret " + name + " speaks for the key " + id + ", which is gone"
			}
		}
		if len(user.Keys) > 2 {
			return "the user of secret " + name + " has more than two keys"
		}
	}
	return ""
}

// spokenBy are the keys in the versions of a rotation that is under way, or may still be finished.
func spokenBy(x awsfake.Secret) (ids []string) {
	token, follows, _ := strings.Cut(x.Tags[spec.TagRotation], " ")
	for _, v := range x.Versions {
		isOpen := v.ID == token && slices.ContainsFunc(x.Versions, func(o awsfake.SecretVersion) bool {
			return o.ID == follows && slices.Contains(o.Stages, "AWSCURRENT")
		})
		if id := fieldsOf(v)["AWS_ACCESS_KEY_ID"]; id != "" && (isOpen || slices.Contains(v.Stages, "AWSPENDING")) {
			ids = append(ids, id)
		}
	}
	return ids
}

// current is the current version of a secret, or none.
func current(x awsfake.Secret) awsfake.SecretVersion {
	for _, v := range x.Versions {
		if slices.Contains(v.Stages, "AWSCURRENT") {
			return v
		}
	}
	return awsfake.SecretVersion{}
}

// userOf is the name of the user in the current value of a secret.
func userOf(x awsfake.Secret) string {
	arn := fieldsOf(current(x))["S3_USER_ARN"]
	return arn[strings.LastIndex(arn, "/")+1:]
}

// pended puts AWSPENDING on the version of a rotation that has lost it and may still be finished: its key is spoken for as well.
func pended(now awsfake.Snapshot) {
	for _, x := range now.Secrets {
		token, follows, _ := strings.Cut(x.Tags[spec.TagRotation], " ")
		for i, v := range x.Versions {
			if v.ID == token && len(v.Stages) == 0 && follows == current(x).ID {
				x.Versions[i].Stages = []string{"AWSPENDING"}
			}
		}
	}
}

// labelled replaces the versions that the note of a rotation names by their labels: their ids and places differ between two
// ways to one end. A note of which neither version is current says nothing any more, nor
// does one of a rotation that has come about, where the previous key is named.
func labelled(now awsfake.Snapshot) {
	for _, x := range now.Secrets {
		note := x.Tags[spec.TagRotation]
		if note == "" {
			continue
		}
		var words []string
		for id := range strings.FieldsSeq(note) {
			at := slices.IndexFunc(x.Versions, func(v awsfake.SecretVersion) bool { return v.ID == id })
			labels := "unlisted"
			if at >= 0 && len(x.Versions[at].Stages) > 0 {
				labels = strings.Join(slices.Sorted(slices.Values(x.Versions[at].Stages)), "+")
			}
			words = append(words, labels)
		}
		x.Tags[spec.TagRotation] = strings.Join(words, " ")
		isFinished := strings.Contains(words[0], "AWSCURRENT") && x.Tags[spec.TagPreviousKey] != ""
		if isFinished || !strings.Contains(x.Tags[spec.TagRotation], "AWSCURRENT") {
			delete(x.Tags, spec.TagRotation)
		}
	}
}

// forgetRotations drops what says nothing any more, and is not taken away: the note of a previous key that is gone, or current
// again, and where no schedule is on, that one was.
func forgetRotations(now awsfake.Snapshot) {
	for name, x := range now.Secrets {
		user := now.Users[userOf(x)]
		id := x.Tags[spec.TagPreviousKey]
		isKey := slices.ContainsFunc(user.Keys, func(k awsfake.AccessKey) bool { return k.ID == id })
		if !isKey || id == fieldsOf(current(x))["AWS_ACCESS_KEY_ID"] {
			delete(x.Tags, spec.TagPreviousKey)
		}
		if x.Rotation != nil && x.Rotation.Enabled {
			continue
		}
		x.Rotation = nil
		now.Secrets[name] = x
		delete(x.Tags, spec.TagFormat)
		delete(user.Tags, spec.TagSecret)
	}
}
