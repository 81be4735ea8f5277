package awsfake

import (
	"fmt"
	"slices"
	"time"
)

// The methods here are what Secrets Manager itself does to a secret before and after the steps of a rotation. Package smfake
// calls them, and the rotation function between them.

// Begun is a rotation for whose steps everything is ready. The zero value is none.
type Begun struct {
	Name  string
	ARN   string
	Token string // the id of the version that has AWSPENDING
	// RotationToken is part of the events. It is a secret: [AWS.IssuedSecrets] has it.
	RotationToken string
}

// BeginRotation has AWSPENDING be on a version that has no value yet, or one that an earlier attempt has given it. The
// version is the one that has the label, by RotateSecret or an attempt that failed; anew has it be another, as it is where
// no version has it, or the current one. Nothing happens for a secret that is gone, waits for its deletion, or is not rotated.
func (a *AWS) BeginRotation(name string, anew bool) Begun {
	defer a.changing()()
	s := a.secrets[name]
	if s == nil || !s.deleted.IsZero() || !s.rotation.enabled {
		return Begun{}
	}
	pending := s.staged(stagePending)
	if anew || pending == nil || slices.Contains(pending.stages, stageCurrent) {
		return a.begun(s, a.rotationToken())
	}
	return a.begun(s, pending.id)
}

// BeginRotationTest has AWSPENDING be on a version of its own, without a value or with the current one: nobody has said
// which. It is the test of a configuration that was set with RotateImmediately false.
func (a *AWS) BeginRotationTest(name string, hasValue bool) Begun {
	defer a.changing()()
	s := a.secrets[name]
	if s == nil || !s.deleted.IsZero() || !s.rotation.enabled {
		return Begun{}
	}
	b := a.begun(s, a.rotationToken())
	if current, v := s.staged(stageCurrent), s.version(b.Token); hasValue && current != nil {
		v.text, v.binary, v.kmsKeys = current.text, slices.Clone(current.binary), slices.Clone(current.kmsKeys)
	}
	return b
}

// rotationToken is a token that Secrets Manager makes up.
func (a *AWS) rotationToken() string { return fmt.Sprintf("5ec3e700-0000-4000-8000-%012d", a.next()) }

func (a *AWS) begun(s *secret, token string) Begun {
	s.pend(token)
	secret := fakeSecret(a.next())
	a.minted = append(a.minted, secret)
	return Begun{Name: s.name, ARN: s.arn, Token: token, RotationToken: secret}
}

// IsPending tells whether AWSPENDING is still on the version of a rotation: if it is not, the rotation was abandoned, or its
// function has taken the label off.
func (a *AWS) IsPending(b Begun) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.secrets[b.Name]
	return s != nil && s.arn == b.ARN && s.isOn(b.Token, stagePending)
}

// isOn tells whether a version bears a label.
func (s *secret) isOn(id, stage string) bool {
	v := s.version(id)
	return v != nil && slices.Contains(v.stages, stage)
}

// EndRotation sets the dates after a finishSecret that succeeded. It takes AWSPENDING off the version, which is current then,
// unless the label is to stay there.
func (a *AWS) EndRotation(b Begun, keepPending bool) {
	defer a.changing()()
	s := a.secrets[b.Name]
	if s == nil || s.arn != b.ARN {
		return
	}
	s.rotation.last = time.Now()
	s.rotation.schedule()
	if s.isOn(b.Token, stageCurrent) && !keepPending {
		s.version(b.Token).lose(stagePending)
	}
}

// EndRotationTest takes the version of a test away.
func (a *AWS) EndRotationTest(b Begun) {
	defer a.changing()()
	if s := a.secrets[b.Name]; s != nil && s.arn == b.ARN && !s.isOn(b.Token, stageCurrent) {
		s.versions = slices.DeleteFunc(s.versions, func(v *secretVersion) bool { return v.id == b.Token })
	}
}
