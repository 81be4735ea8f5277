package awsenv_test

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"bucketuser/lambda/internal/awsenv"
)

// A server counts its connections, and holds requests back until as many are there as a test wants.
type server struct {
	*httptest.Server
	connections atomic.Int32
	together    atomic.Pointer[sync.WaitGroup]
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if all := s.together.Load(); all != nil {
			all.Done()
			all.Wait()
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// bundle is a file with the certificate of the server.
func (s *server) bundle(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (s *server) get(client aws.HTTPClient) error {
	request, err := http.NewRequest(http.MethodGet, s.URL, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

func TestCertificates(t *testing.T) {
	s := newServer(t)
	setenv(t, lambda)
	if err := s.get(read(t).HTTPClient); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody: %v", err)
	}
	t.Setenv("AWS_CA_BUNDLE", s.bundle(t))
	if err := s.get(read(t).HTTPClient); err != nil {
		t.Error(err)
	}
}

func TestBundleThatCannotBeReadIsNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for bundle, want := range map[string]string{"/nowhere": "AWS_CA_BUNDLE: open /nowhere", empty: "AWS_CA_BUNDLE: " + empty + ": holds no certificate"} {
		setenv(t, with("AWS_CA_BUNDLE", bundle))
		if _, err := awsenv.Read(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestEventsShareNoConnection(t *testing.T) {
	s := newServer(t)
	setenv(t, with("AWS_CA_BUNDLE", s.bundle(t)))
	environment, err := awsenv.Read()
	if err != nil {
		t.Fatal(err)
	}
	for event := range int32(3) {
		config := environment.Config()
		for range 2 {
			if err := s.get(config.Copy().HTTPClient); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.connections.Load(); got != event+1 {
			t.Fatalf("%d connections after %d events", got, event+1)
		}
	}
}

// As many requests as an emptying has in flight, twice: the second time nobody shakes hands.
func TestConnectionsAreKept(t *testing.T) {
	const inFlight = 64
	s := newServer(t)
	setenv(t, with("AWS_CA_BUNDLE", s.bundle(t)))
	client := read(t).HTTPClient
	for range 2 {
		all := &sync.WaitGroup{}
		all.Add(inFlight)
		s.together.Store(all)
		var done sync.WaitGroup
		for range inFlight {
			done.Go(func() {
				if err := s.get(client); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
	}
	if got := s.connections.Load(); got != inFlight {
		t.Errorf("%d connections for %d requests at a time", got, inFlight)
	}
}

// What the SDK sets for every transport stays: proxies by their variables, and no TLS before 1.2.
func TestTransportIsTheSDKs(t *testing.T) {
	s := newServer(t)
	setenv(t, with("AWS_CA_BUNDLE", s.bundle(t)))
	is, isBuildable := read(t).HTTPClient.(*awshttp.BuildableClient)
	if !isBuildable {
		t.Fatal("the SDK has no say in the client")
	}
	got, want := is.GetTransport(), awshttp.NewBuildableClient().GetTransport()
	if reflect.ValueOf(got.Proxy).Pointer() != reflect.ValueOf(http.ProxyFromEnvironment).Pointer() {
		t.Error("the variables of proxies do nothing")
	}
	if got.TLSClientConfig.MinVersion != want.TLSClientConfig.MinVersion || got.TLSClientConfig.MinVersion == 0 {
		t.Errorf("TLS from %x", got.TLSClientConfig.MinVersion)
	}
	if got.TLSHandshakeTimeout != want.TLSHandshakeTimeout || got.IdleConnTimeout != want.IdleConnTimeout {
		t.Errorf("timeouts %v and %v", got.TLSHandshakeTimeout, got.IdleConnTimeout)
	}
}
