package awscall

import (
	"context"
	"fmt"
	"time"
)

// SettingsLag is how long the settings of a thing may be those before its owner, or the making of it, has made them
// what is needed: in the same template, say (L4).
const SettingsLag = 20 * time.Second

// A Look is how far what a read shows of a thing can be trusted.
type Look int

// The looks.
const (
	Certain  Look = iota // it is so now
	MayCome              // others, or the making of the thing, may set it a moment later
	MayBeOld             // it may be from before another event has changed it (L4): it is so if it shows until that can be no more
)

// UnlessSo drops the refusal of a call that sets something, where others forbid it and AWS shows what it would have
// set: an organization forbids a call whatever it would set (L12; aws-controllers-k8s/community #2670). Every other
// refusal stands, and one that others can lift says so.
func UnlessSo(ctx context.Context, p *Patience, refusal error, look Look, orElse string, shows func() (bool, error)) (left bool, err error) {
	if !IsRefused(refusal) || !IsByOthers(refusal) {
		return false, refusal
	}
	start := time.Now()
	isSo, noAnswer := Repeat(ctx, p, "AWS shows what others forbid to set", func() (is, isLag bool, err error) {
		is, err = shows()
		mayChange := is && look == MayBeOld || !is && look == MayCome && time.Since(start) < SettingsLag
		return is, err == nil && mayChange, err
	})
	switch {
	case isSo && noAnswer == nil:
		return true, nil
	case noAnswer != nil:
		refusal = fmt.Errorf("%w; whether it is so already cannot be read: %w", refusal, noAnswer)
	}
	if !IsDenied(refusal) {
		return false, refusal
	}
	return false, fmt.Errorf("%w; others forbid it: have them allow it to the role of the provider%s", refusal, orElse)
}
