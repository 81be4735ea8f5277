package purge_test

import (
	"errors"
	"fmt"
	"testing"

	"bucketuser/lambda/internal/purge"
)

var errCause = errors.New("AccessDenied: no")

// What people read of a bucket that could not be emptied.
func TestErrorsSayWhatIsLeft(t *testing.T) {
	for want, err := range map[string]error{
		"bucket b: could not be emptied in time: 41200 entries are deleted, 3433 in a second, and at least 1000 are left": &purge.Unfinished{
			Bucket: "b", Deleted: 41200, Rate: 3433.3, Left: 1000, Cause: errCause},
		"bucket b: could not be emptied in time: 5 entries are deleted, 1 in a second, and it is not known how many are left": &purge.Unfinished{
			Bucket: "b", Deleted: 5, Rate: 1},
		"bucket b: could not be emptied in time: 0 entries are deleted, 0 in a second, and it is not known how many are left: AccessDenied: no": &purge.Unfinished{
			Bucket: "b", Cause: errCause},
		`bucket b: 2 entries cannot be deleted: AccessDenied: no: "a", "\x01"`:     &purge.Refused{Bucket: "b", Keys: []string{"a", "\x01"}, Count: 2, Cause: errCause},
		`bucket b: 12 entries cannot be deleted: AccessDenied: no: "a" and others`: &purge.Refused{Bucket: "b", Keys: []string{"a"}, Count: 12, Cause: errCause},
	} {
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		if refused := (*purge.Refused)(nil); errors.As(err, &refused) && !errors.Is(err, errCause) {
			t.Errorf("%v does not say why", err)
		}
	}
}

// Another attempt helps where something was deleted, and nothing was refused for good.
func TestRest(t *testing.T) {
	some, none, refused := &purge.Unfinished{Deleted: 5}, &purge.Unfinished{}, &purge.Refused{Cause: errCause}
	for _, test := range []struct {
		err    error
		rest   *purge.Unfinished
		goesOn bool
	}{
		{nil, nil, false},
		{errCause, nil, false},
		{refused, nil, false},
		{none, none, false},
		{some, some, true},
		{fmt.Errorf("bucket b: %w", some), some, true},
		{errors.Join(some, errCause), some, true},
		{errors.Join(some, refused), some, false},
		{&purge.Unfinished{Deleted: 5, Cause: refused}, nil, false},
	} {
		rest, goesOn := purge.Rest(test.err)
		if isOther := test.rest != nil && rest != test.rest; isOther || goesOn != test.goesOn {
			t.Errorf("%v: %v, goes on: %t", test.err, rest, goesOn)
		}
	}
}
