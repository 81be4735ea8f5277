package status

import (
	"fmt"
	"time"
)

// appResource is the logical id of the resource that make deploy makes.
const appResource = "BucketUser"

// repair is an update that looks at everything and rights it: Trigger has no effect of its own.
func (f facts) repair(found Finding) Finding {
	trigger := f.now.UTC().Format(time.DateOnly + "T15:04:05")
	found.Todo = fmt.Sprintf("update resource %s with another Trigger, such as %s: that looks at everything, and repairs it", f.target.LogicalID, trigger)
	if f.target.LogicalID == appResource {
		found.Commands = []string{fmt.Sprintf("make deploy STACK=%s CONTEXT=%s", quoted(f.target.StackName()), quoted("-c trigger="+trigger))}
	}
	return found
}

// ago is an age in words.
func (f facts) ago(then time.Time) string { return age(f.now.Sub(then)) }

// age is a time span in its largest unit that is not too coarse.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	unit := func(n int, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	switch {
	case d >= 2*day:
		return unit(int(d/day), "day")
	case d >= 2*time.Hour:
		return unit(int(d/time.Hour), "hour")
	case d >= 2*time.Minute:
		return unit(int(d/time.Minute), "minute")
	}
	return unit(max(0, int(d/time.Second)), "second")
}
