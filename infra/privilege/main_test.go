//go:build e2e

package privilege

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/quiet"
	"bucketuser/infra/local"
)

// What all tests share: the embedded AWS with the function, the two programs that
// read policies offline, and the template of the construct.
var (
	root  *cloud
	check local.Checks

	construct, shared        *subject
	rotation, sharedRotation *subject // of the same providers
)

func TestMain(m *testing.M) {
	os.Exit(cloudtest.Main(context.Background(), cloudtest.Options{Name: "privilege", Needs: local.ForPrivilegeTests}, func(ctx context.Context, c *cloudtest.Cloud) (int, error) {
		status, err := run(ctx, c, m)
		return status, errors.Join(err, figures(os.Getenv("FIGURES"), summary.lines()))
	}))
}

// figures prints the lines, and adds them to the file that make test prints at its end, if there is one.
func figures(file string, lines []string) error {
	text := strings.Join(lines, "\n") + "\n"
	fmt.Print(text)
	if file == "" {
		return nil
	}
	to, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = to.WriteString(text)
	return errors.Join(err, to.Close())
}

func run(ctx context.Context, c *cloudtest.Cloud, m *testing.M) (status int, err error) {
	check = c.Tools.Checks
	embedded, provider, err := synthesize(c.Function.Dir)
	quiet.Close()
	if err != nil {
		return 0, err
	}
	if root, err = newCloud(ctx, c); err != nil {
		return 0, err
	}
	defer root.close()
	if construct, err = root.newSubject(ctx, "construct", embedded); err != nil {
		return 0, err
	}
	if shared, err = root.newSubject(ctx, "provider-stack", provider); err != nil {
		return 0, err
	}
	rotation, sharedRotation = construct.rotation(), shared.rotation()
	if err := errors.Join(rotation.serve(ctx), sharedRotation.serve(ctx)); err != nil {
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
