package provision_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// keyWatch looks at the keys of the named user between any two calls. The key before the current one goes on working,
// unless an Update asks for its end, or its place is needed: then whoever has deleted it makes another.
type keyWatch struct {
	retires bool

	had     []string          // keys of the user at the last look
	current []string          // keys that were current, in their order
	roomBy  map[string]string // which process has deleted the key before the current one, by key
}

// look says what is wrong with what the last call has done.
func (k *keyWatch) look(now awsfake.Snapshot, by string) string {
	secret, user := now.Secrets["clickhouse/s3"], now.Users["clickhouse"]
	if current := keyIn(staged(secret, "AWSCURRENT").Value); current != "" && (len(k.current) == 0 || k.current[len(k.current)-1] != current) {
		k.current = append(k.current, current)
	}
	var has []string
	for _, key := range user.Keys {
		has = append(has, key.ID)
	}
	defer func() { k.had = has }()
	if len(has) > 2 {
		return fmt.Sprintf("the user has %d keys", len(has))
	}
	for _, key := range k.had {
		if slices.Contains(has, key) {
			continue
		}
		if key == underWay(secret) {
			return "the key of a rotation that may still be finished was deleted by " + by
		}
		if n := len(k.current); n > 1 && key == k.current[n-2] {
			k.roomBy[key] = by
		}
	}
	return ""
}

// verdict says what is wrong with all that went.
func (k *keyWatch) verdict(calls []awsfake.Call) string {
	for key, by := range k.roomBy {
		isMinted, isAfter := false, false
		for _, call := range calls {
			isAfter = isAfter || call.Operation == "DeleteAccessKey" && call.Session == by
			isMinted = isMinted || isAfter && call.Operation == "CreateAccessKey" && call.Session == by && call.Code == ""
		}
		if !isMinted && !k.retires {
			return fmt.Sprintf("%s has deleted %s, the key before the current one, and made no other", by, key)
		}
	}
	return ""
}

// staged is the version that has a label.
func staged(secret awsfake.Secret, label string) awsfake.SecretVersion {
	for _, version := range secret.Versions {
		if slices.Contains(version.Stages, label) {
			return version
		}
	}
	return awsfake.SecretVersion{}
}

// keyIn is the id of the key in a value.
func keyIn(value string) string {
	id, _ := fieldsIn(value)["AWS_ACCESS_KEY_ID"].(string)
	return id
}

func fieldsIn(value string) (fields map[string]any) {
	_ = json.Unmarshal([]byte(value), &fields) // other values have none
	return fields
}

// underWay is the key of a rotation whose last step may still come: it follows the current version.
func underWay(secret awsfake.Secret) string {
	pending := staged(secret, "AWSPENDING")
	if secret.Tags["bucketuser:rotation"] != pending.ID+" "+staged(secret, "AWSCURRENT").ID {
		return ""
	}
	return keyIn(pending.Value)
}

// untidy says what is wrong with the keys of the named user when everything is quiet: the secret speaks for each of them.
func untidy(now awsfake.Snapshot) string {
	secret := now.Secrets["clickhouse/s3"]
	current := keyIn(staged(secret, "AWSCURRENT").Value)
	spoken := []string{current, secret.Tags["bucketuser:previous-key"], keyIn(staged(secret, "AWSPENDING").Value)}
	for _, key := range now.Users["clickhouse"].Keys {
		if !slices.Contains(spoken, key.ID) {
			return fmt.Sprintf("key %s is nobody's: the secret speaks for %v", key.ID, spoken)
		}
	}
	return unsafe(now)
}

