package cloudtest

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
)

// Must returns the value of a call, or fails the test at once if the call failed:
//
//	user := cloudtest.Must(cloud.User(ctx, secretArn))(t)
func Must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// Code is the error code of AWS's answer: empty for success, and what went wrong after
// "no answer: " if none came.
func Code(err error) string {
	var answer smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &answer):
		return answer.ErrorCode()
	default:
		return "no answer: " + err.Error()
	}
}

// WantCode fails the test unless err has that error code; the empty code stands for
// success.
func WantCode(t testing.TB, err error, code string) {
	t.Helper()
	if Code(err) != code {
		t.Errorf("got %v, want %q", err, code)
	}
}

// Left lists what the account holds whose name has a word in it, in any case, as
// [local.AWS.Inventory] does.
func (c *Cloud) Left(ctx context.Context, word string) ([]string, error) {
	all, err := c.Inventory(ctx)
	var left []string
	for _, item := range all {
		if strings.Contains(strings.ToLower(item), strings.ToLower(word)) {
			left = append(left, item)
		}
	}
	return left, err
}

// WantNothing fails the test if the account holds anything whose name has the word in
// it. A generated name need not have that of its stack.
func (c *Cloud) WantNothing(t testing.TB, word string) {
	t.Helper()
	if left := Must(c.Left(t.Context(), word))(t); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// Changes are the lines that differ between two lists of different lines, such as those of
// [local.AWS.Settings]: "-" before what is gone, "+" before what is new.
func Changes(before, after []string) []string {
	var changes []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			changes = append(changes, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			changes = append(changes, "+ "+line)
		}
	}
	return changes
}

// Run runs a program in dir and returns what it prints to standard output. Its
// environment is env, or this process's own if that is nil; [local.AWS.Env] points it at
// the embedded AWS. A program that fails, fails the test at once, with all of its output.
func Run(t testing.TB, dir string, env []string, program string, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, env, &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(args, " "), err, output, stderr.String())
	}
	return string(output)
}
