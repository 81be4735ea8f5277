// Package local runs an AWS of its own on this machine: the emulator ministack
// from PyPI, with its differences from AWS corrected where the product meets
// them, with TLS and with IAM enforced. The demo and the end-to-end tests use
// it; the function and the construct do not know that it exists.
//
//	tools, err := local.Install(ctx, root, local.ForDemo, os.Stderr) // pinned packages, once
//	a, err := local.Start(ctx, tools, local.Options{Dir: dir})
//	defer a.Stop(ctx)
//	cfg, err := a.Config() // of root, which no policy limits
//
// Everything listens on 127.0.0.1 only, and nothing here talks to an endpoint
// that is not loopback. No setting of the user's own AWS account is read.
package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

const (
	// Account is the account that the embedded AWS's root credentials belong to.
	Account = "000000000000"
	// RootKey is both access key id and secret of that account's root.
	RootKey = "test"

	defaultRegion = "us-east-1"
	startTimeout  = 60 * time.Second // about 0.5 s once Python has compiled its files
	startAttempts = 3                // another process may take the port between choosing and binding
)

// Options say what [Start] starts. Only Dir is required.
type Options struct {
	// Dir receives everything that the embedded AWS writes: its state, log,
	// certificate and the record by which [Attach] finds it. One running
	// embedded AWS per directory.
	Dir string
	// Region of clients and of the emulator's functions; us-east-1 if empty.
	Region string
	// Stock leaves the emulator as it is published, without the corrections.
	Stock bool
	// Detached lets it outlive this process. Otherwise it ends by itself when
	// this process does, however that ends.
	Detached bool
	// Rotation says when secrets are rotated.
	Rotation Rotation
}

// Rotation has the times of rotations, none of which a caller of Secrets Manager can
// set. What is zero is as the emulator has it.
type Rotation struct {
	// Day is how long a day of AutomaticallyAfterDays takes; 24 hours if zero. A shorter
	// one lets a test see a rotation by schedule.
	Day time.Duration
	// Retry is the time between a rotation that failed and the next attempt, of three; 5
	// seconds if zero. AWS does not say how long it waits.
	Retry time.Duration
}

// AWS is a running embedded AWS.
type AWS struct {
	// Endpoint is https://127.0.0.1:<port>, for every service.
	Endpoint string
	// Region of the clients made by Config.
	Region string
	// CertFile is the PEM certificate that clients must trust, and no other.
	CertFile string

	dir     string
	tools   Tools
	process process
}

// Start starts an embedded AWS and returns once it answers. It fails, with the
// end of its log, if that takes more than a minute or if it dies before.
func Start(ctx context.Context, tools Tools, o Options) (*AWS, error) {
	if o.Region == "" {
		o.Region = defaultRegion
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if running, err := Attach(ctx, tools, dir); err == nil {
		return nil, fmt.Errorf("embedded AWS: already running in %s as process %d", dir, running.process.ID)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	certFile, keyFile, err := writeCertificate(dir, time.Now())
	if err != nil {
		return nil, fmt.Errorf("embedded AWS: certificate: %w", err)
	}

	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return nil, fmt.Errorf("embedded AWS: no free port: %w", err)
		}
		a := &AWS{
			Endpoint: fmt.Sprintf("https://127.0.0.1:%d", port), Region: o.Region,
			CertFile: certFile, dir: dir, tools: tools,
		}
		err = a.launch(ctx, o, port, keyFile)
		if err == nil {
			return a, nil
		}
		if attempt == startAttempts || !errors.Is(err, errPortTaken) {
			return nil, fmt.Errorf("embedded AWS: %w", err)
		}
	}
}

// Dir is the directory that it writes to.
func (a *AWS) Dir() string { return a.dir }

// LogFile is the emulator's own log, which includes the functions' output.
func (a *AWS) LogFile() string { return filepath.Join(a.dir, "aws.log") }

// Stop ends the embedded AWS and every process that it started, and removes
// its state; the log stays. If it has not ended after 10 seconds, or when ctx ends, it is
// killed. Stopping a stopped one is no error.
func (a *AWS) Stop(ctx context.Context) error {
	if err := a.process.stop(ctx); err != nil {
		return fmt.Errorf("embedded AWS: stop: %w", err)
	}
	return remove(a.dir, state()...)
}

// Kill is Stop without asking: whatever the process does, it has ended after it.
func (a *AWS) Kill(ctx context.Context) error {
	if err := a.process.kill(ctx); err != nil {
		return fmt.Errorf("embedded AWS: kill: %w", err)
	}
	return remove(a.dir, state()...)
}

// Forget removes from dir what is of use only while an embedded AWS runs there, and tells whether there was an env.sh.
// The command cdk stays, for shells that have it in PATH, and says that nothing is up.
func Forget(dir string) (hadShell bool, err error) {
	_, missing := os.Stat(filepath.Join(dir, envFile))
	return missing == nil, remove(dir, append(state(), envFile)...)
}

// state is what an embedded AWS has on disk that is of no use to another one.
func state() []string { return []string{recordFile, contextFile, "emulator", "tmp"} }

// temporary is the folder for temporary files of all that it starts.
func (a *AWS) temporary() string { return filepath.Join(a.dir, "tmp") }

func remove(dir string, names ...string) (err error) {
	for _, name := range names {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, name)))
	}
	return err
}

// Process is the id of its process.
func (a *AWS) Process() int { return a.process.ID }

// Loopback reports as an error that endpoint is not an https URL of a
// loopback address: what runs here must never reach a real AWS. A name, even
// localhost, is refused too, because something else may resolve it.
func Loopback(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil {
		return fmt.Errorf("endpoint %q: not a URL", endpoint)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "https" || ip == nil || !ip.IsLoopback() || u.User != nil {
		return fmt.Errorf("endpoint %q: not an https URL of a loopback address; only the embedded AWS may be used here", endpoint)
	}
	return nil
}

// Root is the directory of the go.mod above the working directory: the
// repository's root, whichever of its packages' tests or commands runs.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