// next is what comes when a race is over: by turns another Update, a rotation, and another key. All of them succeed, whatever was
// before, and leave no key that nobody speaks for. A Delete then leaves nothing.
func (x *interleaving) next(turn int) string {
	for _, e := range x.then {
		if last := x.w.play(e, nil); last.err != nil || last.answer.Status != "SUCCESS" {
			return fmt.Sprintf("then %s answers %s %v", e.kind, last.answer.Reason, last.err)
		}
	}
	if x.live != nil {
		<-time.After(forsaken)
		if wrong := x.goesOnWith(turn); wrong != "" {
			return wrong
		}
		if x.a.p["Prefix"] != nil || x.b.p["Prefix"] != nil { // N2 and N5: a marker may have stayed, which counts as data
			x.live = plus(x.live, "OnDelete", "Purge")
		}
		if last := x.w.play(remove(x.live), nil); last.err != nil || last.answer.Status != "SUCCESS" {
			return fmt.Sprintf("then Delete answers %s %v", last.answer.Reason, last.err)
		}
	}
	if diff := difference(awsfake.New(sim.Account, "eu-west-1").Snapshot(), x.w.AWS.Snapshot()); diff != "" {
		return fmt.Sprintf("in the end (%s, %s): %s", brief(x.answers[0]), brief(x.answers[1]), diff)
	}
	return ""
}

func (x *interleaving) goesOnWith(turn int) string {
	if x.a.step == "" && x.b.step == "" { // N2: policy and value may be of one Update each, until the next
		if last := x.w.play(update(x.live, x.live, x.live), nil); last.err != nil || last.answer.Status != "SUCCESS" {
			return fmt.Sprintf("the next Update answers %s %v", last.answer.Reason, last.err)
		}
	}
	was := keyIn(staged(x.w.AWS.Snapshot().Secrets["clickhouse/s3"], "AWSCURRENT").Value)
	changed, isAnother := plus(x.live, "EnforceTls", "false"), false
	switch turn % 3 {
	case 1:
		if x.w.AWS.BeginRotation("clickhouse/s3", false) != (awsfake.Begun{}) {
			how := smfake.How{Attempts: 3, Anew: turn%2 == 0, KeepsPending: turn%4 < 2}
			if err := x.w.manager(x.w.AWS.Session("rotation"), how).Rotate(x.w.t.Context(), "clickhouse/s3"); err != nil {
				return "the next rotation fails: " + err.Error()
			}
			isAnother = true
		}
	case 2:
		changed, isAnother = plus(changed, "KeySerial", "9"), true
	}
	if last := x.w.play(update(x.live, changed, x.live), nil); last.err != nil || last.answer.Status != "SUCCESS" {
		return fmt.Sprintf("the next Update answers %s %v", last.answer.Reason, last.err)
	}
	x.live = changed
	now := x.w.AWS.Snapshot()
	if key := keyIn(staged(now.Secrets["clickhouse/s3"], "AWSCURRENT").Value); isAnother == (key == was) {
		return fmt.Sprintf("next comes key %s after %s", key, was)
	}
	return untidy(now)
}

// step carries out a step of a rotation in the i-th process.
func (x *interleaving) step(i int, e event) func() {
	return func() {
		service := x.w.manager(x.sessions[i], smfake.How{})
		x.answers[i] = answer{Status: "SUCCESS"}
		if err := service.Step(x.w.t.Context(), x.w.rotations[e.rotation-1], e.step); err != nil {
			x.answers[i] = answer{Status: "FAILED", Reason: err.Error()}
		}
		if x.over[i].Store(true); i == 0 {
			x.begin()
		}
	}
}

// beginRotation has Secrets Manager begin a rotation, and make no step yet.
func (w *bench) beginRotation() {
	w.t.Helper()
	begun := w.AWS.BeginRotation("clickhouse/s3", true)
	if begun.Token == "" {
		w.t.Fatal("the secret is not rotated")
	}
	w.rotations = append(w.rotations, begun)
}

// steps carries out steps of the rotation that was begun last.
func (w *bench) steps(steps ...smfake.Step) {
	w.t.Helper()
	for _, step := range steps {
		if err := w.manager(w.AWS.Session("rotation"), smfake.How{}).Step(w.t.Context(), w.rotations[len(w.rotations)-1], step); err != nil {
			w.t.Fatalf("%s: %v\n%s", step, err, w.Log.String())
		}
	}
}
