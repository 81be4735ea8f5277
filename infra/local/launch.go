package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	recordFile  = "aws.json"
	envFile     = "env.sh"
	contextFile = "context"
	healthPath  = "/_ministack/health"
	logTailSize = 3 << 10
)

var errPortTaken = errors.New("port taken by another process")

// record is what a later process needs to find and to stop an embedded AWS.
type record struct {
	Endpoint string  `json:"endpoint"`
	Region   string  `json:"region"`
	CertFile string  `json:"certFile"`
	Process  process `json:"process"`
}

// ErrNone is the error of [Find] if no embedded AWS runs.
var ErrNone = errors.New("embedded AWS: none is running")

// Find finds the embedded AWS that another process started detached in dir, whether it
// answers or not. Its error is [ErrNone] if there is none.
func Find(tools Tools, dir string) (*AWS, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, recordFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNone, dir)
	}
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil { // then no record names it, and it ends by itself
		return nil, fmt.Errorf("%w: the record in %s names none", ErrNone, dir)
	}
	if err := Loopback(r.Endpoint); err != nil {
		return nil, err
	}
	if !r.Process.running() {
		return nil, fmt.Errorf("%w: the one of %s has ended", ErrNone, dir)
	}
	return &AWS{Endpoint: r.Endpoint, Region: r.Region, CertFile: r.CertFile, dir: dir, tools: tools, process: r.Process}, nil
}

// Attach is Find of an embedded AWS that answers.
func Attach(ctx context.Context, tools Tools, dir string) (*AWS, error) {
	a, err := Find(tools, dir)
	if err != nil {
		return nil, err
	}
	return a, a.Healthy(ctx)
}

// Healthy asks the embedded AWS whether it answers, for at most 5 seconds.
func (a *AWS) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := a.httpClient(nil)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Endpoint+healthPath, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("embedded AWS: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("embedded AWS: health answers %s", resp.Status)
	}
	return nil
}

// launch starts the process, writes the record and waits until it answers.
func (a *AWS) launch(ctx context.Context, o Options, port int, keyFile string) error {
	if a.tools.Emulator == "" {
		return errors.New("its toolset is not among those of this command")
	}
	if err := a.makeFolders(); err != nil {
		return err
	}
	logFile, err := os.Create(a.LogFile())
	if err != nil {
		return err
	}
	defer logFile.Close()

	args := []string{a.tools.Launcher}
	if o.Stock {
		args = append(args, "--stock")
	}
	if o.Detached {
		args = append(args, "--end-without", a.record())
	} else {
		args = append(args, "--end-with-stdin")
	}
	cmd := exec.Command(a.tools.Emulator, args...)
	cmd.Env = append(emulatorEnv(a, port, keyFile), o.Rotation.env()...)
	cmd.Dir = filepath.Join(a.dir, "emulator")
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stdin io.Closer
	if !o.Detached {
		// The launcher ends when this pipe does, so even a killed test leaves nothing behind.
		if stdin, err = cmd.StdinPipe(); err != nil {
			return err
		}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	a.process, err = watch(cmd, stdin)
	if err == nil {
		err = a.writeRecord()
	}
	if err == nil {
		err = a.awaitHealth(ctx)
	}
	if err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// makeFolders makes the folders of its state, which one that was killed has left.
func (a *AWS) makeFolders() error {
	if err := remove(a.dir, state()...); err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Join(a.dir, "emulator"), 0o700), os.MkdirAll(a.temporary(), 0o700))
}

// awaitHealth returns once the process answers, or why it does not.
func (a *AWS) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	go func() {
		select {
		case <-a.process.ended: // whoever has its port may keep us waiting
			cancel()
		case <-ctx.Done():
		}
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if a.Healthy(ctx) == nil {
				return nil
			}
		case <-ctx.Done():
			tail := logTail(a.LogFile())
			switch {
			case a.process.running():
				return fmt.Errorf("no answer: %w; the end of %s:\n%s", ctx.Err(), a.LogFile(), tail)
			case strings.Contains(tail, "already in use"):
				return errPortTaken
			default:
				return fmt.Errorf("it ended while starting; the end of %s:\n%s", a.LogFile(), tail)
			}
		}
	}
}

// record is the file by which Find finds it.
func (a *AWS) record() string { return filepath.Join(a.dir, recordFile) }

// writeRecord writes the whole record at once: the process reads it too.
func (a *AWS) writeRecord() error {
	b, err := json.MarshalIndent(record{a.Endpoint, a.Region, a.CertFile, a.process}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.record()+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(a.record()+".new", a.record())
}

// logTail is the end of a log file, for an error message.
func logTail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if len(b) > logTailSize {
		b = b[len(b)-logTailSize:]
	}
	return strings.TrimSpace(string(b))
}
