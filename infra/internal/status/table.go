package status

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// What the columns beside the text take of the width, and the least that is left to it.
const (
	besideWhat = 28
	leastWhat  = 40
)

// marks are the words of the table by state.
var marks = map[State]struct {
	word  string
	color text.Color
}{
	OK: {"ok", text.FgGreen}, Warning: {"warning", text.FgYellow}, Unknown: {"UNKNOWN", text.FgMagenta}, Fault: {"WRONG", text.FgRed},
}

// WriteTable writes the report for people, in a width of so many characters, and after it what to do. Commands are on lines
// of their own, however long.
func (r Report) WriteTable(out io.Writer, width int, isColored bool) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"check", "state", "what"})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 3, WidthMax: max(width-besideWhat, leastWhat), WidthMaxEnforcer: text.WrapSoft}})
	for _, found := range r.Checks {
		mark := marks[found.State]
		word := mark.word
		if isColored {
			word = mark.color.Sprint(word)
		}
		t.AppendRow(table.Row{found.Check, word, found.What})
	}
	_, err := fmt.Fprintf(out, "%s\n%s", t.Render(), r.toDo(width))
	return err
}

// toDo lists what is to be done, in the order of the checks. What several need is said once.
func (r Report) toDo(width int) string {
	var lines strings.Builder
	for i, found := range r.Checks {
		isSame := func(other Finding) bool {
			return other.Todo == found.Todo && slices.Equal(other.Commands, found.Commands)
		}
		if found.Todo == "" && len(found.Commands) == 0 || slices.ContainsFunc(r.Checks[:i], isSame) {
			continue
		}
		var checks []string
		for _, other := range r.Checks[i:] {
			if isSame(other) && !slices.Contains(checks, other.Check) {
				checks = append(checks, other.Check)
			}
		}
		fmt.Fprintf(&lines, "\n%s\n", text.WrapSoft(strings.Join(checks, ", ")+": "+found.Todo, width))
		for _, command := range found.Commands {
			fmt.Fprintf(&lines, "  $ %s\n", command)
		}
	}
	return lines.String()
}

// Sum is the verdict in a line.
func (r Report) Sum() string {
	counts := map[State]int{}
	for _, found := range r.Checks {
		counts[found.State]++
	}
	return fmt.Sprintf("%s: %d ok, %s, %d unknown, %d wrong", r.Verdict, counts[OK], english.Plural(counts[Warning], "warning", ""), counts[Unknown], counts[Fault])
}
