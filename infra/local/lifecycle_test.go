//go:build e2e

package local

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// installed returns the tools of this package's tests, which TestMain has installed.
func installed(t *testing.T) Tools {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	tools, err := Install(t.Context(), root, ForLocalTests, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return tools
}

func TestDetachedIsFoundAndStoppedByAnother(t *testing.T) {
	dir, tools := t.TempDir(), installed(t)
	started, err := Start(t.Context(), tools, Options{Dir: dir, Region: "eu-central-1", Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), tools, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("a second one in the same directory: %v", err)
	}
	found, err := Attach(t.Context(), tools, dir)
	if err != nil {
		t.Fatal(err)
	}
	if found.Endpoint != started.Endpoint || found.Region != "eu-central-1" {
		t.Errorf("found %s in %s", found.Endpoint, found.Region)
	}
	config, err := found.Config()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(config).ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil {
		t.Fatal(err)
	}
	if err := found.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if !started.process.await(ctx) { // its parent, this process, has to collect it first
		t.Error("it still runs")
	}
	if _, err := Attach(t.Context(), tools, dir); err == nil {
		t.Error("a stopped one is found")
	}
}

// A pipe that closes is what remains of a killed test.
func TestEndsWithTheProcessThatStartedIt(t *testing.T) {
	a, err := Start(t.Context(), installed(t), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.process.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !a.process.await(ctx) {
		t.Error("it still runs")
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The record goes with its folder, which somebody has removed, or was never written.
func TestDetachedEndsWithoutItsRecord(t *testing.T) {
	t.Parallel()
	a, err := Start(t.Context(), installed(t), Options{Dir: t.TempDir(), Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(a.record()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if !a.process.await(ctx) {
		t.Error("it still runs")
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// One that a signal has stopped does not answer, and hears no request to end.
func TestFoundAndKilledWithoutAnAnswer(t *testing.T) {
	dir, tools := t.TempDir(), installed(t)
	started, err := Start(t.Context(), tools, Options{Dir: dir, Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(started.process.ID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	found, err := Find(tools, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := started.Kill(t.Context()); err != nil { // this process has to collect it
		t.Fatal(err)
	}
	if found.process.running() {
		t.Error("it still runs")
	}
	if _, err := os.Stat(filepath.Join(dir, "emulator")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its state is left: %v", err)
	}
}

func TestTakenPortIsTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	certFile, keyFile, err := writeCertificate(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a := &AWS{Endpoint: "https://" + l.Addr().String(), Region: defaultRegion, CertFile: certFile, dir: dir, tools: installed(t)}
	err = a.launch(t.Context(), Options{}, l.Addr().(*net.TCPAddr).Port, keyFile)
	if !errors.Is(err, errPortTaken) {
		t.Errorf("%v is not known as a taken port", err)
	}
}
