package main

import (
	"strings"
	"testing"

	"bucketuser/infra/internal/rotate"
)

// The key before the previous one may have been deleted long ago, and PreviousKey may stand at Delete already.
func TestWhatIsSaidOfARotation(t *testing.T) {
	var out, notes strings.Builder
	o := &operator{out: &out, notes: &notes}
	if err := o.sayRotated(rotate.Outcome{New: "AKIA3", Previous: "AKIA2", Ended: "AKIA1"}, "s"); err != nil {
		t.Fatal(err)
	}
	if want := "new key       AKIA3\n  previous key  AKIA2, works until the next rotation begins\n  before that   AKIA1, which does not work any more\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("%s, want %s", &out, want)
	}
	if !strings.Contains(notes.String(), "from Keep to Delete in an update of its own, after one that sets Keep where Delete stands") {
		t.Error(&notes)
	}
}
