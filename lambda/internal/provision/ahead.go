package provision

import (
	"context"

	"bucketuser/lambda/internal/secret"
)

// An ahead is the value of a secret that was read beside the look at it, so that nothing waits for it later. It
// serves once, and only if the look shows its very version as the current one: the value of a version never changes.
// Whatever else is asked for the value is read again.
type ahead struct{ value *secret.Ahead }

// readAhead begins with the value where a secret of ours is expected to hold one.
func (r *run) readAhead(ctx context.Context, op operation) {
	if op.kind == kindInPlace && !op.spec.Outside().Has("SecretName") {
		r.ahead.value = r.secretOf(op.spec).ReadAhead(ctx)
	}
}

// read returns the current value of a secret.
func (a *ahead) read(ctx context.Context, room secret.Client, x secret.Secret) (secret.Content, error) {
	value := a.value
	a.value = nil
	if current, isCurrent := value.Of(x); isCurrent {
		return current, nil
	}
	return room.ReadRestored(ctx, x)
}
