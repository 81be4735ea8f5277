//go:build e2e

package examples

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/internal/cloudtest"
)

// public makes the embedded AWS reachable under the names that AWS has, so that what is
// printed for people is run as it is printed: https://<bucket>.s3.<region>.amazonaws.com/…
//
// It is a proxy for HTTPS (CONNECT) on 127.0.0.1, which clients find by the variable
// HTTPS_PROXY. It speaks TLS for those names itself, and passes each request on with its
// Host, which the signature covers and by which the bucket is addressed. It connects to
// nothing else, so that nothing leaves this machine. chDB, boto3, the aws CLI, the SDK for
// Go and the cdk CLI honour the variable. chDB also asks the DNS for the names, and goes on
// without an answer.
type public struct {
	url      string // of the proxy
	certFile string // that clients must trust
}

// newPublic starts the proxy for the time of a test.
func newPublic(t *testing.T) *public {
	t.Helper()
	certificate, file := amazonCertificate(t)
	front := httptest.NewUnstartedServer(toEmulator(t))
	front.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that clients give up
	front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	front.StartTLS()
	t.Cleanup(front.Close)
	proxy := httptest.NewServer(tunnel{front.Listener.Addr().String()})
	t.Cleanup(proxy.Close)
	return &public{proxy.URL, file}
}

// names are the hosts that the proxy stands for.
func names() []string {
	var names []string
	for _, region := range []string{cloudtest.Region, "us-east-1"} {
		names = append(names, "*.s3."+region+".amazonaws.com", "*."+region+".amazonaws.com")
	}
	return append(names, "*.amazonaws.com")
}

// amazonCertificate makes a certificate for names, and a file with it.
func amazonCertificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key := cloudtest.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "AWS, for tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: names(),
	}
	der := cloudtest.Must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
	file := filepath.Join(t.TempDir(), "amazon.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// toEmulator passes requests on to the embedded AWS.
func toEmulator(t *testing.T) *httputil.ReverseProxy {
	t.Helper()
	target := cloudtest.Must(url.Parse(cloud.Endpoint))(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cloudtest.Must(os.ReadFile(cloud.CertFile))(t))
	return &httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 16},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host
		},
	}
}

// A tunnel answers CONNECT to any host of AWS with a connection to one address.
type tunnel struct{ address string }

func (p tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	if r.Method != http.MethodConnect || !strings.HasSuffix(host, ".amazonaws.com") {
		http.Error(w, "this proxy leads to the embedded AWS, and nowhere else", http.StatusForbidden)
		return
	}
	up, err := net.Dial("tcp", p.address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer up.Close()
	w.WriteHeader(http.StatusOK)
	down, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer down.Close()
	go func() {
		_, _ = io.Copy(up, buffered)
		_ = up.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(down, up)
}

// env is the environment of a program that should find the embedded AWS under AWS's own
// names, with the credentials of the account's root and no others. More variables replace
// those of the same name.
func (p *public) env(more ...string) []string {
	env := slices.DeleteFunc(cloud.Env(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		// The latter are of the make that runs the tests, and would change one that a test runs.
		return slices.Contains([]string{"AWS_ENDPOINT_URL", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}, name)
	})
	env = append(env, "AWS_CA_BUNDLE="+p.certFile, "SSL_CERT_FILE="+p.certFile,
		"HTTPS_PROXY="+p.url, "https_proxy="+p.url, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
		"RES_OPTIONS=timeout:1 attempts:1", // for chDB's questions to the DNS, to which no answer is needed
		"PATH="+cloud.Tools.Clients+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return append(env, more...)
}

// as are the variables with which env makes a program act as somebody.
func as(who aws.Credentials) []string {
	return []string{"AWS_ACCESS_KEY_ID=" + who.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + who.SecretAccessKey}
}
