package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"bucketuser/infra/local"
)

// operator is the built program of whoever operates resources, in the folder of the repository.
var operator = filepath.Join(".local", "bucketuser")

// operate builds that program and runs it: with the environment of the demo if that is up, unless
// WHERE is aws, and else with the caller's own.
func operate(ctx context.Context, root string, args []string) error {
	flags := flag.NewFlagSet("tools operator", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	where := flags.String("where", "", "demo, aws, or the demo if that is up")
	dir := flags.String("dir", filepath.Join(root, ".local"), "of the demo")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("operator: say credentials or another command of bucketuser")
	}
	env, isDemo, err := environment(ctx, *where, *dir)
	if err != nil {
		return fmt.Errorf("make %s: %w", flags.Arg(0), err)
	}
	if err := buildOperator(ctx, root); err != nil {
		return err
	}
	if isDemo {
		noteOfCommands(flags.Arg(0), env, os.Stderr)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, operator), flags.Args()...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if err != nil && !isDemo && *where == "" && os.Getenv(endpointVariable) == "" {
		fmt.Fprintln(os.Stderr, "no demo is up, so this was asked of AWS; make demo starts one")
	}
	return err
}

// environment is that of the demo or of the caller, and which of the two.
func environment(ctx context.Context, where, dir string) (env []string, isDemo bool, err error) {
	switch where {
	case "aws":
		if endpoint := os.Getenv(endpointVariable); local.Loopback(endpoint) == nil {
			return nil, false, fmt.Errorf("WHERE=aws, but AWS_ENDPOINT_URL is %s, as in the demo's env.sh; open another shell", endpoint)
		}
		return os.Environ(), false, nil
	case "", "demo":
	default:
		return nil, false, fmt.Errorf("WHERE=%q: must be demo or aws", where)
	}
	cloud, err := local.Attach(ctx, local.Tools{}, dir)
	switch {
	case err == nil && where == "":
		fmt.Fprintln(os.Stderr, "the demo is up, and is asked; WHERE=aws asks AWS")
		fallthrough
	case err == nil:
		return cloud.Env(), true, nil
	case where == "demo":
		return nil, false, fmt.Errorf("WHERE=demo, but no demo is up; make demo starts one (%w)", err)
	}
	return os.Environ(), false, checkShell(ctx, "")
}

// buildOperator has the go command build the program, unless it is as the sources are.
func buildOperator(ctx context.Context, root string) error {
	if _, err := os.Stat(filepath.Join(root, operator)); err != nil {
		fmt.Fprintln(os.Stderr, "building "+operator+": a minute, or some seconds if Go has compiled its packages before")
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", operator, "./infra/cmd/bucketuser")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("bucketuser: go build: %w\n%s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
