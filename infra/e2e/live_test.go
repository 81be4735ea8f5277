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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

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
	env     []string
	output  bytes.Buffer // standard output of all runs
	errors  bytes.Buffer
}

var liveName = regexp.MustCompile(`names +all begin with (bucketuser-live-[a-z0-9]{6}):`)

// newLive is a run whose name has a number.
func newLive(t *testing.T, program string, number int) *liveRun {
	return &liveRun{t: t, program: program, name: fmt.Sprintf("bucketuser-live-test%02d", number), dir: t.TempDir(), env: cloud.Env()}
}

// start runs the program with more arguments.
func (r *liveRun) start(args ...string) (*exec.Cmd, *bufio.Scanner) {
	r.t.Helper()
	cmd := exec.Command(r.program, append([]string{"-name", r.name, "-dir", r.dir, "-yes", "yes"}, args...)...)
	cmd.Dir, cmd.Env, cmd.Stderr = root, r.env, &r.errors
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

// until reads the output up to a line with that text.
func (r *liveRun) until(lines *bufio.Scanner, text string) {
	r.t.Helper()
	for lines.Scan() {
		fmt.Fprintln(&r.output, lines.Text())
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	r.t.Fatalf("no line %q:\n%s%s", text, r.output.String(), r.errors.String())
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
	t.Run("as a whole", func(t *testing.T) {
		t.Parallel()
		r := newLive(t, program, 0)
		r.env = append(r.env, liveCaller(t)...)
		r.whole()
	})
	draw := rand.New(rand.NewPCG(*liveSeed, 0))
	if *liveAll {
		for step := 1; step <= lastLiveStep; step++ {
			interruptLive(t, program, draw, step, interrupted)
			interruptLive(t, program, draw, step, []string{killed, twice}[step%2])
		}
		return
	}
	interruptLive(t, program, draw, 1+draw.IntN(lastLiveStep), interrupted)
	interruptLive(t, program, draw, 1+draw.IntN(lastLiveStep), []string{killed, twice}[draw.IntN(2)])
	figure("make live: ended by signals in 2 of its steps, with -live-seed=%d; TestLive -live-all does so in each", *liveSeed)
}

// liveCaller is the environment of a user who has the rights of live.json, and no others.
func liveCaller(t *testing.T) []string {
	t.Helper()
	ctx, name := t.Context(), aws.String("LiveCaller")
	key := cloudtest.Must(cloud.CreateUser(ctx, &iam.CreateUserInput{UserName: name}))(t)
	rights := managedPolicy(t, "LiveRights", readPolicy(t, "live.json"))
	cloudtest.Must(cloud.IAM.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: &rights}))(t)
	return []string{"AWS_ACCESS_KEY_ID=" + key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey}
}

// lastLiveStep is up to which the steps are drawn. The two behind it end at once.
const lastLiveStep = 31

// whole runs all steps.
func (r *liveRun) whole() {
	r.t.Helper()
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
	if last := fmt.Sprintf("step %[1]d of %[1]d: wants nothing to be left", lastLiveStep+2); !strings.Contains(text, last) {
		r.t.Errorf("no %s:\n%s", last, text)
	}
}

// How a run is ended.
const (
	interrupted = "interrupted"       // it removes what there is
	killed      = "killed"            // nothing catches that
	twice       = "interrupted twice" // the second time while it removes what there is
)

// interruptLive ends a run at some time in a step or after it, beside others.
func interruptLive(t *testing.T, program string, draw *rand.Rand, step int, how string) {
	number := step
	if how != interrupted {
		number += 50
	}
	after := time.Duration(draw.IntN(1500)) * time.Millisecond
	caught := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[draw.IntN(2)]
	t.Run(fmt.Sprintf("%s in step %d", how, step), func(t *testing.T) {
		t.Parallel()
		t.Logf("seed %d: %s, %s after step %d has begun", *liveSeed, how, after, step)
		r := newLive(t, program, number)
		cmd, lines := r.start("-objects", "300")
		r.until(lines, fmt.Sprintf("  step %d of ", step))
		time.Sleep(after)
		if how == killed {
			r.signal(cmd, syscall.SIGKILL)
			r.end(cmd, lines)
			if step > 3 { // the provider is there
				r.wantRefused()
			}
			r.clean()
			return
		}
		r.signal(cmd, caught)
		if how == interrupted {
			r.wantEnd(r.end(cmd, lines), 130)
			return
		}
		r.until(lines, "interrupted: removing what there is")
		r.signal(cmd, caught)
		code := r.end(cmd, lines)
		if text := r.errors.String(); code != 130 || !strings.Contains(text, "make live CLEAN=1") {
			t.Errorf("exit code %d after the second signal:\n%s", code, text)
		}
		r.clean()
	})
}

func (r *liveRun) signal(cmd *exec.Cmd, signal syscall.Signal) {
	r.t.Helper()
	if err := cmd.Process.Signal(signal); err != nil {
		r.t.Fatal(err)
	}
}

// wantRefused wants no run to begin beside what is there.
func (r *liveRun) wantRefused() {
	r.t.Helper()
	again, lines := r.start()
	code := r.end(again, lines)
	if text := r.errors.String(); code != 1 || !strings.Contains(text, "stack "+r.name) || !strings.Contains(text, "make live CLEAN=1 removes them") {
		r.t.Errorf("exit code %d beside what a killed run has left:\n%s", code, text)
	}
}

// clean is make live CLEAN=1 for the run.
func (r *liveRun) clean() {
	r.t.Helper()
	cleaning, lines := r.start("-clean")
	r.wantEnd(r.end(cleaning, lines), 0)
}
