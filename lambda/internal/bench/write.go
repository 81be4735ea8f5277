package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Files of the repository.
const (
	folder       = "lambda/internal/bench"
	jsonFile     = "results.json"
	markdownFile = "results.md"
	pageInFull   = "infra/README.md" // has the first table, too
)

// results are what was measured last of each case.
type results struct {
	Machine string
	Dates   map[string]string // by benchmark
	Rows    []row
}

// write puts rows into the files, in the place of what was measured before of the same cases.
func write(root string, rows []row) error {
	r, err := read(root)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		r.Machine = machineName()
	}
	r.merge(rows, time.Now().Format(time.DateOnly))
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, folder, jsonFile), append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, folder, markdownFile), []byte(r.page()), 0o644); err != nil {
		return err
	}
	readme := filepath.Join(root, pageInFull)
	before, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	return os.WriteFile(readme, block.ReplaceAllLiteral(before, []byte(r.section())), 0o644)
}

func read(root string) (results, error) {
	r := results{Dates: map[string]string{}}
	text, err := os.ReadFile(filepath.Join(root, folder, jsonFile))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// merge takes rows over, and keeps those of other cases that still exist, in the order of the cases.
func (r *results) merge(rows []row, date string) {
	var all []row
	for _, s := range scenes() {
		isOf := func(x row) bool { return x.Bench == s.bench && x.Case == s.name }
		of := rows
		if slices.ContainsFunc(rows, isOf) {
			r.Dates[s.bench] = date
		} else {
			of = r.Rows
		}
		for _, x := range of {
			if isOf(x) {
				all = append(all, x)
			}
		}
	}
	r.Rows = all
}

// block is what the two pages have in common.
var block = regexp.MustCompile(`(?s)<!-- bench -->\n.*?<!-- /bench -->\n`)

func (r results) section() string {
	return fmt.Sprintf("<!-- bench -->\n%s\nMeasured %s on %s.\n<!-- /bench -->\n", digest(r.Rows), r.when(), r.Machine)
}

// when is the range of the dates.
func (r results) when() string {
	dates := []string{}
	for _, date := range r.Dates {
		dates = append(dates, date)
	}
	slices.Sort(dates)
	dates = slices.Compact(dates)
	if len(dates) > 1 {
		return dates[0] + " to " + dates[len(dates)-1]
	}
	return strings.Join(dates, "")
}

// page is the Markdown file.
func (r results) page() string {
	return "# Speed of emptying: what was measured last, beside others\n\n`make bench` has written this page, `make bench BENCH=B2 RUNS=5` what it says of B2. The first table is in the\n" +
		"infra/README.md, where its columns are explained.\n\n" + r.section() + "\n" + table(r.Rows)
}

// machineName is what the figures hang on.
func machineName() string {
	model := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo") // it is unknown then
	for line := range bytes.Lines(text) {
		if name, value, found := strings.Cut(string(line), ":"); found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("%d cores of %s, %s/%s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
