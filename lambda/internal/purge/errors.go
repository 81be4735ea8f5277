package purge

import (
	"fmt"
	"strings"
)

// Unfinished says that the time was over before the bucket was empty. What is deleted stays deleted, and is not listed
// again: to begin anew is to go on.
type Unfinished struct {
	Bucket   string
	Deleted  int64   // entries, by this attempt
	Rate     float64 // of them in a second
	Left     int64   // entries of which it is known that they are left, and there may be more
	Estimate int64   // how many may be left with those, from how far the listing got; no more than Left where that tells nothing
	IsListed bool    // all that was listed is deleted, to the end of the bucket; whether something was written since is not known
	Cause    error   // what the last call was answered, or nil
}

func (u *Unfinished) Error() string {
	text := fmt.Sprintf("bucket %s: could not be emptied in time: %d entries are deleted, %.0f in a second, and ", u.Bucket, u.Deleted, u.Rate)
	switch {
	case u.Left > 0 && u.Estimate > u.Left:
		text += fmt.Sprintf("at least %d are left, some %d by estimate", u.Left, rough(u.Estimate))
	case u.Left > 0:
		text += fmt.Sprintf("at least %d are left", u.Left)
	case u.Estimate > 0:
		text += fmt.Sprintf("some %d are left by estimate", rough(u.Estimate))
	case u.IsListed:
		text += "all that was listed are gone: it was not seen any more whether others have come"
	case u.Deleted > 0:
		text += "others are left, of which nobody has seen how many"
	default:
		text += "it is not known how many are left"
	}
	if u.Deleted == 0 && u.Cause != nil {
		text += ": " + u.Cause.Error()
	}
	return text
}

// rough is a number with two digits that say something: an estimate is not better than that.
func rough(n int64) int64 {
	unit := int64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return (n + unit/2) / unit * unit
}

func (u *Unfinished) Unwrap() error { return u.Cause }

// Refused says that S3 refuses for good to delete some entries: they are under a lock or a legal hold, or somebody
// denies it. Everything else is deleted.
type Refused struct {
	Bucket string
	Keys   []string // the first ten
	Count  int64
	Cause  error // why S3 refuses the first of them
}

func (r *Refused) Error() string {
	keys := make([]string, len(r.Keys))
	for i, key := range r.Keys {
		keys[i] = fmt.Sprintf("%q", key)
	}
	text := fmt.Sprintf("bucket %s: %d entries cannot be deleted: %v: %s", r.Bucket, r.Count, r.Cause, strings.Join(keys, ", "))
	if r.Count > int64(len(r.Keys)) {
		text += " and others"
	}
	return text
}

func (r *Refused) Unwrap() error { return r.Cause }
