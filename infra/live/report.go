package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// report prints the answers as a table in Markdown, and keeps them in a file. After an interrupt it has those that there are.
func (l *live) report(path string) error {
	if len(l.answers) == 0 {
		return nil
	}
	text := l.table()
	fmt.Fprintf(l.out, "\nWhat only AWS can tell, kept in %s:\n\n%s", path, text)
	return os.WriteFile(path, []byte(text), 0o600)
}

func (l *live) table() string {
	var b strings.Builder
	place := "AWS, region " + l.Region
	if l.Endpoint != "" {
		place = "the embedded AWS: these answers are those of an emulator"
	}
	fmt.Fprintf(&b, "%s, %s\n\n| question | | what the code takes it to be | answer | request ids |\n| --- | --- | --- | --- | --- |\n",
		place, l.started.UTC().Format(time.DateOnly))
	missing := 0
	for _, p := range probes() {
		a, isThere := l.answers[p.name]
		if !isThere {
			missing++
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(p.name), cell(p.question), cell(p.believes), cell(a.text), cell(a.ids))
	}
	if missing > 0 {
		fmt.Fprintf(&b, "\n%d questions were not asked.\n", missing)
	}
	return b.String()
}

// cell is a text in a table of Markdown.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
