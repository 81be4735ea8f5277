package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is what all runs of a case with a program came to.
type row struct {
	Bench, Case, Program string
	Missing              string `json:",omitempty"` // why there are no figures
	Runs                 int
	Seconds              spread
	Floor                float64 `json:",omitempty"` // seconds, the median
	OverFloor            spread  // times the floor
	OverUs               spread  // times as long as the function in the same run
	Micros               spread  // CPU, a key
	Megabytes            spread
	Model                spread  // CPU of the model, in seconds
	Requests, Refused    spread  // Refused in percent of the entries
	Left                 int     // entries and uploads, at most
	Deliveries           int     // of the event, at most
	Cut                  float64 `json:",omitempty"` // percent of the entries that were listed and not deleted at the end of a run, at most
	Answer               string
}

// spread is the median of some values and their range.
type spread struct{ Median, Low, High float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{sorted[len(sorted)/2], sorted[0], sorted[len(sorted)-1]}
}

// text is the median with the range, in so many digits after the point. Nothing was measured where it is zero.
func (s spread) text(digits int) string {
	one := func(v float64) string { return fmt.Sprintf("%.*f", digits, v) }
	switch {
	case s == (spread{}):
		return ""
	case one(s.Low) == one(s.High):
		return one(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", one(s.Median), one(s.Low), one(s.High))
}

// summarize makes a row of the measurements of a program, beside those of the function in the same runs.
func summarize(s scene, tool string, all, ours []measurement, missing string) row {
	r := row{Bench: s.bench, Case: s.name, Program: tool, Missing: missing, Runs: len(all)}
	over := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	var seconds, floors, overFloor, overUs, micros, megabytes, model, requests, refused []float64
	for i, m := range all {
		entries := float64(m.stats.Entries)
		seconds = append(seconds, m.wall.Seconds())
		if floor := m.stats.Floor().Seconds(); floor > 0 {
			floors, overFloor = append(floors, floor), append(overFloor, m.wall.Seconds()/floor)
		}
		if tool != us {
			overUs = append(overUs, over(m.wall.Seconds(), ours[i].wall.Seconds()))
		}
		micros = append(micros, float64(m.cpu.Microseconds())/entries)
		megabytes = append(megabytes, float64(m.peak)/1e6)
		model = append(model, m.server.Seconds())
		requests = append(requests, float64(sum(m.stats.Requests)))
		refused = append(refused, 100*float64(m.stats.Refused)/entries)
		r.Left = max(r.Left, m.stats.Left+m.stats.Uploads)
		r.Deliveries = max(r.Deliveries, m.runs)
		r.Cut = max(r.Cut, 100*float64(m.cut)/entries)
	}
	r.Seconds, r.Floor, r.OverFloor, r.OverUs = spreadOf(seconds), spreadOf(floors).Median, spreadOf(overFloor), spreadOf(overUs)
	r.Model = spreadOf(model)
	r.Micros, r.Megabytes, r.Requests, r.Refused = spreadOf(micros), spreadOf(megabytes), spreadOf(requests), spreadOf(refused)
	r.Answer = answerOf(s, tool, all)
	return r
}

// answerOf is the worst of the answers.
func answerOf(s scene, tool string, all []measurement) string {
	worst := ""
	for _, m := range all {
		says := "success"
		switch {
		case !m.isSuccess() && tool == us:
			says = "failure that names the cause"
		case !m.isSuccess():
			says = "failure"
		}
		if verdict := m.verdict(s, tool); verdict != "" {
			return "wrong: " + verdict
		}
		worst = min(cmp.Or(worst, says), says) // failure comes first
	}
	return worst
}

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// table has a line for each row, in Markdown.
func table(rows []row) string {
	lines := [][]string{{"#", "bucket", "program", "s", "floor, s", "× floor", "× bucketuser", "CPU, µs a key", "peak, MB", "requests", "refused, %", "left", "answer", "CPU of the model, s"}}
	for _, r := range rows {
		if r.Missing != "" {
			lines = append(lines, []string{r.Bench, r.Case, r.Program, r.Missing, "", "", "", "", "", "", "", "", "", ""})
			continue
		}
		floor := ""
		if r.Floor > 0 {
			floor = fmt.Sprintf("%.2f", r.Floor)
		}
		lines = append(lines, []string{r.Bench, r.Case, r.Program, r.Seconds.text(2), floor, r.OverFloor.text(2), r.OverUs.text(1), r.Micros.text(1),
			r.Megabytes.text(0), r.Requests.text(0), r.Refused.text(1), fmt.Sprint(r.Left), r.says(), r.Model.text(1)})
	}
	return markdown(lines)
}

// says is the answer, and what became of the runs before it.
func (r row) says() string {
	if r.Deliveries > 1 {
		return fmt.Sprintf("%s, %d runs, at most %.1f %% listed in vain", r.Answer, r.Deliveries, r.Cut)
	}
	return r.Answer
}

// markdown aligns cells.
func markdown(lines [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 1, ' ', 0)
	for i, cells := range lines {
		fmt.Fprintf(w, "| %s\t|\n", strings.Join(cells, "\t| "))
		if i == 0 {
			fmt.Fprintf(w, "|%s\n", strings.Repeat(" --- |", len(cells)))
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	return text.String()
}

// digest has a line for each case: the function, and the others against it.
func digest(rows []row) string {
	lines := [][]string{{"#", "bucket", "s", "× floor", "refused, %", "CPU, µs a key", "peak, MB", "answer", cdk, minio}}
	for _, r := range rows {
		if r.Program != us || r.Bench == singles {
			continue
		}
		overFloor := r.OverFloor.text(2)
		if r.Left > 0 { // it says nothing then
			overFloor = ""
		}
		line := []string{r.Bench, r.Case, r.Seconds.text(2), overFloor, r.Refused.text(1), r.Micros.text(1), r.Megabytes.text(0), r.says()}
		for _, peer := range []string{cdk, minio} {
			line = append(line, against(rows, r, peer))
		}
		lines = append(lines, line)
	}
	return markdown(lines)
}

// against is what a peer did in a case.
func against(rows []row, ours row, peer string) string {
	i := slices.IndexFunc(rows, func(r row) bool { return r.Bench == ours.Bench && r.Case == ours.Case && r.Program == peer })
	if i < 0 {
		return ""
	}
	r := rows[i]
	switch {
	case r.Missing != "":
		return r.Missing
	case r.Left > 0:
		return fmt.Sprintf("%s, %s left", r.Answer, number(r.Left))
	}
	return fmt.Sprintf("%s s, %s ×", number(int(math.Round(r.Seconds.Median))), r.OverUs.text(1))
}

// number writes thousands apart.
func number(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", number(n/1000), n%1000)
}
