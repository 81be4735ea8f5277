package local

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// claimDir is the directory that the test binary claims in another process, with it in the environment.
const claimDir = "LOCAL_TEST_CLAIM"

func TestClaimIsOfOneCommandAlone(t *testing.T) {
	if dir := os.Getenv(claimDir); dir != "" {
		if _, err := Claim(dir, "make tea"); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is ended from outside
		return
	}
	dir := t.TempDir()
	other := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	other.Env = append(os.Environ(), claimDir+"="+dir)
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = other.Wait() }() // ended by a signal, as was intended
	busy := awaitClaim(t, dir)
	if busy.Command != "make tea" || busy.ID != other.Process.Pid {
		t.Errorf("it is %q, process %d", busy.Command, busy.ID)
	}
	if err := busy.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	release, err := Claim(dir, "make coffee")
	if err != nil {
		t.Fatal(err)
	}
	release()
	again, err := Claim(dir, "make coffee")
	if err != nil {
		t.Fatalf("after it was released: %v", err)
	}
	again()
}

// awaitClaim returns who has the directory, once that has said so.
func awaitClaim(t *testing.T, dir string) *Busy {
	t.Helper()
	var busy *Busy
	limit := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		release, err := Claim(dir, "make coffee")
		if errors.As(err, &busy) && busy.ID != 0 {
			return busy
		}
		if err == nil {
			release()
		}
		if time.Now().After(limit) {
			t.Fatalf("nobody has it: %v", err)
		}
	}
}
