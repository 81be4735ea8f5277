//go:build e2e

package local_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

func TestListensOnLoopbackOnly(t *testing.T) {
	port := corrected.Endpoint[strings.LastIndex(corrected.Endpoint, ":")+1:]
	for _, address := range cloudtest.Must(net.InterfaceAddrs())(t) {
		ip, _, err := net.ParseCIDR(address.String())
		if err != nil {
			t.Fatal(err)
		}
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

func TestDeathWhileStartingShowsTheLog(t *testing.T) {
	broken := corrected.Tools
	broken.Launcher = filepath.Join(t.TempDir(), "launcher.py")
	if err := os.WriteFile(broken.Launcher, []byte("raise SystemExit('correction x: ministack has no y')"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := local.Start(t.Context(), broken, local.Options{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "ministack has no y") {
		t.Errorf("the error does not help: %v", err)
	}
}

func TestBootstrapIsRepeatable(t *testing.T) {
	for range 2 {
		if err := corrected.Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if status := corrected.settled(t, "CDKToolkit"); status != "CREATE_COMPLETE" {
		t.Error(status)
	}
}

func TestFailedCDKRunSaysWhy(t *testing.T) {
	err := corrected.AWS.CDK(t.Context(), local.CDKRun{Dir: t.TempDir(), Args: []string{"deploy", "None"}})
	if err == nil || !strings.Contains(err.Error(), "--app is required") {
		t.Errorf("the error does not help: %v", err)
	}
	log := cloudtest.Must(os.ReadFile(corrected.CDKLog()))(t)
	if !strings.Contains(string(log), "== cdk deploy None") || !strings.Contains(string(log), "--app is required") {
		t.Error("the log lacks it")
	}
}
