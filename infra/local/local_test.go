package local

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoopback(t *testing.T) {
	for _, endpoint := range []string{
		"https://127.0.0.1:4566", "https://127.0.0.2:1", "https://[::1]:4566",
	} {
		if err := Loopback(endpoint); err != nil {
			t.Errorf("refused: %v", err)
		}
	}
	for name, endpoint := range map[string]string{
		"AWS":                      "https://s3.eu-central-1.amazonaws.com",
		"a name for loopback":      "https://localhost:4566",
		"a name that starts so":    "https://127.0.0.1.example.com",
		"plain http":               "http://127.0.0.1:4566",
		"every interface":          "https://0.0.0.0:4566",
		"a private address":        "https://10.0.0.1:4566",
		"a host behind a password": "https://127.0.0.1@example.com",
		"a password":               "https://user:pass@127.0.0.1",
		"no scheme":                "127.0.0.1:4566",
		"nothing":                  "",
		"not a URL":                "https://127.0.0.1:port",
	} {
		if Loopback(endpoint) == nil {
			t.Errorf("%s: %q is taken", name, endpoint)
		}
	}
}

func TestEverythingRefusesAnEndpointElsewhere(t *testing.T) {
	dir := t.TempDir()
	cert, _, err := writeCertificate(dir, testTime)
	if err != nil {
		t.Fatal(err)
	}
	a := &AWS{Endpoint: "https://s3.amazonaws.com", Region: "us-east-1", CertFile: cert, dir: dir}
	if _, err := a.Config(); err == nil {
		t.Error("Config makes a client")
	}
	if err := a.CDK(t.Context(), CDKRun{Args: []string{"deploy"}}); err == nil || strings.Contains(err.Error(), "exec") {
		t.Errorf("CDK runs: %v", err)
	}
	if err := a.WriteEnv(filepath.Join(dir, "env.sh")); err == nil {
		t.Error("WriteEnv writes")
	}
	if err := a.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("Healthy asks: %v", err)
	}
	if err := a.writeRecord(); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(t.Context(), Tools{}, dir); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("Attach attaches: %v", err)
	}
}

func TestAttachFindsNothingWhereNothingRuns(t *testing.T) {
	dir := t.TempDir()
	if _, err := Attach(t.Context(), Tools{}, dir); err == nil || !strings.Contains(err.Error(), "none is running") {
		t.Errorf("without a record: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, recordFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(Tools{}, dir); !errors.Is(err, ErrNone) {
		t.Errorf("with a record of which half was written: %v", err)
	}
	a := &AWS{Endpoint: "https://127.0.0.1:1", dir: dir, process: process{ID: os.Getpid(), Started: "another time"}}
	if err := a.writeRecord(); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(t.Context(), Tools{}, dir); err == nil || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("with the record of an earlier process of the same id: %v", err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Errorf("Stop of what has ended: %v", err)
	}
}
