package provision_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"bucketuser/lambda/internal/awsfake"
)

// deny refuses the operations for good.
func deny(operations ...string) func(context.Context, awsfake.Call) awsfake.Decision {
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if slices.Contains(operations, c.Operation) {
			return awsfake.Refuse(awsfake.AccessDenied)
		}
		return awsfake.Decision{}
	}
}

// only decides about one operation.
func only(operation string, d awsfake.Decision) func(context.Context, awsfake.Call) awsfake.Decision {
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation == operation {
			return d
		}
		return awsfake.Decision{}
	}
}

// oneByOne has a hook see one call at a time. The hook must not wait: time stands still
// while another call waits for it.
func oneByOne(hook func(context.Context, awsfake.Call) awsfake.Decision) func(context.Context, awsfake.Call) awsfake.Decision {
	var mu sync.Mutex
	return func(ctx context.Context, c awsfake.Call) awsfake.Decision {
		mu.Lock()
		defer mu.Unlock()
		return hook(ctx, c)
	}
}

// at calls do when an operation is first called, and then refuses the operations for good.
func (w *bench) at(operation string, do func(), refused ...string) {
	var done atomic.Bool
	w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation == operation && done.CompareAndSwap(false, true) {
			do()
		}
		if slices.Contains(refused, c.Operation) {
			return awsfake.Refuse(awsfake.AccessDenied)
		}
		return awsfake.Decision{}
	}
}
