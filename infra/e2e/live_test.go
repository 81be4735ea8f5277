//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
)

var (
	liveAll  = flag.Bool("live-all", false, "end make live by signals in each of its steps, in place of two")
	liveSeed = flag.Uint64("live-seed", uint64(time.Now().UnixNano()), "by which the steps are drawn in which make live is ended")
)

// A liveRun is a run of make live's program, beside the other tests: it must leave their things alone, too.
type liveRun struct {
	t       *testing.T
	program string
	name    string
	dir     string
	output  bytes.Buffer // standard output of all runs
	errors  bytes.Buffer
}

var liveName = regexp.MustCompile(`names +all begin with (bucketuser-live-[a-z0-9]{6}):`)

// newLive is a run whose name has a number.
func newLive(t *testing.T, program string, number int) *liveRun {
	return &liveRun{t: t, program: program, name: fmt.Sprintf("bucketuser-live-test%02d", number), dir: t.TempDir()}
}

// start runs the program with more arguments.
func (r *liveRun) start(args ...string) (*exec.Cmd, *bufio.Scanner) {
	r.t.Helper()
	cmd := exec.Command(r.program, append([]string{"-name", r.name, "-dir", r.dir, "-yes", "yes"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = root, cloud.Env(), &r.errors
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return cmd, bufio.NewScanner(stdout)
}

// end reads the rest of the output, and returns the exit code, -1 after a signal that nobody caught.
func (r *liveRun) end(cmd *exec.Cmd, lines *bufio.Scanner) int {
	r.t.Helper()
	for lines.Scan() {
		fmt.Fprintln(&r.output, lines.Text())
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// until reads the output up to the line of a step.
func (r *liveRun) until(lines *bufio.Scanner, step int) {
	r.t.Helper()
	for lines.Scan() {
		fmt.Fprintln(&r.output, lines.Text())
		if strings.Contains(lines.Text(), fmt.Sprintf("  step %d of ", step)) {
			return
		}
	}
	r.t.Fatalf("no step %d:\n%s%s", step, r.output.String(), r.errors.String())
}

// wantEnd wants that exit code, a line that nothing is left, and nothing to be left.
func (r *liveRun) wantEnd(code, want int) {
	r.t.Helper()
	if text := r.output.String(); code != want || !strings.Contains(text, "nothing is left") {
		r.t.Errorf("exit code %d, want %d:\n%s%s", code, want, text, r.errors.String())
	}
	cloud.WantNothing(r.t, r.name)
}

// TestLive runs make live as a whole, and beside that interrupts it: whatever it is doing, it removes what there is. After a
// kill make live CLEAN=1 does.
func TestLive(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "live")
	runIn(t, "go", "build", "-o", program, "./infra/live")
	steps := 0
	t.Run("as a whole", func(t *testing.T) {
		r := newLive(t, program, 0)
		if !*liveAll { // the number of steps is needed there
			t.Parallel()
		}
		steps = r.whole()
	})
	if *liveAll {
		for step := 1; step <= steps; step++ {
			for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
				t.Run(fmt.Sprintf("%s in step %d", signal, step), func(t *testing.T) { t.Parallel(); interruptLive(t, program, step, signal) })
			}
		}
		return
	}
	draw := rand.New(rand.NewPCG(*liveSeed, 0))
	caught := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[draw.IntN(2)]
	for _, signal := range []syscall.Signal{caught, syscall.SIGKILL} {
		step := 1 + draw.IntN(lastLiveStep)
		t.Run(fmt.Sprintf("%s in step %d", signal, step), func(t *testing.T) { t.Parallel(); interruptLive(t, program, step, signal) })
	}
	figure("make live: ended by a signal in 2 of its steps, with -live-seed=%d; TestLive -live-all does so in each", *liveSeed)
}

// lastLiveStep is up to which the steps are drawn. Some come behind it.
const lastLiveStep = 31

// whole runs all steps, and returns how many there are.
func (r *liveRun) whole() int {
	cmd, lines := r.start("-objects", "600")
	code := r.end(cmd, lines)
	r.wantEnd(code, 0)
	text := r.output.String()
	if strings.Contains(text, "not answered") || strings.Contains(text, "not asked") || strings.Count(text, "\n| ") < 15 || strings.Contains(text, "removing ") {
		r.t.Errorf("answers are missing, or something was left for it to remove:\n%s", text)
	}
	if found := liveName.FindStringSubmatch(text); found == nil || found[1] != r.name {
		r.t.Errorf("it does not say first how its things are called:\n%s", text)
	}
	answers := string(cloudtest.Must(os.ReadFile(filepath.Join(r.dir, r.name+".md")))(r.t))
	if !strings.Contains(text, answers) || !strings.HasPrefix(answers, "the embedded AWS: these answers are those of an emulator") {
		r.t.Errorf("the answers in the file:\n%s", answers)
	}
	all := regexp.MustCompile(`step (\d+) of (\d+): wants nothing to be left`).FindStringSubmatch(text)
	if all == nil || all[1] != all[2] {
		r.t.Fatalf("the last step:\n%s", text)
	}
	return cloudtest.Must(strconv.Atoi(all[2]))(r.t)
}

// interruptLive sends a signal at some time in a step or after it: one that is caught, or SIGKILL, which is not.
func interruptLive(t *testing.T, program string, step int, signal syscall.Signal) {
	draw := rand.New(rand.NewPCG(*liveSeed, uint64(step)))
	after := time.Duration(draw.IntN(1500)) * time.Millisecond
	t.Logf("seed %d: %s, %s after step %d has begun", *liveSeed, signal, after, step)
	number := step
	if signal == syscall.SIGKILL {
		number += 50
	}
	r := newLive(t, program, number)
	cmd, lines := r.start("-objects", "300")
	r.until(lines, step)
	time.Sleep(after)
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	code := r.end(cmd, lines)
	if signal != syscall.SIGKILL {
		r.wantEnd(code, 130)
		return
	}
	cleaning, lines := r.start("-clean")
	r.wantEnd(r.end(cleaning, lines), 0)
}
