package provision

import (
	"context"
	"strconv"

	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// The serial of a key stands in the value that holds the key, so that both are one commit: a redelivery finds
// the key that it was about to make. A rollback brings a lower one, which never makes a key.

// serialOf is the serial that a value says, or 0 where it says none.
func serialOf(f secret.Fields) int {
	serial, err := strconv.Atoi(f.Get(spec.FieldKeySerial))
	if err != nil {
		return 0
	}
	return max(0, serial)
}

// asksForKey reports whether an Update in place raises KeySerial. One whose properties before were refused when
// they were new brings back what was before those.
func (op operation) asksForKey() bool {
	return op.kind == kindInPlace && op.before().PhysicalID != "" && op.spec.KeySerial > op.before().KeySerial
}

// isRaised reports whether an event asks for another key than the one in a value. A value that says no serial
// counts as one of the properties before; the rollback of a lower one would raise that, so it is asked for.
func (r *run) isRaised(ctx context.Context, op operation, stored secret.Fields) bool {
	if serial := serialOf(stored); serial > 0 {
		return op.kind == kindInPlace && op.spec.KeySerial > serial && !r.isRollback(ctx, op)
	}
	return op.asksForKey() && !r.isRollback(ctx, op)
}
