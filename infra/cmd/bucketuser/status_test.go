package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/infra/internal/rotate"
	"bucketuser/infra/internal/target/targettest"
)

// What could not be determined has an exit status of its own, and nothing on standard output.
func TestStatusOfNothing(t *testing.T) {
	for name, test := range map[string]struct {
		args   []string
		change func(*targettest.Cloud)
		want   string
	}{
		"a format":          {[]string{"status", "--format", "yaml"}, nil, `format "yaml": must be one of table, json`},
		"no such stack":     {[]string{"status", "A"}, nil, "no stack A in region eu-west-1"},
		"a foreign secret":  {[]string{"status", "--secret", generated}, func(c *targettest.Cloud) { c.Secrets[0].Tags = nil }, "has no tags of a resource; name the stack"},
		"no right":          {[]string{"status"}, func(c *targettest.Cloud) { c.Denied = []string{"cloudformation:DescribeStacks"} }, "needs the right cloudformation:DescribeStacks"},
		"rotate, no stack":  {[]string{"rotate", "A"}, nil, "no stack A in region eu-west-1"},
		"rotate, a timeout": {[]string{"rotate", "--timeout", "10"}, nil, `missing unit in duration "10"`},
		"rotate, off":       {[]string{"rotate"}, nil, "set KeySerial of resource Data to 1 and update its stack"},
	} {
		t.Run(name, func(t *testing.T) {
			c := deployed(t)
			if test.change != nil {
				test.change(c)
			}
			status, out, notes := ran(t, test.args...)
			if status != statusUnknown || out != "" || !strings.Contains(notes, test.want) || strings.Contains(notes, "s3cr3t") {
				t.Errorf("%d: %s%s", status, out, notes)
			}
		})
	}
}

// A line for each news, and on a terminal one that counts.
func TestProgress(t *testing.T) {
	for name, test := range map[string]struct {
		isTerminal bool
		want       string
	}{
		"elsewhere":  {false, "   0 s  begun\n   2 s  made\n  32 s  made\n"},
		"a terminal": {true, "\r\x1b[K   0 s  begun\r\x1b[K   1 s  begun\n\r\x1b[K   2 s  made\r\x1b[K  31 s  made\r\x1b[K  32 s  made\n"},
	} {
		var out strings.Builder
		p := &progress{out: &out, isTerminal: test.isTerminal}
		for _, is := range []rotate.Progress{{What: "begun"}, {Took: 1, What: "begun"}, {Took: 2, What: "made"}, {Took: 31, What: "made"}, {Took: 32, What: "made"}} {
			is.Took *= time.Second
			p.show(is)
		}
		if p.end(); out.String() != test.want {
			t.Errorf("%s: %q", name, out.String())
		}
	}
}

// Whoever interrupts a rotation is told that it goes on, with the exit status of what is not known.
func TestInterruptedRotationGoesOn(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	err := orInterrupted(ctx, &rotate.UnfinishedError{Took: time.Second, What: "begun", Log: "aws logs tail x"})
	if !strings.Contains(err.Error(), "It goes on in AWS") || statusOf(err) != statusUnknown {
		t.Errorf("%d: %v", statusOf(err), err)
	}
	if err := orInterrupted(ctx, errors.New("dial tcp: operation was canceled")); err.Error() != "interrupted" {
		t.Error(err)
	}
}

// Whoever waits on a terminal sees that something is done, and nothing of that afterwards.
func TestCountsWhileAWSDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		answered := count(&out, true, time.Second)
		time.Sleep(2500 * time.Millisecond)
		answered()
		const line = "\r\x1b[K"
		if want := line + "   1 s  asking AWS, for a minute at most" + line + "   2 s  asking AWS, for a minute at most" + line; out.String() != want {
			t.Errorf("%q", out.String())
		}
	})
	var out strings.Builder
	if count(&out, false, 0)(); out.String() != "" {
		t.Errorf("elsewhere: %q", out.String())
	}
}
