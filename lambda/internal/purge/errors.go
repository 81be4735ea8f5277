package purge

import (
	"errors"
	"fmt"
	"strings"
)

// Unfinished says that the time was over before the bucket was empty. What is deleted stays deleted, and is not listed
// again: to begin anew is to go on.
type Unfinished struct {
	Bucket  string
	Deleted int64   // entries, by this attempt
	Rate    float64 // of them in a second
	Left    int64   // entries of which it is known that they are left, and there may be more
	Cause   error   // what the last call was answered, or nil
}

// Rest is what an attempt has left that was out of time, or nil, and whether another attempt may do what is left: something
// was deleted, and nothing was refused for good.
func Rest(err error) (rest *Unfinished, goesOn bool) {
	var refused *Refused
	isProgress := errors.As(err, &rest) && rest.Deleted > 0
	return rest, isProgress && !errors.As(err, &refused)
}

func (u *Unfinished) Error() string {
	text := fmt.Sprintf("bucket %s: could not be emptied in time: %d entries are deleted, %.0f in a second, and ", u.Bucket, u.Deleted, u.Rate)
	if u.Left > 0 {
		text += fmt.Sprintf("at least %d are left", u.Left)
	} else {
		text += "it is not known how many are left"
	}
	if u.Deleted == 0 && u.Cause != nil {
		text += ": " + u.Cause.Error()
	}
	return text
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
