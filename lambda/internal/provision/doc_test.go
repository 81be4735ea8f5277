package provision_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestDocNamesEveryCall fails when an operation that the function calls is missing in
// the package documentation, or stands there and is called by no story.
func TestDocNamesEveryCall(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	for _, s := range stories() {
		inRegion(t, s.region, func(w *bench) {
			s.begin(w)
			made := len(w.AWS.Calls())
			w.play(s.event, nil)
			for _, call := range w.AWS.Calls()[made:] {
				called[call.Operation] = true
			}
		})
	}
	for _, operation := range slices.Sorted(maps.Keys(called)) {
		if !regexp.MustCompile(`\b` + operation + `\b`).Match(text) {
			t.Errorf("%s is called and does not stand in doc.go", operation)
		}
	}
	for _, word := range regexp.MustCompile(`\b(Abort|Create|Delete|Describe|Get|Head|List|Put|Restore|Tag|Untag|Update)[A-Z]\w+`).FindAllString(string(text), -1) {
		if !called[word] && word != "DeleteIfEmpty" {
			t.Errorf("%s stands in doc.go and is not called", word)
		}
	}
}
