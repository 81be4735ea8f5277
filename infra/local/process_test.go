package local

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, script string) process {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := watch(cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// seenByAnother is the process as a later process knows it, from the record.
func seenByAnother(p process) process {
	return process{ID: p.ID, Started: p.Started}
}

func TestStopEndsTheProcessAndItsGroup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "child")
	p := start(t, "sleep 60 & echo $! > "+file+".new; mv "+file+".new "+file+"; wait")
	var child int
	for tick := time.NewTicker(10 * time.Millisecond); child == 0; <-tick.C {
		b, _ := os.ReadFile(file)
		child, _ = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	other := seenByAnother(p)
	started, err := startOf(child)
	if err != nil || !other.running() {
		t.Fatal("it does not run")
	}
	if err := other.stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if other.running() {
		t.Error("it still runs")
	}
	// A process ends some time after SIGKILL.
	killed, cancel := context.WithTimeout(t.Context(), stopTimeout)
	defer cancel()
	if !(process{ID: child, Started: started}).await(killed) {
		t.Error("its child still runs")
	}
	if err := p.stop(t.Context()); err != nil {
		t.Errorf("stop again: %v", err)
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	p := start(t, `trap "" TERM; while :; do sleep 1; done`)
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.stop(impatient); err != nil {
		t.Fatal(err)
	}
	if p.running() {
		t.Error("it still runs")
	}
}

// The id of a process that ended may be another's by now.
func TestStopLeavesAnotherProcessAlone(t *testing.T) {
	p := start(t, "sleep 60")
	earlier := process{ID: p.ID, Started: "0"}
	if err := earlier.stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !p.running() {
		t.Error("it was stopped")
	}
	if err := p.stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// jsii's noise has no line of its own: what stands behind it stays.
func TestTidyKeepsTheEndWithoutNoise(t *testing.T) {
	const noise = "Runtime process exited abnormally: waitid: no child processes"
	for text, want := range map[string]string{
		strings.Repeat("x", logTailSize) + "\n" + noise + "\nlast line\n": "x\nlast line",
		"first\n" + noise + "This context cannot be used:\n-c x":          "first\nThis context cannot be used:\n-c x",
		"Runtime process exited abnormally: signal: killed\n":             "",
		"/tmp/jsii-runtime.682/lib/program.js:1:5565\nERROR a":            "ERROR a",
		"Runtime process exited abnormally: exit status 7: no space left": ": no space left",
	} {
		if got := Tidy([]byte(text)); !strings.HasSuffix(got, want) || strings.Contains(got, "program.js") || strings.Contains(got, "abnormally") || strings.Contains(got, "program.js") || len(got) > logTailSize {
			t.Errorf("%q, want %q", got[max(0, len(got)-80):], want)
		}
	}
}
