// Command bucketuser is for whoever operates resources Custom::BucketUser: it hands out their
// credentials, says whether they work, and rotates their keys. It takes AWS's own environment (AWS_PROFILE,
// AWS_REGION and their like), and needs neither this repository nor the CDK.
//
// Its exit status is 0 if all is well, 1 if something is wrong with the resource, and 2 if that could
// not be told: for its arguments, for missing credentials or rights, or as nothing was found.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"bucketuser/infra/internal/rotate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// The exit statuses.
const (
	statusWell    = 0
	statusWrong   = 1
	statusUnknown = 2
)

// A wrongError says that something is wrong with the resource. Every other error says that it could not be told.
type wrongError struct{ error }

func (e wrongError) Unwrap() error { return e.error }

// run is the program without its process.
func run(ctx context.Context, args []string, out, notes io.Writer) int {
	command := root(out, notes)
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return statusWell
	}
	err = orInterrupted(ctx, err)
	fmt.Fprintln(notes, "bucketuser:", err)
	return statusOf(err)
}

// orInterrupted is the error of a program that was interrupted, whatever that has led to: but for what goes on in AWS.
func orInterrupted(ctx context.Context, err error) error {
	if unfinished := (*rotate.UnfinishedError)(nil); ctx.Err() == nil || errors.As(err, &unfinished) {
		return err
	}
	return errors.New("interrupted")
}

func statusOf(err error) int {
	if wrong := (wrongError{}); errors.As(err, &wrong) {
		return statusWrong
	}
	return statusUnknown
}
