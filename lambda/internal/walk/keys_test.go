package walk_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// keyring is what must be true of the keys of a user: the one that the secret names works, and so does the one before, until
// its place is needed for another, an Update asks for its end, or people take it away.
type keyring struct {
	current, previous string
	serial            int // that the secret has recorded: it never falls
	count             int // keys that the user has
}

// learnKeys takes into account which keys were made in this step, and when keys were seen first that the function has made.
func (m *model) learnKeys(now awsfake.Snapshot) {
	calls := m.g.AWS.Calls()
	for _, call := range calls[m.calls:] {
		if call.Operation == "CreateAccessKey" && call.Code == "" {
			m.minted[call.Target]++
		}
	}
	m.calls = len(calls)
	for name, user := range now.Users {
		for _, key := range user.Keys {
			if _, ok := m.firstSeen[key.ID]; !ok && m.minted[name] > 0 {
				m.firstSeen[key.ID] = time.Now()
			}
		}
	}
}

// checkKeys wants the key before the current one of a set to work. What people have done by hand is not made up for.
func (m *model) checkKeys(now awsfake.Snapshot, s spec.Spec) error {
	was, user, secret := m.keyrings[s.UserName], now.Users[s.UserName], now.Secrets[s.SecretName]
	is := keyring{previous: was.previous, current: activeOf(user, idIn(secret, "AWSCURRENT")), serial: serialIn(secret), count: len(user.Keys)}
	if was.current != is.current && was.current != "" {
		is.previous = was.current
	}
	isChanged := m.byHand[s.PhysicalID] || m.begins[s.PhysicalID] || m.lostOf(s).any()
	isInTheWay := was.count+m.minted[s.UserName] > 2 && m.minted[s.UserName] > 0 // of a key that was made in this step
	isOver := isChanged || isInTheWay || m.retires[s.PhysicalID]
	lost := is.previous
	is.previous = activeOf(user, is.previous)
	m.keyrings[s.UserName] = is
	switch {
	case is.previous != lost && !isOver:
		return fmt.Errorf("the key before the current one does not work: %s", lost)
	case is.serial < was.serial && !isChanged:
		return fmt.Errorf("the serial of the key has fallen from %d to %d", was.serial, is.serial)
	case len(user.Keys) > 2:
		return fmt.Errorf("the user has %d keys", len(user.Keys))
	}
	return nil
}

// activeOf is the id of a key if the user has it and it is active, or "".
func activeOf(user awsfake.User, id string) string {
	if slices.ContainsFunc(user.Keys, func(k awsfake.AccessKey) bool { return k.ID == id && k.Active }) {
		return id
	}
	return ""
}

// touchedKeys takes into account that people have changed something: nobody goes on with a key that they took out of use, or
// out of the secret.
func (m *model) touchedKeys(now awsfake.Snapshot) {
	for _, s := range m.allSets() {
		is, user := m.keyrings[s.UserName], now.Users[s.UserName]
		is.previous = activeOf(user, is.previous)
		if activeOf(user, is.current) == "" || idIn(now.Secrets[s.SecretName], "AWSCURRENT") != is.current {
			is.current = ""
		}
		m.keyrings[s.UserName] = is
	}
}

// isSpokenFor reports whether a secret speaks for a key beside its current one, or may do so for a while: whoever has made it
// may be about to put it there.
func (m *model) isSpokenFor(secret awsfake.Secret, s spec.Spec, key string) bool {
	was := m.keyrings[s.UserName]
	if slices.Contains([]string{secret.Tags[spec.TagPreviousKey], idIn(secret, "AWSPENDING"), was.previous, was.current}, key) {
		return true
	}
	seen, ok := m.firstSeen[key]
	return ok && m.ensured[s.PhysicalID].Sub(seen) < forsaken && m.excuses.Use(sim.KeyUnseen)
}

// forsaken is longer than a key may be about to be committed.
const forsaken = 10 * time.Minute

// idIn is the id of the key in the value of a secret that has a label.
func idIn(secret awsfake.Secret, label string) string {
	for _, v := range secret.Versions {
		if slices.Contains(v.Stages, label) {
			return valueOf(awsfake.Secret{Versions: []awsfake.SecretVersion{{Stages: []string{"AWSCURRENT"}, Value: v.Value}}})[spec.FieldAccessKeyID]
		}
	}
	return ""
}

// serialIn is the serial that a secret has recorded.
func serialIn(secret awsfake.Secret) int {
	serial, _ := strconv.Atoi(valueOf(secret)[spec.FieldKeySerial]) // 0 for none
	return serial
}

// learnKeysOf takes into account what an event may do to keys.
func (m *model) learnKeysOf(x cfnfake.Exchange, s spec.Spec) {
	for _, id := range []string{s.PhysicalID, x.Event.PhysicalResourceId} {
		m.begins[id] = m.begins[id] || x.Event.RequestType != "Update" || s.PhysicalID != x.Event.PhysicalResourceId
		m.retires[id] = m.retires[id] || s.PreviousKey == spec.DeleteKey
	}
	if x.Outcome == "SUCCESS" {
		m.ensured[s.PhysicalID] = x.Sent
		if !m.isRotated[s.PhysicalID] {
			delete(m.isStale, s.PhysicalID)
		}
	}
}

// checkRotation wants value and schedule to be as the properties say.
func (m *model) checkRotation(secret awsfake.Secret, s spec.Spec) error {
	is := secret.Rotation
	isOn := is != nil && is.Enabled
	switch {
	case serialIn(secret) < s.KeySerial && !m.movedBack[s.SecretName]:
		return fmt.Errorf("the serial of the key is %d", serialIn(secret))
	case isOn != (s.RotateAfterDays > 0), isOn && (is.Function != sim.RotationFunction || int(is.Days) != s.RotateAfterDays):
		return fmt.Errorf("the rotation is %+v", is)
	case isOn && !strings.HasPrefix(secret.Tags[spec.TagAccess], s.Access):
		return fmt.Errorf("the tags do not say the access: %v", secret.Tags)
	}
	return nil
}
