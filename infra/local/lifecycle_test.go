//go:build e2e

package local

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestDetachedIsFoundAndStoppedByAnother(t *testing.T) {
	dir := t.TempDir()
	started, err := Start(t.Context(), tools, Options{Dir: dir, Region: "eu-central-1", Detached: true})
	must(t, err)
	if _, err := Start(t.Context(), tools, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("a second one in the same directory: %v", err)
	}
	found, err := Attach(t.Context(), tools, dir)
	must(t, err)
	if found.Endpoint != started.Endpoint || found.Region != "eu-central-1" {
		t.Errorf("found %s in %s", found.Endpoint, found.Region)
	}
	w, err := newWorld(found)
	must(t, err)
	_, err = w.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	must(t, err)
	must(t, found.Stop(t.Context()))
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
	a, err := Start(t.Context(), tools, Options{Dir: t.TempDir()})
	must(t, err)
	must(t, a.process.stdin.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if !a.process.await(ctx) {
		t.Error("it still runs")
	}
	must(t, a.Stop(t.Context()))
}

func TestListensOnLoopbackOnly(t *testing.T) {
	port := corrected.aws.Endpoint[strings.LastIndex(corrected.aws.Endpoint, ":")+1:]
	addresses, err := net.InterfaceAddrs()
	must(t, err)
	for _, address := range addresses {
		ip, _, err := net.ParseCIDR(address.String())
		must(t, err)
		if ip.IsLoopback() {
			continue
		}
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second)
		if err == nil {
			conn.Close()
			t.Errorf("it listens on %s", ip)
		}
	}
}

func TestTakenPortIsTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	dir := t.TempDir()
	must(t, errors.Join(os.Mkdir(filepath.Join(dir, "emulator"), 0o700), os.Mkdir(filepath.Join(dir, "tmp"), 0o700)))
	certFile, keyFile, err := writeCertificate(dir, time.Now())
	must(t, err)
	a := &AWS{Endpoint: "https://" + l.Addr().String(), Region: defaultRegion, CertFile: certFile, dir: dir, tools: tools}
	err = a.launch(t.Context(), Options{}, l.Addr().(*net.TCPAddr).Port, keyFile)
	if !errors.Is(err, errPortTaken) {
		t.Errorf("%v is not known as a taken port", err)
	}
}

func TestDeathWhileStartingShowsTheLog(t *testing.T) {
	broken := tools
	broken.Launcher = filepath.Join(t.TempDir(), "launcher.py")
	must(t, os.WriteFile(broken.Launcher, []byte("raise SystemExit('correction x: ministack has no y')"), 0o600))
	_, err := Start(t.Context(), broken, Options{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "ministack has no y") {
		t.Errorf("the error does not help: %v", err)
	}
}

func TestBootstrapIsRepeatable(t *testing.T) {
	for range 2 {
		must(t, corrected.aws.Bootstrap(t.Context()))
	}
	if status := corrected.settled(t, "CDKToolkit"); status != "CREATE_COMPLETE" {
		t.Error(status)
	}
}

func TestFailedCDKRunSaysWhy(t *testing.T) {
	err := corrected.aws.CDK(t.Context(), CDKRun{Dir: t.TempDir(), Args: []string{"deploy", "None"}})
	if err == nil || !strings.Contains(err.Error(), "--app is required") {
		t.Errorf("the error does not help: %v", err)
	}
	log, readErr := os.ReadFile(corrected.aws.CDKLog())
	must(t, readErr)
	if !strings.Contains(string(log), "== cdk deploy None") || !strings.Contains(string(log), "--app is required") {
		t.Error("the log lacks it")
	}
}
