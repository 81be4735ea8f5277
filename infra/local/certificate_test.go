package local

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"
)

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestCertificateIsForThisServerOnly(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile, err := writeCertificate(dir, testTime)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	cert := pair.Leaf
	if cert.IsCA || !cert.BasicConstraintsValid {
		t.Error("the certificate may sign others")
	}
	roots, err := certPool(certFile)
	if err != nil {
		t.Fatal(err)
	}
	for host, good := range map[string]bool{"127.0.0.1": true, "localhost": true, "127.0.0.2": false, "s3.amazonaws.com": false} {
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: testTime})
		if (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: testTime.Add(certificateLife + time.Minute)}); err == nil {
		t.Error("it never expires")
	}
}

// A key file that was readable by others does not stay so.
func TestKeyIsReadableByItsOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		_, keyFile, err := writeCertificate(dir, testTime)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(keyFile)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("mode %o", mode)
		}
		if err := os.Chmod(keyFile, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
