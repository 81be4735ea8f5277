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

// Attach finds the embedded AWS that another process started detached in dir.
// It fails if there is none, or if it does not answer.
func Attach(ctx context.Context, tools Tools, dir string) (*AWS, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, recordFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("embedded AWS: none is running in %s", dir)
	}
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("embedded AWS: %s: %w", recordFile, err)
	}
	if err := Loopback(r.Endpoint); err != nil {
		return nil, err
	}
	if !r.Process.running() {
		return nil, fmt.Errorf("embedded AWS: the one of %s has ended", dir)
	}
	a := &AWS{Endpoint: r.Endpoint, Region: r.Region, CertFile: r.CertFile, dir: dir, tools: tools, process: r.Process}
	if err := a.Healthy(ctx); err != nil {
		return nil, err
	}
	return a, nil
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

// launch starts the process, waits until it answers and writes the record.
func (a *AWS) launch(ctx context.Context, o Options, port int, keyFile string) error {
	if a.tools.Emulator == "" {
		return errors.New("its toolset is not among those of this command")
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
	if !o.Detached {
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
		err = a.awaitHealth(ctx)
	}
	if err == nil {
		err = a.writeRecord()
	}
	if err != nil {
		return errors.Join(err, a.process.stop(context.WithoutCancel(ctx)))
	}
	return nil
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

func (a *AWS) writeRecord() error {
	b, err := json.MarshalIndent(record{a.Endpoint, a.Region, a.CertFile, a.process}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, recordFile), b, 0o600)
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
