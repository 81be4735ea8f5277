package provision

import (
	"context"
	"errors"
	"fmt"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// admitSchedule refuses a schedule that this provider cannot keep, before anything is made.
func (r *run) admitSchedule(ctx context.Context, op operation) error {
	if op.spec.RotateAfterDays == 0 || r.provider.RotationFunctionARN != "" {
		return nil
	}
	if r.isRollback(ctx, op) {
		r.log.Warn("cannot have the secret rotated", "secret", op.spec.SecretName, "reason", errNoRotation.Error())
		return nil
	}
	return fmt.Errorf("RotateAfterDays: %w; deploy a later version of it, or leave it at 0", errNoRotation)
}

var errNoRotation = errors.New("this provider has no function that rotates")

// ensureSchedule turns scheduled rotation on or off. It follows the commit: before that there is nothing to
// rotate. A rotation that is under way, or was left so, is given up, since Secrets Manager begins no other one
// beside it.
func (r *run) ensureSchedule(ctx context.Context, op operation, made set) error {
	err := r.setSchedule(ctx, op, made)
	if err != nil && r.isRollback(ctx, op) {
		r.log.Warn("left the rotation of the secret as it is", "secret", op.spec.SecretName, "reason", err.Error())
		return nil
	}
	return err
}

func (r *run) setSchedule(ctx context.Context, op operation, made set) error {
	s, x := op.spec, made.secret
	if err := r.bind(ctx, s, made); err != nil {
		return err
	}
	isChanged := op.changes(func(s spec.Spec) any { return s.RotateAfterDays })
	isSo := func() bool { return r.isScheduled(x, s) }
	if isSo() && !isChanged {
		return nil
	}
	now, err := r.secretOf(s).Look(ctx)
	if err != nil {
		return err
	}
	if now.Exists() { // or it is new
		x = x.As(now)
	}
	switch is := x.Schedule; {
	case isSo() && !isChanged:
		return nil
	case s.RotateAfterDays == 0 && is.IsOn && is.Function != r.provider.RotationFunctionARN:
		r.log.Warn("left the rotation of the secret by another function", "secret", s.SecretName, "function", is.Function)
		return nil
	}
	if s.RotateAfterDays == 0 || r.provider.RotationFunctionARN == "" {
		return r.unschedule(ctx, s, x)
	}
	return r.reschedule(ctx, op, x, isSo())
}

// isScheduled reports whether a secret shows the schedule of a spec.
func (r *run) isScheduled(x secret.Secret, s spec.Spec) bool {
	isOurs := x.Schedule.IsOn && x.Schedule.Function == r.provider.RotationFunctionARN
	return s.RotateAfterDays == 0 && !x.Schedule.IsOn && x.Unfinished() == "" || isOurs && x.Schedule.Days == s.RotateAfterDays
}

// reschedule turns rotation on after what is in the way was ended. Where a look shows the very schedule already, it may be
// from before, so it is set once more.
func (r *run) reschedule(ctx context.Context, op operation, x secret.Secret, isSo bool) error {
	s := op.spec
	if !isSo && (x.Schedule.IsOn || x.Unfinished() != "") {
		if err := r.unschedule(ctx, s, x); err != nil {
			return err
		}
	}
	err := r.schedule(ctx, op, x)
	if !awscall.IsCode(err, "InvalidRequestException") {
		return err
	}
	if err := r.unschedule(ctx, s, x); err != nil { // a rotation that the look did not show, or one of the very schedule
		return err
	}
	return r.schedule(ctx, op, x)
}

// bind has the user of a secret that is rotated say so: one that was made anew, too.
func (r *run) bind(ctx context.Context, s spec.Spec, made set) error {
	if s.RotateAfterDays == 0 || made.user.IsBoundTo(made.secret.ARN) {
		return nil
	}
	return r.keysOf(s).Bind(ctx, made.secret.ARN)
}

// unschedule turns rotation off, also where a look does not show it: that may be from before. Then it
// gives up what is under way.
func (r *run) unschedule(ctx context.Context, s spec.Spec, x secret.Secret) error {
	err := r.secretOf(s).Unschedule(ctx, x)
	if err != nil && (x.Schedule.IsOn || !awscall.IsCode(err, "InvalidRequestException")) {
		return err
	}
	return r.abandon(ctx, s, x)
}

// schedule turns rotation on. A rotation would be refused later for what it is refused for now; a user without a boundary it
// refuses later alone, as one whose key works needs none until then.
func (r *run) schedule(ctx context.Context, op operation, x secret.Secret) error {
	s := op.spec
	isShown := func(x secret.Secret) error {
		if access, _ := x.Access(); access != "" {
			return nil
		}
		return fmt.Errorf("secret %s: does not show its tag %s", s.SecretName, spec.TagAccess)
	}
	if _, err := r.admitRotation(ctx, s.SecretName, isShown); err != nil {
		return err
	}
	return r.secretOf(s).Schedule(ctx, x, r.provider.RotationFunctionARN, s.RotateAfterDays)
}
