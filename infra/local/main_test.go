//go:build e2e

package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The embedded AWS, corrected and as published, each started once.
var (
	corrected, stock *world
	tools            Tools
)

func TestMain(m *testing.M) {
	code, err := withBoth(context.Background(), m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withBoth(ctx context.Context, run func() int) (code int, err error) {
	root, err := Root()
	if err != nil {
		return 0, err
	}
	if tools, err = Install(ctx, root, ForLocalTests, os.Stderr); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "embedded-aws-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	for _, kind := range []struct {
		world **world
		o     Options
	}{
		{&corrected, Options{Dir: filepath.Join(dir, "corrected")}},
		{&stock, Options{Dir: filepath.Join(dir, "stock"), Stock: true}},
	} {
		a, err := Start(ctx, tools, kind.o)
		if err != nil {
			return 0, err
		}
		defer func() {
			if stopErr := a.Stop(ctx); err == nil {
				err = stopErr
			}
		}()
		if *kind.world, err = newWorld(a); err != nil {
			return 0, err
		}
	}
	return run(), nil
}
