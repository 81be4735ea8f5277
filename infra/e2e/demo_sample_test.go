//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bucketuser/infra/internal/cloudtest"
)

// differing is what is another in each run of the demo: seconds, ports, and names that CloudFormation makes up.
var differing = regexp.MustCompile(`(?m)^ *\d+s|, \d+ s\.|127\.0\.0\.1:\d+|us-east-1-[a-z0-9]{12}`)

// waited is what a command says that goes on from an interrupted one.
var waited = regexp.MustCompile(`(?m)^ *\d+s  waiting for another command: .*\n`)

// samePrinted is what a command prints, without what differs from run to run.
func (d demoCommand) samePrinted(output string) string {
	output = waited.ReplaceAllString(strings.ReplaceAll(output, d.dir, ".local"), "")
	return differing.ReplaceAllString(output, "…")
}

// printedInReadme is the sample of a command in infra/README.md, without what differs from run to run.
func (d demoCommand) printedInReadme(between *regexp.Regexp) string {
	d.t.Helper()
	sample := between.FindStringSubmatch(string(cloudtest.Must(os.ReadFile(filepath.Join(root, "infra", "README.md")))(d.t)))
	if sample == nil {
		d.t.Fatalf("infra/README.md has nothing between %v", between)
	}
	return d.samePrinted(sample[1])
}

var (
	sampleOfUp   = regexp.MustCompile("(?s)<!-- demo -->\n```\n(.*?)```\n<!-- /demo -->")
	sampleOfDown = regexp.MustCompile("(?s)\\$ make demo-down\n(.*?)```")
)

// isInReadme wants the sample to be what the demo prints: its first steps where it starts the embedded AWS, and all from
// the deployment on, where that is up already.
func (d demoCommand) isInReadme(starting, whole string) {
	d.t.Helper()
	const from = "deploying the stack"
	sample := d.printedInReadme(sampleOfUp)
	steps, rest, _ := strings.Cut(sample, from)
	for step := range strings.Lines(steps) {
		step = strings.TrimSpace(strings.TrimLeft(step, "… "))
		if !strings.Contains(d.samePrinted(starting), step) {
			d.t.Errorf("the demo does not print %q of infra/README.md", step)
		}
	}
	_, printed, _ := strings.Cut(d.samePrinted(whole), from)
	want(d.t, printed, rest)
}

// narrow wants lines that fit into a terminal.
func narrow(t *testing.T, output string) {
	t.Helper()
	for line := range strings.Lines(output) {
		if len([]rune(strings.TrimSuffix(line, "\n"))) > 80 {
			t.Errorf("it is wider than a terminal: %s", line)
		}
	}
}
