//go:build e2e

package privilege

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/local"
)

// What all tests share: the embedded AWS with the function, the two programs that
// read policies offline, and the template of the construct.
var (
	root  *world
	check local.Checks

	construct, shared *subject
)

func TestMain(m *testing.M) {
	status, err := run(context.Background(), m)
	for _, line := range summary.lines() {
		fmt.Println(line)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "privilege tests:", err)
		status = 1
	}
	os.Exit(status)
}

func run(ctx context.Context, m *testing.M) (status int, err error) {
	repository, err := local.Root()
	if err != nil {
		return 0, err
	}
	tools, err := local.Install(ctx, repository, os.Stderr)
	if err != nil {
		return 0, err
	}
	if check, err = local.InstallChecks(ctx, repository, os.Stderr); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "bucketuser-privilege-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	code := filepath.Join(dir, "function")
	if _, err := local.BuildFunction(ctx, repository, code); err != nil {
		return 0, err
	}
	embedded, provider, err := synthesize(code)
	jsii.Close()
	if err != nil {
		return 0, err
	}
	aws, err := local.Start(ctx, tools, local.Options{Dir: filepath.Join(dir, "aws"), Region: "eu-west-1"})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, aws.Stop(ctx)) }()
	if root, err = newWorld(ctx, aws, code); err != nil {
		return 0, err
	}
	defer root.close()
	if construct, err = root.newSubject(ctx, "construct", embedded); err != nil {
		return 0, err
	}
	if shared, err = root.newSubject(ctx, "provider-stack", provider); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// summary is what the tests have counted. It is printed whether or not go test
// shows the output of tests that pass.
var summary counts

type counts struct {
	mu    sync.Mutex
	order []string
	text  map[string]string
}

func (c *counts) set(name, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.text == nil {
		c.text = map[string]string{}
	}
	if !slices.Contains(c.order, name) {
		c.order = append(c.order, name)
	}
	c.text[name] = fmt.Sprintf(format, args...)
}

func (c *counts) lines() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.order)
	var lines []string
	for _, name := range c.order {
		lines = append(lines, fmt.Sprintf("%-27s %s", name, c.text[name]))
	}
	return lines
}

func since(start time.Time) string { return time.Since(start).Round(time.Second).String() }
