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
		"bucket b: could not be emptied in time: 5 entries are deleted, 1 in a second, and at least 1000 are left, some 7200 by estimate": &purge.Unfinished{
			Bucket: "b", Deleted: 5, Rate: 1, Left: 1000, Estimate: 7249},
		"bucket b: could not be emptied in time: 5 entries are deleted, 1 in a second, and at least 10 are left": &purge.Unfinished{
			Bucket: "b", Deleted: 5, Rate: 1, Left: 10, Estimate: 10},
		"bucket b: could not be emptied in time: 5 entries are deleted, 1 in a second, and some 7200 are left by estimate": &purge.Unfinished{
			Bucket: "b", Deleted: 5, Rate: 1, Estimate: 7200},
		"bucket b: could not be emptied in time: 5 entries are deleted, 1 in a second, and others are left, of which nobody has seen how many": &purge.Unfinished{
			Bucket: "b", Deleted: 5, Rate: 1},
		"bucket b: could not be emptied in time: 5 entries are deleted, 1 in a second, and all that was listed are gone: it was not seen any more whether others have come": &purge.Unfinished{
			Bucket: "b", Deleted: 5, Rate: 1, IsListed: true},
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
