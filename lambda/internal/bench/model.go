package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"bucketuser/lambda/internal/s3model"
)

// serveCommand has this program be a model.
const serveCommand = "serve"

// order is what a model is told: one line of JSON.
type order struct {
	Model      s3model.Config
	SecretName string
	SecretTags map[string]string
}

// report is what it tells.
type report struct {
	Stats s3model.Stats
	Left  []string
	CPU   time.Duration // of its process
}

const statsPath = "/-/stats"

// serve is the process of a model. It ends with its input.
func serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return err
	}
	server := s3model.New(o.Model)
	account := &account{secret: o.SecretName, tags: o.SecretTags}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == statsPath:
				_ = json.NewEncoder(w).Encode(report{server.Stats(), server.Left(3), ownCPU()}) // the reader may be gone
			case r.Method == http.MethodPost && r.URL.Path == "/":
				account.ServeHTTP(w, r)
			default:
				server.ServeHTTP(w, r)
			}
		}))
	}()
	if _, err := fmt.Fprintf(out, "http://%s\n", listener.Addr()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, lines)
	return err
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // it cannot fail for this process
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// model is a model in a process of its own.
type model struct {
	address string
	process *exec.Cmd
	input   io.Closer
}

// startModel starts the model of a case.
func (b *bench) startModel(ctx context.Context, s scene, seed uint64) (*model, error) {
	o := order{Model: s.config, SecretName: secretName, SecretTags: secretTags()}
	o.Model.Bucket, o.Model.Owner, o.Model.Region, o.Model.Tags, o.Model.Seed = bucketName, account12, region, bucketTags(), seed
	o.Model.Policy = policy
	line, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	m := &model{process: exec.CommandContext(ctx, b.self, serveCommand)}
	m.process.Stderr = os.Stderr
	in, err := m.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := m.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	m.input = in
	if err := m.process.Start(); err != nil {
		return nil, err
	}
	if _, err := in.Write(append(line, '\n')); err != nil {
		return nil, errors.Join(err, m.wait())
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, m.wait())
	}
	m.address = strings.TrimSpace(address)
	return m, nil
}

func (m *model) wait() error {
	_ = m.input.Close() // which ends the process
	return m.process.Wait()
}

func (m *model) report() (report, error) {
	var r report
	response, err := http.Get(m.address + statsPath)
	if err != nil {
		return r, err
	}
	defer response.Body.Close()
	return r, json.NewDecoder(response.Body).Decode(&r)
}

// end returns the last report and ends the process.
func (m *model) end() (report, error) {
	last, err := m.report()
	return last, errors.Join(err, m.wait())
}

// writingTime is how long somebody writes.
const writingTime = 3 * time.Second

// write has somebody write objects, so many a second, until it is stopped. What is refused is refused.
func (m *model) write(ctx context.Context, rate int) (stop func()) {
	if rate == 0 {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, writingTime)
	var writers sync.WaitGroup
	writers.Go(func() {
		ticks := time.NewTicker(time.Second / time.Duration(rate))
		defer ticks.Stop()
		for i := 0; ; i++ {
			select {
			case <-ticks.C:
				m.put(ctx, fmt.Sprintf("%s/%x-written-%d", m.address+"/"+bucketName, byte(i*37), i))
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); writers.Wait() }
}

func (m *model) put(ctx context.Context, address string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, bytes.NewReader([]byte("body")))
	if err != nil {
		return
	}
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
	}
}
