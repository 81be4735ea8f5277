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
