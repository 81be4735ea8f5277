package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestStepsIntoAPipeArePlainLines(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out, began: time.Now().Add(-9 * time.Second)}
	defer p.count()()
	p.step("first")
	p.again()
	fmt.Fprint(p, "one\ntwo\n")
	p.end()
	if want := "   9s  first\n   9s  one\n   9s  two\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

// What is rewritten must not wrap, and what stays in the end is what a pipe would have.
func TestStepOnATerminalCounts(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out, began: time.Now(), terminal: true}
	long := strings.Repeat("…", 100)
	p.step("%s", long)
	p.since = p.since.Add(-7 * time.Second)
	p.again()
	counted := out.String()
	if !strings.HasSuffix(counted, " … 7 s") || strings.Contains(counted, "\n") {
		t.Errorf("%q", counted)
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(counted, "\033[K", ""), "\r") {
		if len([]rune(line)) > widest {
			t.Errorf("%d columns: %q", len([]rune(line)), line)
		}
	}
	out.Reset()
	p.step("next")
	p.end()
	if want := "\r\033[K   0s  " + long + "\n   0s  next\r\033[K   0s  next\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}
