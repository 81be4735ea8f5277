package provision

import (
	"os"
	"strings"
	"testing"

	"bucketuser/lambda/internal/bucket"
)

// What a failed event does with what it has made stands in the package page, row by row.
func TestDocOfUndo(t *testing.T) {
	columns := []struct {
		kind        kind
		hasGoneBack bool
	}{{kindCreate, false}, {kindInPlace, false}, {kindReplacement, false}, {kindReplacement, true}}
	rows := map[standing]string{unknown: "no answer", inUse: "in use", updating: "updating", deleting: "deleting",
		deleted: "deleted", deleteFailed: "delete failed", idle: "creating, else"}
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for at := unknown; at <= idle; at++ {
		var cells []string
		for _, column := range columns {
			cells = append(cells, cellOf(operation{kind: column.kind}.undoing(at, column.hasGoneBack)))
		}
		want := strings.Join(append([]string{rows[at]}, cells...), " | ")
		if !containsRow(lines, want) {
			t.Errorf("doc.go lacks the row %s", want)
		}
		if cellOf(operation{kind: kindBack}.undoing(at, false)) != cells[1] {
			t.Errorf("going back is not undone as an Update in place is: %s", rows[at])
		}
		if (operation{kind: kindDelete}).undoing(at, false).isUndone {
			t.Errorf("a Delete is undone: %s", rows[at])
		}
	}
}

func cellOf(does remedy) string {
	text := "undone"
	if does.ifBegun {
		text += " if begun"
	}
	switch {
	case !does.isUndone:
		return "stays"
	case does.data == bucket.ReleaseData:
		return text + ", data released"
	}
	return text + ", data left"
}

func containsRow(lines []string, want string) bool {
	for _, line := range lines {
		if strings.Join(strings.Fields(strings.TrimPrefix(line, "//")), " ") == want {
			return true
		}
	}
	return false
}
