package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/local"
	"bucketuser/lambda/internal/s3model"
)

func buildFunction(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := local.BuildFunction(t.Context(), root(t), dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "bootstrap")
}

func root(t *testing.T) string {
	t.Helper()
	root, err := local.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestEveryBenchmarkHasCasesOfDifferentNames(t *testing.T) {
	count, names := map[string]int{}, map[string]bool{}
	for _, s := range scenes() {
		count[s.bench]++
		if names[s.bench+s.name] {
			t.Errorf("%s has two cases %q", s.bench, s.name)
		}
		names[s.bench+s.name] = true
		if n := len(slices.DeleteFunc(choose(options{bench: s.bench, scene: s.name}), func(c scene) bool { return c.name != s.name })); n != 1 {
			t.Errorf("%s %q is chosen %d times", s.bench, s.name, n)
		}
	}
	want := []string{"B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", singles}
	if got := slices.Sorted(maps.Keys(count)); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := choose(options{bench: "B9"}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestVerdicts(t *testing.T) {
	gone := s3model.Stats{IsGone: true}
	for _, c := range []struct {
		what  string
		scene scene
		tool  string
		m     measurement
		want  string
	}{
		{"emptied and gone", scene{}, us, measurement{answer: "SUCCESS", answers: 1, stats: gone}, ""},
		{"success with entries left", scene{}, us, measurement{answer: "SUCCESS", answers: 1, stats: s3model.Stats{Left: 1}}, "says success"},
		{"success with uploads left", scene{}, minio, measurement{answer: "SUCCESS", stats: s3model.Stats{Uploads: 1}}, "says success"},
		{"success, and the bucket is there", scene{}, us, measurement{answer: "SUCCESS", answers: 1}, "left the bucket"},
		{"a peer leaves the bucket to others", scene{}, cdk, measurement{answer: "SUCCESS"}, ""},
		{"a peer fails and says so", scene{}, cdk, measurement{answer: "FAILED", stats: s3model.Stats{Left: 9}}, ""},
		{"a failure without a cause", scene{}, us, measurement{answer: "FAILED x", answers: 1, stats: s3model.Stats{Left: 1}}, "failed"},
		{"a failure that says the cause", scene{cause: "lock"}, us, measurement{answer: "FAILED object lock", answers: 1, stats: s3model.Stats{Left: 1}}, ""},
		{"a failure that does not", scene{cause: "lock"}, us, measurement{answer: "FAILED x", answers: 1, stats: s3model.Stats{Left: 1}}, "does not say the cause"},
		{"two answers", scene{}, us, measurement{answer: "SUCCESS", answers: 2, stats: gone}, "2 answers"},
	} {
		if got := c.m.verdict(c.scene, c.tool); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// measured is some measurement of 1,000 entries.
func measured(seconds float64, refused int) measurement {
	return measurement{wall: time.Duration(seconds * float64(time.Second)), cpu: 16 * time.Millisecond, peak: 20e6, server: 500 * time.Millisecond, answer: "SUCCESS", answers: 1, runs: 1,
		stats: s3model.Stats{Entries: 1000, IsGone: true, Refused: refused, RateFloor: 2 * time.Second, Requests: map[string]int{"a": 2, "b": 3}}}
}

func TestRows(t *testing.T) {
	s := scene{bench: "B3", name: "some"}
	ours := []measurement{measured(2, 10), measured(4, 30), measured(3, 20)}
	theirs := []measurement{measured(20, 0), measured(20, 0), measured(60, 0)}
	theirs[1].stats.Left = 7
	rows := []row{summarize(s, us, ours, ours, ""), summarize(s, cdk, theirs, ours, ""), summarize(s, minio, nil, ours, "is not here")}
	want := `| # | bucket | program | s | floor, s | × floor | × bucketuser | CPU, µs a key | peak, MB | requests | refused, % | left | answer | CPU of the model, s |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| B3 | some | bucketuser  | 3.00 (2.00–4.00)    | 2.00 | 1.50 (1.00–2.00)    |                  | 16.0 | 20 | 5 | 2.0 (1.0–3.0) | 0 | success | 0.5 |
| B3 | some | CDK handler | 20.00 (20.00–60.00) | 2.00 | 10.00 (10.00–30.00) | 10.0 (5.0–20.0) | 16.0 | 20 | 5 |  | 7 | wrong: says success | 0.5 |
| B3 | some | minio-go | is not here |  |  |  |  |  |  |  |  |  |  |
`
	squeeze := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	if diff := cmp.Diff(squeeze(want), squeeze(table(rows))); diff != "" {
		t.Error(diff)
	}
	short := digest(rows)
	for _, part := range []string{"| 3.00 (2.00–4.00) |", "| wrong: says success, 7 left", "| is not here"} {
		if !strings.Contains(squeeze(short), part) {
			t.Errorf("no %s in\n%s", part, short)
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("%d is written %s", n, got)
		}
	}
}

func TestMergeReplacesWhatWasMeasuredAgain(t *testing.T) {
	first, second := scenes()[0], scenes()[1]
	r := results{Dates: map[string]string{}, Rows: []row{
		{Bench: second.bench, Case: second.name, Program: us}, {Bench: "B0", Case: "is no more"},
		{Bench: first.bench, Case: first.name, Program: us, Left: 1}, {Bench: first.bench, Case: first.name, Program: cdk}}}
	r.merge([]row{{Bench: first.bench, Case: first.name, Program: us, Left: 2}}, "2026-01-02")
	want := []row{{Bench: first.bench, Case: first.name, Program: us, Left: 2}, {Bench: second.bench, Case: second.name, Program: us}}
	if diff := cmp.Diff(want, r.Rows); diff != "" || r.when() != "2026-01-02" {
		t.Error(diff, r.when())
	}
}

// The two pages hold what was measured last, and nothing else.
func TestPageAndReadmeAreOfTheResults(t *testing.T) {
	r, err := read(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{filepath.Join(folder, markdownFile): r.page(), pageInFull: r.section()} {
		text, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			t.Fatal(err)
		}
		got := string(text)
		if name == pageInFull {
			got = block.FindString(got)
		}
		if diff := cmp.Diff(want, got); diff != "" || len(r.Rows) == 0 {
			t.Errorf("%s is not of %s: make bench writes both\n%s", name, jsonFile, diff)
		}
	}
	for _, s := range scenes() {
		if !slices.ContainsFunc(r.Rows, func(x row) bool { return x.Bench == s.bench && x.Case == s.name && x.Program == us }) {
			t.Errorf("%s %s was never measured", s.bench, s.name)
		}
	}
}
