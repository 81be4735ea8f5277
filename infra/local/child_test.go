package local

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childFile names the file into which the child of TestChildOfAKilledProcessEnds writes its id. With it in the
// environment, the test binary is the parent.
const childFile = "LOCAL_TEST_CHILD"

func TestChildOfAKilledProcessEnds(t *testing.T) {
	if file := os.Getenv(childFile); file != "" {
		_ = Child(t.Context(), "sh", "-c", "echo $$ > "+file+".new; mv "+file+".new "+file+"; exec sleep 60").Run()
		return
	}
	file := filepath.Join(t.TempDir(), "child")
	parent := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	parent.Env = append(os.Environ(), childFile+"="+file)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	id, limit := 0, time.Now().Add(30*time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); id == 0 && time.Now().Before(limit); <-tick.C {
		b, _ := os.ReadFile(file) // it is not there at first
		id, _ = strconv.Atoi(strings.TrimSpace(string(b)))
	}
	started, err := startOf(id)
	if err := errors.Join(err, parent.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed, as was intended
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !(process{ID: id, Started: started}).await(ctx) {
		t.Error("it still runs")
	}
}

func TestInterruptedChildCleansUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cleaned")
	ctx, cancel := context.WithCancel(t.Context())
	cmd := Child(ctx, "sh", "-c", `trap "touch $0; exit 0" INT; echo ready; while :; do sleep 0.1; done`, file)
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = cmd.Wait() // interrupted, as was intended
	if _, err := os.Stat(file); err != nil {
		t.Errorf("it had no time for that: %v", err)
	}
}

// An interrupted cdk CLI leaves no process and no file: its app's node ends by itself only later.
func TestInterruptedCDKLeavesNothing(t *testing.T) {
	a := awkward(t)
	file := filepath.Join(t.TempDir(), "child")
	a.tools.CDK = filepath.Join(t.TempDir(), "cdk")
	script := "#!/bin/sh\ntouch \"$TMPDIR/jsii-runtime\"\n(trap '' INT; exec sleep 60) >/dev/null 2>&1 &\n" +
		"echo $! > '" + file + ".new'; mv '" + file + ".new' '" + file + "'; wait\n"
	if err := os.WriteFile(a.tools.CDK, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var child process
	go func() {
		for tick := time.NewTicker(10 * time.Millisecond); child.Started == ""; <-tick.C {
			b, _ := os.ReadFile(file) // it is not there at first
			child.ID, _ = strconv.Atoi(strings.TrimSpace(string(b)))
			child.Started, _ = startOf(child.ID)
		}
		cancel()
	}()
	if err := a.CDK(ctx, CDKRun{Dir: t.TempDir(), Args: []string{"deploy"}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	limit, end := context.WithTimeout(t.Context(), 5*time.Second)
	defer end()
	if !child.await(limit) {
		t.Error("what it has started still runs")
	}
	if left, err := os.ReadDir(a.temporary()); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
