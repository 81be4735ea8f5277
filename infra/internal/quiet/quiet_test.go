package quiet

import (
	"io"
	"strings"
	"testing"
)

// pieces are read one by one, as they were written.
type pieces []string

func (p *pieces) Read(buffer []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(buffer, (*p)[0])
	*p = (*p)[1:]
	return n, nil
}

func TestFilterLeavesOutTheNoiseAlone(t *testing.T) {
	var got strings.Builder
	filter(&got, &pieces{"a warning\n", "Runtime process exited abnormally: waitid: no child processes",
		"Runtime process exited abnormally: signal: killed", "\nanother"})
	if want := "a warning\nRuntime process exited abnormally: signal: killed\nanother"; got.String() != want {
		t.Errorf("%q", got.String())
	}
}
